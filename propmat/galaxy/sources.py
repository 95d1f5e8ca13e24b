"""Where cosmic rays are injected, with which spectrum, and how much of each isotope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from propmat.species import FloatArray, Species, rigidity_from_kinetic_energy

SUN_RADIUS_KPC: Final = 8.5
NORMALISATION_ENERGY: Final = 100.0
"""Where the abundances, and the flux of primary protons, are given [GeV/n]."""
ABUNDANCES: Final[dict[str, float]] = {
    "proton": 1.06e6,
    "helium3": 9.033,
    "helium4": 7.199e4,
    "carbon12": 2819.0,
    "nitrogen14": 182.8,
    "oxygen16": 3822.0,
    "oxygen18": 1.286,
    "neon20": 312.5,
    "neon22": 100.1,
    "sodium23": 22.84,
    "magnesium24": 658.1,
    "magnesium25": 82.5,
    "magnesium26": 104.7,
    "aluminium27": 76.42,
    "silicon28": 725.7,
    "silicon29": 35.02,
    "silicon30": 24.68,
    "iron56": 697.7,
}
"""Injected per unit kinetic energy per nucleon at 100 GeV/n, relative, as in the reference runs of galaxy.md."""


def radial_profile(radius: FloatArray, alpha: float, beta: float, cutoff: float) -> FloatArray:
    """(r/8.5)^alpha exp(-beta (r - 8.5)/8.5), 1 at the Sun, 0 from ``cutoff`` on (galaxy.md, section 6) [kpc]."""
    scaled = radius / SUN_RADIUS_KPC
    profile: FloatArray = np.where(radius < cutoff, scaled**alpha * np.exp(-beta * (scaled - 1.0)), 0.0)
    return profile


def injection_shape(rigidity: ArrayLike, parameters: Mapping[str, float]) -> FloatArray:
    """Injection per unit momentum against rigidity [GV], 1 at the first break; power laws nu1, nu2, nu3.

    Args:
        rigidity: any shape [GV].
        parameters: with nu1, nu2, nu3, R_br1 and R_br2.
    """
    found = np.asarray(rigidity, dtype=np.float64)
    first, second = found / parameters["R_br1"], found / parameters["R_br2"]
    shape = np.where(first < 1.0, first ** -parameters["nu1"], first ** -parameters["nu2"])
    steepening: FloatArray = shape * np.maximum(second, 1.0) ** (parameters["nu2"] - parameters["nu3"])
    return steepening


def injection(species: Species, kinetic_energy: FloatArray, parameters: Mapping[str, float]) -> FloatArray:
    """Injection per unit total momentum, such that all species have their abundance / A at 100 GeV/n.

    Args:
        species: an isotope; without abundance nothing is injected.
        kinetic_energy: any shape [GeV/n].
        parameters: with nu1, nu2, nu3, R_br1 and R_br2.
    """
    abundance = ABUNDANCES.get(species.name, 0.0) / species.nucleons
    reference = injection_shape(rigidity_from_kinetic_energy(NORMALISATION_ENERGY, species), parameters)
    shape: FloatArray = injection_shape(rigidity_from_kinetic_energy(kinetic_energy, species), parameters)
    return abundance * shape / reference
