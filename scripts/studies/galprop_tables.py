"""The Galaxy with gas and cross sections that come partly from GALPROP's tables and partly from those shipped."""

from __future__ import annotations

from dataclasses import dataclass, replace

from propmat.galaxy.interactions import AntiprotonCrossSections, Interactions, NuclearCrossSections
from propmat.species import FloatArray, Species


@dataclass(frozen=True)
class MixedNuclei:
    """Destruction from one set, production from another, which knows the same isotopes."""

    destruction: NuclearCrossSections
    making: NuclearCrossSections

    @property
    def name(self) -> str:
        """Of both sets."""
        return f"{self.destruction.name}, {self.making.name}"

    @property
    def isotopes(self) -> tuple[Species, ...]:
        """Those of the first set."""
        return self.destruction.isotopes

    def inelastic(self, species: Species, kinetic_energy: FloatArray) -> FloatArray:
        """Of the first set."""
        return self.destruction.inelastic(species, kinetic_energy)

    def production(self, parent: Species, daughter: Species, kinetic_energy: FloatArray) -> FloatArray | None:
        """Of the second set."""
        return self.making.production(parent, daughter, kinetic_energy)


@dataclass(frozen=True)
class MixedAntiprotons:
    """Destruction (tertiaries included) from one set, production from another."""

    destruction: AntiprotonCrossSections
    making: AntiprotonCrossSections

    @property
    def name(self) -> str:
        """Of both sets."""
        return f"{self.destruction.name}, {self.making.name}"

    def inelastic(self, kinetic_energy: FloatArray) -> FloatArray:
        """Of the first set."""
        return self.destruction.inelastic(kinetic_energy)

    def non_annihilation(self, kinetic_energy: FloatArray) -> FloatArray:
        """Of the first set."""
        return self.destruction.non_annihilation(kinetic_energy)

    def production(
        self, projectile: Species, projectile_energy: FloatArray, antiproton_energy: FloatArray
    ) -> FloatArray | None:
        """Of the second set."""
        return self.making.production(projectile, projectile_energy, antiproton_energy)


def swaps(theirs: Interactions, ours: Interactions) -> dict[str, Interactions]:
    """Their tables with one of ours in place of each in turn, then all of ours."""
    return {
        "gas": replace(theirs, gas=ours.gas),
        "nuclei: inelastic": replace(theirs, nuclei=MixedNuclei(ours.nuclei, theirs.nuclei)),
        "nuclei: production": replace(theirs, nuclei=MixedNuclei(theirs.nuclei, ours.nuclei)),
        "p̄: inelastic": replace(theirs, antiprotons=MixedAntiprotons(ours.antiprotons, theirs.antiprotons)),
        "p̄: production": replace(theirs, antiprotons=MixedAntiprotons(theirs.antiprotons, ours.antiprotons)),
        "all tables": ours,
    }
