"""Inelastic (reaction) cross sections of nuclei on hydrogen and on the helium of the gas.

Proton-nucleus: the evaluation of V. S. Barashenkov (JINR P2-89-770, Dubna 1989) at twenty energies for ten nuclei,
and the formula of Tripathi, Cucinotta & Wilson (NASA TP-1999-209726) for the deuteron, in ``reactions.csv``; between
two of these nuclei linear in ln A. Proton-proton: Tan & Ng (1983, J. Phys. G 9, 1289).
"""

from __future__ import annotations

import math
from functools import cache
from typing import Final

import numpy as np

from propmat.constants import PROTON_MASS
from propmat.galaxy.interactions import HELIUM_PER_HYDROGEN
from propmat.galaxy.nuclei.tables import Curve, rows
from propmat.species import SPECIES, FloatArray, Species

_PION_THRESHOLD: Final = 0.3
"""Kinetic energy above which protons on protons lose energy to pions [GeV]."""


def proton_proton(kinetic_energy: FloatArray) -> FloatArray:
    """(energy,) inelastic cross section of protons on protons [mb]; Tan & Ng (1983)."""
    open_channel = kinetic_energy > _PION_THRESHOLD
    energy = np.where(open_channel, kinetic_energy, 1.0)
    log_energy = np.log((energy + PROTON_MASS) / 200.0)
    plateau = 32.2 * (1.0 + 0.0273 * log_energy + 0.01 * log_energy**2 * (log_energy > 0.0))
    log_kinetic = np.log(np.minimum(energy, 3.0))
    rise = 1.0 + 0.00262 * np.exp(-(17.9 + 13.8 * log_kinetic + 4.41 * log_kinetic**2) * log_kinetic)
    return np.where(open_channel, plateau / np.where(energy < 3.0, rise, 1.0), 0.0)


@cache
def _reactions() -> tuple[tuple[int, Curve], ...]:
    """Mass number and cross section on hydrogen of the tabulated nuclei, lightest first."""
    table = rows("reactions.csv")
    energy = np.array([float(row["energy"]) for row in table])
    names = [name for name in table[0] if name != "energy"]
    return tuple(
        (SPECIES[name].mass_number, Curve(energy, np.array([float(row[name]) for row in table]))) for name in names
    )


def proton_nucleus(mass_number: int, kinetic_energy: FloatArray) -> FloatArray:
    """(energy,) inelastic cross section of a nucleus, 2 <= A <= 56, on hydrogen at T [GeV/n], in mb."""
    table = _reactions()
    masses = [mass for mass, _ in table]
    upper = min(max(int(np.searchsorted(masses, mass_number)), 1), len(table) - 1)
    (light, below), (heavy, above) = table[upper - 1], table[upper]
    weight = math.log(mass_number / light) / math.log(heavy / light)
    return (1.0 - weight) * below(kinetic_energy) + weight * above(kinetic_energy)


def helium_ratio(mass_number: int) -> float:
    """Inelastic cross section on helium over that on hydrogen (Ferrando et al. 1988, Phys. Rev. C 37, 1490)."""
    return float(2.10 * mass_number**-0.055)


def inelastic(species: Species, kinetic_energy: FloatArray) -> FloatArray:
    """(energy,) inelastic cross section in mb per hydrogen atom of the gas, with its helium, at T [GeV/n]."""
    if species.mass_number == 1:
        on_helium = proton_nucleus(4, kinetic_energy)
        return proton_proton(kinetic_energy) + HELIUM_PER_HYDROGEN * on_helium
    on_hydrogen = proton_nucleus(species.mass_number, kinetic_energy)
    return on_hydrogen * (1.0 + HELIUM_PER_HYDROGEN * helium_ratio(species.mass_number))
