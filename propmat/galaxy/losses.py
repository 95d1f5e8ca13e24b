"""Continuous energy losses of nuclei by ionisation and Coulomb scattering (Mannheim & Schlickeiser 1994)."""

from __future__ import annotations

from typing import Final

import numpy as np

from propmat.constants import ELECTRON_MASS, SPEED_OF_LIGHT_CM_S
from propmat.galaxy.interactions import HELIUM_PER_HYDROGEN
from propmat.species import FloatArray, Species, beta_from_kinetic_energy

CLASSICAL_ELECTRON_RADIUS_CM: Final = 2.8179403262e-13
REDUCED_PLANCK_GEV_CM: Final = 1.973269804e-14
"""hbar c [GeV cm]."""
EXCITATION_HYDROGEN: Final = 19.0e-9
"""Mean excitation energy of hydrogen [GeV]."""
EXCITATION_HELIUM: Final = 44.0e-9
GAS_TEMPERATURE_GEV: Final = 8.617333262e-14 * 1.0e4
"""kT of the ionised gas at 10^4 K [GeV]."""

_STRENGTH: Final = CLASSICAL_ELECTRON_RADIUS_CM**2 * SPEED_OF_LIGHT_CM_S * ELECTRON_MASS
_THERMAL: Final = (0.75 * np.sqrt(np.pi)) ** (1.0 / 3.0) * np.sqrt(2.0 * GAS_TEMPERATURE_GEV / ELECTRON_MASS)


def ionisation_loss(species: Species, kinetic_energy: FloatArray) -> FloatArray:
    """-dE/dt of the whole nucleus by ionisation, in neutral gas of one hydrogen nucleus per cm^3 and its helium.

    Args:
        species: a nucleus (or antiproton).
        kinetic_energy: (energy,) [GeV/n].

    Returns:
        (energy,) [GeV/s per cm^-3].
    """
    beta = beta_from_kinetic_energy(kinetic_energy, species)
    gamma = 1.0 + kinetic_energy / species.mass_per_nucleon
    transfer = 2.0 * ELECTRON_MASS * (beta * gamma) ** 2
    largest = transfer / (1.0 + 2.0 * gamma * ELECTRON_MASS / species.mass)
    hydrogen = np.log(transfer * largest / EXCITATION_HYDROGEN**2) - 2.0 * beta**2
    helium = np.log(transfer * largest / EXCITATION_HELIUM**2) - 2.0 * beta**2
    stopping = float(species.charge) ** 2 * (hydrogen + HELIUM_PER_HYDROGEN * helium)
    return np.asarray(2.0 * np.pi * _STRENGTH / beta * stopping)


def coulomb_loss(species: Species, kinetic_energy: FloatArray) -> tuple[FloatArray, FloatArray]:
    """-dE/dt of the whole nucleus in ionised gas with n_e electrons per cm^3: n_e * first - n_e ln(n_e) * second.

    The Coulomb logarithm depends on the density; this splits off that part, so that loss is linear in two fields.

    Args:
        species: a nucleus (or antiproton).
        kinetic_energy: (energy,) [GeV/n].

    Returns:
        Two arrays (energy,) [GeV/s per cm^-3].
    """
    beta = beta_from_kinetic_energy(kinetic_energy, species)
    gamma = 1.0 + kinetic_energy / species.mass_per_nucleon
    argument = ELECTRON_MASS**2 * gamma**2 * beta**4 * species.mass
    argument /= np.pi * CLASSICAL_ELECTRON_RADIUS_CM * REDUCED_PLANCK_GEV_CM**2
    argument /= species.mass + 2.0 * gamma * ELECTRON_MASS
    strength = 4.0 * np.pi * _STRENGTH * float(species.charge) ** 2 * beta**2 / (_THERMAL**3 + beta**3)
    return strength * 0.5 * np.log(argument), 0.5 * strength
