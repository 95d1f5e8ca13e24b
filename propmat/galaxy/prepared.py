"""The tables of a galaxy on its grids: cross sections, reactions and radial shapes, made once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final

import numpy as np

from propmat.errors import InputError
from propmat.galaxy.domain import build_domain
from propmat.galaxy.interactions import Interactions
from propmat.galaxy.model import Galaxy
from propmat.galaxy.momentum import local_coefficients
from propmat.galaxy.network import TOTALS, Reactions, fragmentation, inclusive_kernel, survival_kernel
from propmat.galaxy.schemes import Coefficients, fourth_order_scheme, galprop_scheme
from propmat.galaxy.space import radial_shapes
from propmat.species import SPECIES, FloatArray, Species

RADIAL_HEIGHTS: Final = (1.5, 4.0, 15.0)
"""Half-heights of the halos whose radial shapes are collected [kpc]."""
SECONDS_PER_MYR: Final = 3.15576e13


def prepare(galaxy: Galaxy, interactions: Interactions | None = None) -> Prepared:
    """The tables of a galaxy: read and put on its grid once.

    Args:
        galaxy: the model.
        interactions: gas and cross sections in place of those that it names.

    Raises:
        FileError: the file of tables is missing or damaged.
        InputError: an unknown set of cross sections, or one without protons.
    """
    tables = Path(galaxy.tables) if galaxy.tables and interactions is None else None
    stamp = (tables.stat().st_mtime_ns, tables.stat().st_size) if tables is not None and tables.is_file() else None
    return _prepare(galaxy, interactions, stamp)


@lru_cache(maxsize=8)
def _prepare(galaxy: Galaxy, interactions: Interactions | None, stamp: tuple[int, int] | None) -> Prepared:
    """The same, kept until the model, the objects or the file of tables are others."""
    found = Prepared(galaxy, interactions or default_interactions(galaxy))
    if SPECIES["proton"] not in found.isotopes:
        raise InputError(f"the nuclear cross sections {found.interactions.nuclei.name!r} must include protons.")
    return found


def default_interactions(galaxy: Galaxy) -> Interactions:
    """The gas and cross sections that a galaxy names; raises as :func:`prepare`."""
    if galaxy.tables:
        from propmat.galaxy.tables import read_tables

        return read_tables(galaxy.tables)
    from propmat.galaxy.antiprotons import get_antiprotons
    from propmat.galaxy.gas import GalacticGas
    from propmat.galaxy.nuclei import PublishedNuclei

    return Interactions(GalacticGas(), PublishedNuclei(), get_antiprotons(galaxy.antiprotons))


@dataclass(frozen=True, eq=False)
class Prepared:
    """What does not depend on the parameters."""

    galaxy: Galaxy
    interactions: Interactions
    _inelastic: dict[tuple[str, int], FloatArray] = field(default_factory=dict, repr=False)

    @cached_property
    def isotopes(self) -> tuple[Species, ...]:
        """The nuclei, heaviest first."""
        return tuple(
            isotope for isotope in self.interactions.nuclei.isotopes if isotope.mass_number <= self.galaxy.heaviest
        )

    @property
    def species(self) -> tuple[str, ...]:
        """Names of all species, protons first, antiprotons last."""
        return (*(isotope.name for isotope in reversed(self.isotopes)), "antiproton")

    @cached_property
    def energy(self) -> FloatArray:
        """(energy,) [GeV/n]."""
        return self.galaxy.kinetic_energy

    @cached_property
    def radial(self) -> FloatArray:
        """(radius, shape) radial shapes."""
        return radial_shapes([build_domain(self.galaxy, self.interactions.gas, height) for height in RADIAL_HEIGHTS])

    @cached_property
    def reactions(self) -> dict[str, Reactions]:
        """Component -> what makes it, parents first."""
        found = {isotope.name: self._nuclear(isotope) for isotope in self.isotopes}
        found |= self._nucleons()
        parents = {name: [*made.local, *made.decay, *made.kernel] for name, made in found.items()}
        return {name: found[name] for name in TopologicalSorter(parents).static_order()}

    def _nuclear(self, daughter: Species) -> Reactions:
        local = {}
        for parent in self.isotopes:
            if parent.mass_number > daughter.mass_number and daughter.name != "proton":
                production = self.interactions.nuclei.production(parent, daughter, self.energy)
                if production is not None and np.any(production > 0):
                    local[parent.name] = fragmentation(parent, daughter, self.energy, production)
        decay = {}
        if daughter.name == "boron10" and SPECIES["beryllium10"] in self.isotopes:
            decay["beryllium10"] = self.decay_rate(SPECIES["beryllium10"], self.energy)
        return Reactions(local, decay, {})

    def _nucleons(self) -> dict[str, Reactions]:
        """Secondary protons and antiprotons."""
        end_weight = 1.0 if self.galaxy.scheme == "galprop" else 0.5
        sets = self.interactions
        knocked = survival_kernel(
            self.energy, sets.nuclei.inelastic(SPECIES["proton"], self.energy), end_weight=end_weight
        )
        surviving = survival_kernel(self.energy, sets.antiprotons.non_annihilation(self.energy), end_weight=end_weight)
        produced = {}
        for projectile in self.isotopes:
            spectrum = sets.antiprotons.production(projectile, self.energy, self.energy)
            if spectrum is not None:
                produced[projectile.name] = inclusive_kernel(projectile, self.energy, spectrum)
        if "proton" in produced:
            produced["proton_secondary"] = produced["proton"]
        return {
            "proton_secondary": Reactions({}, {}, {"proton": knocked}),
            "antiproton": Reactions({}, {}, produced),
            "antiproton_tertiary": Reactions({}, {}, {"antiproton": surviving}),
        }

    def decay_rate(self, species: Species, energy: FloatArray) -> FloatArray:
        """(energy,) ln 2 / (gamma t_half) [1/s]; zero for stable nuclei."""
        if species.name != "beryllium10":
            return np.zeros_like(energy)
        half_life = self.galaxy.beryllium10_half_life * SECONDS_PER_MYR
        return np.asarray(np.log(2.0) / half_life / (1.0 + energy / species.mass_per_nucleon))

    def coefficients(self, species: Species, energy: FloatArray, parameters: Mapping[str, float]) -> Coefficients:
        """The transport operator of a species on some energies."""
        inelastic = self.inelastic(species, energy)
        local = local_coefficients(species, energy, parameters, inelastic, self.decay_rate(species, energy))
        scheme = galprop_scheme if self.galaxy.scheme == "galprop" else fourth_order_scheme
        return scheme(species, energy, parameters, local)

    def inelastic(self, species: Species, energy: FloatArray) -> FloatArray:
        """(energy,) inelastic cross section [mb per H atom], kept for each of the grids, which differ in length."""
        key = species.name, energy.size
        if key not in self._inelastic:
            sets = self.interactions
            antiproton = species.name == "antiproton"
            self._inelastic[key] = (
                sets.antiprotons.inelastic(energy) if antiproton else sets.nuclei.inelastic(species, energy)
            )
        return self._inelastic[key]

    def ancestors(self, species: Sequence[str]) -> set[str]:
        """Components that contribute to some species."""
        wanted: set[str] = set()
        waiting = [part for name in species for part in TOTALS.get(name, (name,))]
        while waiting:
            name = waiting.pop()
            if name not in wanted:
                wanted.add(name)
                made = self.reactions[name]
                waiting += [*made.local, *made.decay, *made.kernel]
        return wanted
