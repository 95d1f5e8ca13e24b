"""The force-field approximation of solar modulation: one potential, a spherically symmetric and quasi-steady wind."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from propmat.errors import InputError
from propmat.species import FloatArray, Species, get_species
from propmat.spectra import Spectrum


def force_field(lis: Spectrum, kinetic_energy: ArrayLike, potential: ArrayLike, species: str | Species) -> FloatArray:
    """TOA flux of a LIS behind a modulation potential (Gleeson & Axford 1968).

    J_TOA(T) = J_LIS(T + Phi) T(T + 2m) / ((T + Phi)(T + Phi + 2m)) with Phi = phi |Z|/A and m the mass per nucleon:
    J/p^2 is unchanged while the particle loses the energy Phi. The sign of the charge plays no role.

    Args:
        lis: flux outside the heliosphere, as a function of kinetic energy [GeV/n].
        kinetic_energy: T at Earth [GeV/n], finite and positive.
        potential: phi [GV], finite and not negative; broadcast against ``kinetic_energy``.
        species: gives A/|Z| and the mass.

    Returns:
        Flux in the unit of ``lis``, in the broadcast shape of ``kinetic_energy`` and ``potential``.

    Raises:
        InputError: unknown species, or an energy that is not positive, a negative potential, infinities and NaN.
    """
    particle = get_species(species)
    energy = np.asarray(kinetic_energy, dtype=np.float64)
    _require("kinetic_energy", energy, np.isfinite(energy) & (energy > 0.0), "GeV/n", "finite and positive")
    phi = np.asarray(potential, dtype=np.float64)
    _require("potential", phi, np.isfinite(phi) & (phi >= 0.0), "GV", "finite and not negative")
    loss = phi / particle.nucleons_per_charge
    outside = energy + loss
    twice_mass = 2.0 * particle.mass_per_nucleon
    flux: FloatArray = lis(outside) * (energy * (energy + twice_mass)) / (outside * (outside + twice_mass))
    return flux


def _require(key: str, value: FloatArray, allowed: NDArray[np.bool_], unit: str, rule: str) -> None:
    if not np.all(allowed):
        raise InputError(f"{key} = {value[~allowed][0]:g} {unit} must be {rule}.")
