"""The shipped nuclear cross sections: published formulas, and compact tables of published figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from propmat.errors import unknown_name
from propmat.galaxy.nuclei.inelastic import inelastic
from propmat.galaxy.nuclei.production import production
from propmat.species import SPECIES, FloatArray, Species

__all__ = ["PublishedNuclei"]

_ISOTOPES: Final = (
    "iron56", "silicon30", "silicon29", "silicon28", "aluminium27", "magnesium26", "magnesium25", "magnesium24",
    "sodium23", "neon22", "neon21", "neon20", "fluorine19", "oxygen18", "oxygen17", "oxygen16", "nitrogen15",
    "nitrogen14", "carbon13", "carbon12", "boron11", "boron10", "beryllium10", "beryllium9", "beryllium7", "lithium7",
    "lithium6", "helium4", "helium3", "deuteron", "proton",
)  # fmt: skip


@dataclass(frozen=True)
class PublishedNuclei:
    """Destruction and production of nuclei from published formulas and figures.

    Implements :class:`propmat.galaxy.interactions.NuclearCrossSections`; sources and deviations are in
    docs/galaxy-cross-sections.md. Above silicon there is iron alone.
    """

    name: ClassVar[str] = "published"

    @property
    def isotopes(self) -> tuple[Species, ...]:
        """The nuclei propagated, heaviest first, protons last."""
        return tuple(SPECIES[name] for name in _ISOTOPES)

    def inelastic(self, species: Species, kinetic_energy: FloatArray) -> FloatArray:
        """(energy,) inelastic cross section at ``kinetic_energy`` [GeV/n] in mb per H atom.

        Raises:
            InputError: the nucleus is not of the network.
        """
        if species.name not in _ISOTOPES:
            raise unknown_name("nucleus", species.name, _ISOTOPES)
        return inelastic(species, np.asarray(kinetic_energy, dtype=np.float64))

    def production(self, parent: Species, daughter: Species, kinetic_energy: FloatArray) -> FloatArray | None:
        """(energy,) production at the parent's ``kinetic_energy`` [GeV/n] in mb per H atom; None: no such channel."""
        return production(parent, daughter, np.asarray(kinetic_energy, dtype=np.float64))
