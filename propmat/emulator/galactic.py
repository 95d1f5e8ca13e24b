"""The emulator of the Galaxy for its user: what :class:`propmat.galaxy.Galaxy` gives, without solving anything."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
import torch
from torch import Tensor

from propmat.emulator.galactic_bundle import GalacticBundle, GalacticCard
from propmat.emulator.galactic_columns import GROUPS, REFERENCE_SLOPE, GalacticGrid, groups_of
from propmat.emulator.galactic_network import GalacticNetwork
from propmat.errors import InputError, unknown_name
from propmat.galaxy.local_spectra import LocalSpectra
from propmat.parameters import Parameters, ParameterSpace
from propmat.species import FloatArray

INJECTED: Final = ("proton", "nuclei")
"""What is injected: protons, and all heavier nuclei together, whose abundances are fixed."""


class GalacticEmulator:
    """A trained PropMat of the Galaxy. Stateless: every method depends on its arguments only. Arithmetic is float64.

    Attributes:
        card: where it comes from, what it was trained on, how accurate it is.
        grid: energies of the spectra, ``grid.rows``, and of the injection, ``grid.energy``.
    """

    card: GalacticCard
    grid: GalacticGrid

    def __init__(self, bundle: GalacticBundle) -> None:
        self.card, self.grid = bundle.card, bundle.grid
        self._network: GalacticNetwork = bundle.network()

    @property
    def parameters(self) -> ParameterSpace:
        """Names, units and trained ranges."""
        return self.card.space

    @property
    def species(self) -> tuple[str, ...]:
        """Species whose spectra it gives."""
        return self.card.species

    @property
    def kinetic_energy(self) -> FloatArray:
        """(row,) energies of the spectra [GeV/n]."""
        return self.grid.rows

    def solve(self, parameters: Parameters, *, extrapolate: bool = False) -> LocalSpectra:
        """Spectra at the Sun for one parameter point, as :meth:`propmat.galaxy.Galaxy.solve` gives them.

        Their :meth:`LocalSpectra.green` is :meth:`green`.

        Args:
            parameters: nu1, nu2, nu3, R_br1, R_br2, D0, eta, delta, v_A, z_h.
            extrapolate: accept parameters outside the trained ranges.

        Raises:
            InputError: a parameter that is missing, unknown, out of range or no single number.
        """
        points = self._points(parameters, extrapolate)
        if points.ndim != 1:
            raise InputError(f"solve takes one parameter point, got arrays of shape {tuple(points.shape[:-1])}.")
        flux = self.log_flux(points).exp().numpy()
        fluxes = dict(zip(self.species, flux, strict=True))
        return LocalSpectra(self.kinetic_energy, fluxes, matrices=partial(self._green, points))

    def flux(self, parameters: Parameters, species: str, *, extrapolate: bool = False) -> FloatArray:
        """Fluxes of one species at many points.

        Args:
            parameters: {name: scalar or array}, broadcast against each other to a batch shape (…).
            species: one of :attr:`species`.
            extrapolate: as in :meth:`solve`.

        Returns:
            (…, row) at :attr:`kinetic_energy` [m^-2 s^-1 sr^-1 (GeV/n)^-1].

        Raises:
            InputError: as :meth:`solve`; an unknown species.
        """
        if species not in self.species:
            raise unknown_name("species", species, self.species)
        log_flux = self.log_flux(self._points(parameters, extrapolate))
        flux: FloatArray = log_flux[..., self.species.index(species), :].exp().numpy()
        return flux

    def log_flux(self, points: Tensor) -> Tensor:
        """ln J, differentiable in ``points``; checks nothing, see :meth:`flux`.

        Args:
            points: (…, 10) float64, raw values in the order of ``parameters.names``.

        Returns:
            (…, species, row) float64.
        """
        found: Tensor = self._network(points.reshape(-1, points.shape[-1]))
        return found.reshape(*points.shape[:-1], *found.shape[1:])

    def injection(self, parameters: Parameters, injected: str) -> FloatArray:
        """(energy,) what is injected, in units of the flux of primary protons at 100 GeV that comes of it.

        Args:
            parameters: one point, as in :meth:`solve`.
            injected: ``"proton"`` or ``"nuclei"``.

        Raises:
            InputError: as :meth:`solve`; an unknown name.
        """
        points = self._points(parameters, extrapolate=False)[None]
        group = _group(injected)
        with torch.no_grad():
            shapes = self._network.injection(points)
            scale = self._network.normalisation(points).exp()
            injection: FloatArray = (shapes[0, group] * self._reference(group) / scale[0]).numpy()
        return injection

    def green(self, parameters: Parameters, injected: str, observed: str) -> FloatArray:
        """The transfer matrix from what is injected to an observed species, all its secondary steps included.

        The flux of ``observed`` is the sum over ``injected`` of ``green(…) @ injection(…)``.

        Args:
            parameters: one point, as in :meth:`solve`.
            injected: ``"proton"`` or ``"nuclei"``.
            observed: one of :attr:`species`.

        Returns:
            (row, energy) at ``grid.rows`` and ``grid.energy``.

        Raises:
            InputError: as :meth:`solve`; an unknown name.
        """
        return self._green(self._points(parameters, extrapolate=False), injected, observed)

    def _green(self, points: Tensor, injected: str, observed: str) -> FloatArray:
        group = _group(injected)
        if observed not in self.species:
            raise unknown_name("observed species", observed, self.species)
        groups = groups_of(observed)
        if group not in groups:
            return np.zeros((self.grid.rows.size, self.grid.energy.size))
        number, network = self.species.index(observed), self._network
        with torch.no_grad():
            coefficients = network.coefficients(points[None])[number]
            split = self.card.network.n_amplitude
            amplitude = network.amplitudes[number](coefficients[:, :split])[0].exp()
            kernel = network.kernels[number](coefficients[:, split:])[:, 0]
            spread = network.columns.spread(kernel, group, len(groups) == 2)
            matrix: FloatArray = (amplitude[:, None] * spread / self._reference(group)).numpy()
        return matrix

    def _reference(self, group: int) -> Tensor:
        """(energy,) the power law relative to which an injection is described."""
        distance = self._network.injection.log_rigidity[group] - self._network.injection.log_pivot[group]
        return torch.exp(-REFERENCE_SLOPE * distance)

    def _points(self, parameters: Parameters, extrapolate: bool) -> Tensor:
        points = self.parameters.stack(parameters, check=not extrapolate)
        if extrapolate:
            for name, column in zip(self.parameters.names, np.moveaxis(points, -1, 0), strict=True):
                bad = ~np.isfinite(column) | ((column <= 0.0) & (name in ("R_br1", "R_br2", "D0", "v_A", "z_h")))
                if np.any(bad):
                    raise InputError(f"{name} = {column[bad].flat[0]:g} cannot be used, even to extrapolate.")
        return torch.from_numpy(points)


def _group(injected: str) -> int:
    """The number among :data:`GROUPS` of what is injected."""
    if injected not in INJECTED:
        raise unknown_name("injected", injected, INJECTED)
    assert len(INJECTED) == len(GROUPS)
    return INJECTED.index(injected)
