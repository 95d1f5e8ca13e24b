"""Spectra: functions from kinetic energy [GeV/n] to flux [m^-2 s^-1 sr^-1 (GeV/n)^-1]."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline

from propmat.errors import InputError
from propmat.species import (
    FloatArray,
    Species,
    beta_from_kinetic_energy,
    get_species,
    kinetic_energy_from_rigidity,
    rigidity_from_kinetic_energy,
)


class Spectrum(Protocol):
    """Anything that turns kinetic energies [GeV/n] into fluxes [m^-2 s^-1 sr^-1 (GeV/n)^-1]."""

    def __call__(self, kinetic_energy: ArrayLike, /) -> FloatArray:
        """Flux at each energy, in the shape of ``kinetic_energy``."""
        ...


@dataclass(frozen=True)
class LogLogSpline:
    """Natural cubic spline of ln(flux) in ln(kinetic energy), a power law beyond its first and last knot.

    Attributes:
        kinetic_energy: (knot,) increasing [GeV/n].
        flux: (knot,) positive [m^-2 s^-1 sr^-1 (GeV/n)^-1].

    Raises:
        InputError: fewer than 2 knots, unequal lengths, energies not increasing, or fluxes not positive.
    """

    kinetic_energy: FloatArray
    flux: FloatArray
    _spline: CubicSpline = field(init=False, repr=False)

    def __post_init__(self) -> None:
        energy = np.asarray(self.kinetic_energy, dtype=np.float64)
        flux = np.asarray(self.flux, dtype=np.float64)
        if energy.ndim != 1 or energy.shape != flux.shape or energy.size < 2:
            raise InputError(f"a spline needs two arrays of equal length >= 2, got {energy.shape}, {flux.shape}.")
        if not (np.all(np.isfinite(energy)) and energy[0] > 0 and np.all(np.diff(energy) > 0)):
            raise InputError("the kinetic energies of a spline must be positive, finite and increasing.")
        if not (np.all(np.isfinite(flux)) and np.all(flux > 0)):
            raise InputError("the fluxes of a spline must be positive and finite.")
        object.__setattr__(self, "kinetic_energy", energy)
        object.__setattr__(self, "flux", flux)
        object.__setattr__(self, "_spline", CubicSpline(np.log(energy), np.log(flux), bc_type="natural"))

    def __call__(self, kinetic_energy: ArrayLike, /) -> FloatArray:
        """Flux at each energy, in the shape of ``kinetic_energy``."""
        log_energy = np.log(np.asarray(kinetic_energy, dtype=np.float64))
        inside = np.clip(log_energy, self._spline.x[0], self._spline.x[-1])
        log_flux = self._spline(inside) + (log_energy - inside) * self._spline(inside, 1)
        return np.asarray(np.exp(log_flux), dtype=np.float64)


@dataclass(frozen=True)
class BrokenPowerLaw:
    """Power law in rigidity with up to two sharp breaks, as a flux per GeV/n.

    dJ/dR = normalisation * (R / reference)^(-index_0), the index changing to ``indices[k]`` above ``breaks[k-1]``,
    continuous at each break.

    Attributes:
        species: converts between rigidity and kinetic energy.
        normalisation: dJ/dR at ``reference`` [m^-2 s^-1 sr^-1 GV^-1].
        indices: 1 to 3 positive-downward slopes.
        breaks: one fewer, increasing [GV].
        reference: rigidity at which the normalisation holds [GV].

    Raises:
        InputError: wrong number or order of the breaks, or a normalisation that is not positive.
    """

    species: Species
    normalisation: float
    indices: tuple[float, ...]
    breaks: tuple[float, ...] = ()
    reference: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= len(self.indices) <= 3 or len(self.breaks) != len(self.indices) - 1:
            raise InputError(f"{len(self.indices)} indices need {len(self.indices) - 1} breaks (at most 2 breaks).")
        if not all(low < high for low, high in pairwise((0.0, *self.breaks, np.inf))):
            raise InputError(f"breaks = {self.breaks} must be positive and increasing [GV].")
        for key, value in (("normalisation", self.normalisation), ("reference", self.reference)):
            if not 0 < value < np.inf:
                raise InputError(f"{key} = {value} must be positive and finite.")

    def _log_shape(self, rigidity: FloatArray) -> FloatArray:
        """ln of the broken law, 0 at 1 GV extrapolated with the first index."""
        log_flux: FloatArray = -self.indices[0] * np.log(rigidity)
        for rigidity_break, before, after in zip(self.breaks, self.indices[:-1], self.indices[1:], strict=True):
            log_flux = log_flux - (after - before) * np.log(np.maximum(rigidity / rigidity_break, 1.0))
        return log_flux

    def __call__(self, kinetic_energy: ArrayLike, /) -> FloatArray:
        """Flux at each energy, in the shape of ``kinetic_energy``."""
        rigidity = rigidity_from_kinetic_energy(kinetic_energy, self.species)
        reference = self._log_shape(np.asarray(self.reference, dtype=np.float64))
        per_rigidity = self.normalisation * np.exp(self._log_shape(rigidity) - reference)
        return flux_per_energy(per_rigidity, kinetic_energy, self.species)


def flux_per_rigidity(flux: ArrayLike, kinetic_energy: ArrayLike, species: str | Species) -> FloatArray:
    """Flux per GV from flux per GeV/n at ``kinetic_energy`` [GeV/n]: dT/dR = beta |Z| / A."""
    particle = get_species(species)
    jacobian = beta_from_kinetic_energy(kinetic_energy, particle) / particle.nucleons_per_charge
    return np.asarray(flux, dtype=np.float64) * jacobian


def flux_per_energy(flux: ArrayLike, kinetic_energy: ArrayLike, species: str | Species) -> FloatArray:
    """Flux per GeV/n from flux per GV at ``kinetic_energy`` [GeV/n], the inverse of :func:`flux_per_rigidity`."""
    particle = get_species(species)
    jacobian = beta_from_kinetic_energy(kinetic_energy, particle) / particle.nucleons_per_charge
    return np.asarray(flux, dtype=np.float64) / jacobian


def rigidity_bin_average(spectrum: Spectrum, edges: ArrayLike, species: str | Species, order: int = 8) -> FloatArray:
    """Mean flux per GV [m^-2 s^-1 sr^-1 GV^-1] in each rigidity bin, by Gauss-Legendre quadrature in ln R.

    Args:
        spectrum: flux per GeV/n.
        edges: (bin + 1,) increasing rigidities [GV].
        species: converts rigidity to kinetic energy.
        order: quadrature points a bin.

    Returns:
        (bin,) averages.
    """
    nodes, weights = bin_quadrature(edges, order)
    energy = kinetic_energy_from_rigidity(nodes, species)
    average: FloatArray = np.sum(weights * flux_per_rigidity(spectrum(energy), energy, species), axis=-1)
    return average


def bin_quadrature(edges: ArrayLike, order: int = 8) -> tuple[FloatArray, FloatArray]:
    """Gauss-Legendre nodes and weights in the logarithm, for averages of steep functions over bins.

    Args:
        edges: (bin + 1,) positive and increasing, in any unit (GV, GeV/n).
        order: points a bin.

    Returns:
        Nodes (bin, order) in the unit of ``edges`` and weights (bin, order), such that
        sum(weights * f(nodes)) over the last axis is the mean of f over each bin.

    Raises:
        InputError: ``edges`` are not as described.
    """
    limits = np.asarray(edges, dtype=np.float64)
    if not (limits.ndim == 1 and limits.size >= 2 and np.all(np.isfinite(limits))):
        raise InputError(f"bin edges must be a 1-D array of at least two finite values, got shape {limits.shape}.")
    if not (limits[0] > 0 and np.all(np.diff(limits) > 0)):
        raise InputError("bin edges must be positive and increasing.")
    points, point_weights = np.polynomial.legendre.leggauss(order)
    low, high = np.log(limits[:-1, None]), np.log(limits[1:, None])
    nodes = np.exp(0.5 * (high + low) + 0.5 * (high - low) * points)
    weights = 0.5 * (high - low) * point_weights * nodes / np.diff(limits)[:, None]
    return nodes, weights


_PROTON_LIS_LOG10_ENERGY = (-2.42, -1.41, -0.50, 0.0, 0.50, 1.00, 1.50, 2.00)
_PROTON_LIS_LOG10_FLUX = (4.3003, 4.4676, 4.0396, 3.4675, 2.5702, 1.4101, 0.0685, -1.3465)


def proton_lis() -> LogLogSpline:
    """The proton LIS spline of papers/001 (Table 1): fits Voyager 1 below 0.3 GeV, PAMELA and AMS-02 above 30 GeV.

    It lies 10-20 % above AMS-02 at 10-40 GV; fits leave its knots above 1 GeV free.
    """
    return LogLogSpline(10.0 ** np.array(_PROTON_LIS_LOG10_ENERGY), 10.0 ** np.array(_PROTON_LIS_LOG10_FLUX))
