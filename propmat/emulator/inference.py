"""What a trained emulator does for its user: matrices and fluxes in, errors out of its domain."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, overload

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline
from torch import Tensor

from propmat.emulator.bundle import Bundle, Card, load_bundle, read_kind
from propmat.emulator.galactic import GalacticEmulator
from propmat.emulator.galactic_bundle import GALACTIC_KIND, load_galactic_bundle
from propmat.errors import InputError, out_of_range, unknown_name
from propmat.parameters import Parameters, ParameterSpace
from propmat.resources import datasets_dir
from propmat.species import FloatArray, Species, get_species
from propmat.spectra import Spectrum
from propmat.transfer import TransferGrid, fold


class Emulator:
    """A trained PropMat. Stateless: every method depends on its arguments only. All arithmetic is float64.

    Attributes:
        card: where it comes from, what it was trained on, how accurate it is.
        grid: rows and columns of its matrices.
    """

    card: Card
    grid: TransferGrid

    def __init__(self, bundle: Bundle) -> None:
        self.card = bundle.card
        self.grid = bundle.grid
        self._network = bundle.network()

    @property
    def parameters(self) -> ParameterSpace:
        """Names, units and trained ranges."""
        return self.card.space

    def matrix(
        self, parameters: Parameters, *, species: str | Species, polarity: int, extrapolate: bool = False
    ) -> FloatArray:
        """Transfer matrices; rows are TOA, columns LIS, every row sums to one.

        Args:
            parameters: {name: scalar or array}, broadcast against each other to a batch shape (…).
            species: a nucleus or antiproton.
            polarity: +1 or -1.
            extrapolate: accept parameters outside the trained ranges (never NaN, never an untrained channel).

        Returns:
            (…, toa, lis).

        Raises:
            InputError: unknown or missing parameter, a value out of range, unknown or untrained species or polarity.
        """
        points = self.parameters.stack(parameters, check=not extrapolate)
        if extrapolate:
            self._check_usable(points)
        particle, drift_sign = self._channel(species, polarity)
        with torch.no_grad():
            log_matrix = self.log_matrix(torch.from_numpy(points), particle.nucleons_per_charge, drift_sign)
        matrix: FloatArray = np.exp(log_matrix.numpy())
        return matrix

    def flux(
        self,
        parameters: Parameters,
        lis: Spectrum,
        *,
        species: str | Species,
        polarity: int,
        kinetic_energy: ArrayLike,
        extrapolate: bool = False,
    ) -> FloatArray:
        """TOA flux of a local interstellar spectrum.

        The rows of the matrix are folded with ``lis``; between rows ln J is a natural cubic spline in ln T.

        Args:
            parameters: as in :meth:`matrix`.
            lis: flux [m^-2 s^-1 sr^-1 (GeV/n)^-1] as a function of kinetic energy [GeV/n].
            species: as in :meth:`matrix`.
            polarity: as in :meth:`matrix`.
            kinetic_energy: (energy,) or scalar [GeV/n], within ``grid.toa``.
            extrapolate: as in :meth:`matrix`; energies are never extrapolated.

        Returns:
            (…, energy), or (…) for a scalar energy [m^-2 s^-1 sr^-1 (GeV/n)^-1].

        Raises:
            InputError: as :meth:`matrix`; an energy outside the grid.
        """
        energy = np.asarray(kinetic_energy, dtype=np.float64)
        operator = self.row_interpolation(np.atleast_1d(energy))
        matrix = self.matrix(parameters, species=species, polarity=polarity, extrapolate=extrapolate)
        rows = fold(matrix, self.grid, lis, get_species(species))
        flux: FloatArray = np.exp(np.log(rows) @ operator.T)
        return flux[..., 0] if energy.ndim == 0 else flux

    def log_matrix(self, points: Tensor, nucleons_per_charge: float, drift_sign: int) -> Tensor:
        """ln M, differentiable in ``points``; checks nothing, see :meth:`matrix`.

        Args:
            points: (…, parameter) float64, raw values in the order of ``parameters.names``.
            nucleons_per_charge: A/|Z|.
            drift_sign: sign(Z) times polarity.

        Returns:
            (…, toa, lis) float64.
        """
        ratio = torch.full(points.shape[:-1], nucleons_per_charge, dtype=points.dtype)
        log_matrix: Tensor = self._network(points, ratio, drift_sign)
        return log_matrix

    def row_interpolation(self, kinetic_energy: ArrayLike) -> FloatArray:
        """The constant linear operator W of ln J(T) = W ln J(rows): a natural cubic spline in ln T.

        Args:
            kinetic_energy: (energy,) [GeV/n], within ``grid.toa``.

        Returns:
            (energy, toa).

        Raises:
            InputError: an energy that is NaN or outside the rows.
        """
        energy = np.asarray(kinetic_energy, dtype=np.float64)
        low, high = float(self.grid.toa[0]), float(self.grid.toa[-1])
        bad = ~((energy >= low) & (energy <= high))
        if np.any(bad):
            raise out_of_range("kinetic_energy", f"{energy[bad].flat[0]:g}", low, high, "GeV/n")
        spline = CubicSpline(np.log(self.grid.toa), np.eye(self.grid.toa.size), bc_type="natural")
        return np.asarray(spline(np.log(energy)), dtype=np.float64)

    def check_channel(self, nucleons_per_charge: float, drift_sign: int) -> None:
        """Raise InputError if A/|Z| or the drift sign was not trained."""
        low, high = self.card.nucleons_per_charge
        if not low - 1e-9 <= nucleons_per_charge <= high + 1e-9:
            raise out_of_range("A/|Z|", f"{nucleons_per_charge:g}", low, high)
        if drift_sign not in self.card.drift_signs:
            raise InputError(f"drift sign {drift_sign:+d} was not trained; trained: {self.card.drift_signs}.")

    def _channel(self, species: str | Species, polarity: int) -> tuple[Species, int]:
        """(species, drift sign), checked against what was trained."""
        particle = get_species(species)
        if particle.mass_number == 0:
            raise InputError(f"species {particle.name!r} is a lepton; this emulator was trained on nuclei.")
        drift_sign = particle.drift_sign(polarity)
        self.check_channel(particle.nucleons_per_charge, drift_sign)
        return particle, drift_sign

    def _check_usable(self, points: FloatArray) -> None:
        """What even extrapolation needs: finite values, and positive ones where a logarithm is taken."""
        for parameter, column in zip(self.parameters.parameters, np.moveaxis(points, -1, 0), strict=True):
            bad = ~np.isfinite(column) | ((column <= 0) if parameter.logarithmic else False)
            if np.any(bad):
                need = "positive and finite" if parameter.logarithmic else "finite"
                raise InputError(f"{parameter.name} = {column[bad].flat[0]:g} must be {need}, even to extrapolate.")


@overload
def load(name_or_path: Literal["galaxy"]) -> GalacticEmulator: ...  # type: ignore[overload-overlap]


@overload
def load(name_or_path: str | Path) -> Emulator: ...


def load(name_or_path: str | Path) -> Emulator | GalacticEmulator:
    """A trained emulator.

    Args:
        name_or_path: a shipped name, such as ``"heliosphere"`` or ``"galaxy"``, or the path of a ``.safetensors``
            bundle. What the file holds decides what is returned.

    Raises:
        InputError: no shipped emulator of that name; the message lists the shipped ones.
        FileError: the file is missing, damaged, foreign, or of a newer schema.
    """
    path = Path(name_or_path)
    if len(path.parts) == 1 and path.suffix != ".safetensors":
        shipped = {file.stem: file for file in (datasets_dir() / "emulators").glob("*.safetensors")}
        if str(name_or_path) not in shipped:
            raise unknown_name("emulator", str(name_or_path), shipped)
        path = shipped[str(name_or_path)]
    if read_kind(path) == GALACTIC_KIND:
        return GalacticEmulator(load_galactic_bundle(path))
    return Emulator(load_bundle(path))
