"""Inelastic cross sections of antiprotons on hydrogen and helium: published formulas.

T is the kinetic energy in the frame of the gas [GeV]; every result is in mb, of the shape of T.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from propmat.galaxy.antiprotons.kinematics import mandelstam_s, positive_energies
from propmat.galaxy.interactions import HELIUM_PER_HYDROGEN
from propmat.galaxy.nuclei.inelastic import proton_nucleus, proton_proton
from propmat.species import FloatArray

_HELIUM: Final = 4
_HELIUM_SIZE: Final = 3.3
"""Effective mass number of helium in the antiproton formula (Moskalenko et al. 2002)."""


def antiproton_proton_annihilation(kinetic_energy: FloatArray) -> FloatArray:
    """Annihilation of pbar p: Tan & Ng (1983) below 10 GeV, a Regge power of s above (as Moskalenko et al. 2002)."""
    energy = kinetic_energy
    low = 661.0 * (1.0 + 0.0115 * energy**-0.774 - 0.948 * energy**0.0151)
    return np.where(energy < 10.0, low, 2.0 * 35.43 * mandelstam_s(energy) ** -0.56)


def antiproton_proton_survival(kinetic_energy: FloatArray) -> FloatArray:
    """Inelastic pbar p without annihilation: Tan & Ng's total below 14 GeV less annihilation, p p above."""
    energy = kinetic_energy
    total = 24.7 * (1.0 + 0.584 * energy**-0.115 + 0.856 * energy**-0.566)
    low = np.maximum(total - antiproton_proton_annihilation(energy), 0.0)
    return np.where(energy <= 14.0, low, proton_proton(energy))


def antiproton_helium_annihilation(kinetic_energy: FloatArray) -> FloatArray:
    """Annihilation of pbar 4He (Moskalenko et al., ApJ 565 (2002) 280); at least, and above 5 GeV just, pbar p."""
    energy, z = kinetic_energy, 2.0
    total = _HELIUM_SIZE ** (2.0 / 3.0) * (
        48.2 + 19.0 * energy**-0.55 + (0.1 - 0.18 * energy**-1.2) * z + 0.0012 * energy**-1.5 * z**2
    )
    hydrogen = antiproton_proton_annihilation(energy)
    return np.where(energy > 5.0, hydrogen, np.maximum(total - proton_nucleus(_HELIUM, energy), hydrogen))


class AntiprotonDestruction:
    """The part of a set that all sets share: how antiprotons are destroyed, per hydrogen atom with its helium."""

    def inelastic(self, kinetic_energy: FloatArray) -> FloatArray:
        """(energy,) annihilation and other inelastic reactions together [mb]; (energy,) [GeV] in.

        Raises:
            InputError: an energy is not positive, or the grid not one-dimensional.
        """
        energy = positive_energies("kinetic_energy", kinetic_energy)
        annihilation = antiproton_proton_annihilation(energy)
        annihilation += HELIUM_PER_HYDROGEN * antiproton_helium_annihilation(energy)
        return annihilation + self.non_annihilation(energy)

    def non_annihilation(self, kinetic_energy: FloatArray) -> FloatArray:
        """(energy,) reactions that the antiproton survives, losing energy [mb]; (energy,) [GeV] in.

        On helium it is the inelastic cross section of protons.

        Raises:
            InputError: an energy is not positive, or the grid not one-dimensional.
        """
        energy = positive_energies("kinetic_energy", kinetic_energy)
        return antiproton_proton_survival(energy) + HELIUM_PER_HYDROGEN * proton_nucleus(_HELIUM, energy)
