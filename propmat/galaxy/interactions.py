"""What cosmic rays meet on their way: the interfaces of gas and cross-section sets.

Every cross section is in mb *per hydrogen atom of the gas, with its helium*: sigma_H + 0.11 sigma_He. A rate in a gas
of n_H = n_HI + 2 n_H2 + n_HII hydrogen nuclei [cm^-3] is then beta c n_H sigma.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from propmat.species import FloatArray, Species

HELIUM_PER_HYDROGEN: Final = 0.11
"""Helium over hydrogen by number, in neutral and in ionised gas (papers/000 by way of GALPROP)."""
GAS: Final = ("HI", "H2", "HII")
"""Kinds of gas, in the order of the first axis of :meth:`Gas.column`."""


class Gas(Protocol):
    """An axisymmetric gas distribution; what differs between north and south is averaged."""

    @property
    def name(self) -> str:
        """Of the set, for messages and provenance."""
        ...

    def column(self, radius: FloatArray, height: FloatArray) -> FloatArray:
        """Gas between the plane and each height.

        Args:
            radius: (radius,) galactocentric [kpc].
            height: (height,) at least 0 [kpc].

        Returns:
            (3, radius, height) integral of the number density from 0 to the height [cm^-3 kpc], of HI atoms,
            H2 molecules and HII ions (:data:`GAS`).
        """
        ...


class NuclearCrossSections(Protocol):
    """Destruction and production of nuclei."""

    @property
    def name(self) -> str:
        """Of the set."""
        ...

    @property
    def isotopes(self) -> tuple[Species, ...]:
        """The nuclei propagated, heaviest first, protons last (no antiprotons)."""
        ...

    def inelastic(self, species: Species, kinetic_energy: FloatArray) -> FloatArray:
        """(energy,) inelastic cross section of a nucleus at ``kinetic_energy`` [GeV/n] in mb per H atom."""
        ...

    def production(self, parent: Species, daughter: Species, kinetic_energy: FloatArray) -> FloatArray | None:
        """Production of a daughter at the parent's kinetic energy per nucleon.

        Summed over intermediates that decay within 10 000 years, weighted with their branching.

        Args:
            parent: an isotope of the network, or any other.
            daughter: likewise.
            kinetic_energy: (energy,) [GeV/n].

        Returns:
            (energy,) in mb per H atom, or None where there is no such channel.
        """
        ...


class AntiprotonCrossSections(Protocol):
    """Production and destruction of antiprotons."""

    @property
    def name(self) -> str:
        """Of the set."""
        ...

    def production(
        self, projectile: Species, projectile_energy: FloatArray, antiproton_energy: FloatArray
    ) -> FloatArray | None:
        """Inclusive production of antiprotons, those from antineutrons, and from hyperons, included.

        Args:
            projectile: a nucleus.
            projectile_energy: (projectile,) [GeV/n].
            antiproton_energy: (antiproton,) kinetic energy [GeV].

        Returns:
            (projectile, antiproton) d sigma / dT of the antiproton in mb/GeV per H atom, or None where the set has
            no such projectile (deuterons, and nuclei whose yield is neglected).
        """
        ...

    def inelastic(self, kinetic_energy: FloatArray) -> FloatArray:
        """(energy,) total inelastic cross section of antiprotons, annihilation included, in mb per H atom."""
        ...

    def non_annihilation(self, kinetic_energy: FloatArray) -> FloatArray:
        """(energy,) part of :meth:`inelastic` in which the antiproton survives and loses energy (tertiaries)."""
        ...


@dataclass(frozen=True, eq=False)
class Interactions:
    """Gas and cross sections used together.

    Attributes:
        gas, nuclei, antiprotons: one set each.
    """

    gas: Gas
    nuclei: NuclearCrossSections
    antiprotons: AntiprotonCrossSections
