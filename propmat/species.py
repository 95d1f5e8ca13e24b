"""Cosmic-ray species and the exact conversions between rigidity, kinetic energy, momentum and speed.

``kinetic_energy`` is per nucleon [GeV/n] (per particle for leptons), ``rigidity`` in GV, ``momentum`` is the
total momentum in GeV/c. Every conversion takes scalars or arrays and returns the same shape in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from propmat.constants import ATOMIC_MASS_UNIT, ELECTRON_MASS, PROTON_MASS
from propmat.errors import InputError, unknown_name

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Species:
    """One cosmic-ray particle.

    Attributes:
        name: lower-case name, such as ``"proton"`` or ``"helium4"``.
        mass_number: A; 0 for leptons.
        charge: Z in units of e, signed.
        mass: rest mass [GeV].
    """

    name: str
    mass_number: int
    charge: int
    mass: float

    @property
    def nucleons(self) -> int:
        """Divisor of "per nucleon" quantities: A, or 1 for leptons."""
        return max(self.mass_number, 1)

    @property
    def charge_sign(self) -> int:
        """sign(Z)."""
        return 1 if self.charge > 0 else -1

    @property
    def nucleons_per_charge(self) -> float:
        """A/|Z| (1 for leptons): what the heliosphere distinguishes, besides the drift sign."""
        return self.nucleons / abs(self.charge)

    @property
    def mass_per_nucleon(self) -> float:
        """m/A [GeV]."""
        return self.mass / self.nucleons

    @property
    def mass_per_charge(self) -> float:
        """m/|Z| [GeV]: with the rigidity it gives beta."""
        return self.mass / abs(self.charge)

    def drift_sign(self, polarity: int) -> int:
        """sign(Z) * polarity, the sign of every drift velocity.

        Raises:
            InputError: ``polarity`` is not +1 or -1.
        """
        if polarity not in (1, -1):
            raise InputError(f"polarity = {polarity!r} must be +1 (field outward in the north) or -1.")
        return self.charge_sign * int(polarity)


def _nucleus(name: str, mass_number: int, charge: int, atomic_mass: float) -> Species:
    """A bare nucleus from the mass of the neutral atom [u] (AME 2020; electron binding neglected)."""
    return Species(name, mass_number, charge, atomic_mass * ATOMIC_MASS_UNIT - charge * ELECTRON_MASS)


_ALL: Final = (
    Species("proton", 1, 1, PROTON_MASS),
    Species("antiproton", 1, -1, PROTON_MASS),
    Species("electron", 0, -1, ELECTRON_MASS),
    Species("positron", 0, 1, ELECTRON_MASS),
    _nucleus("deuteron", 2, 1, 2.014101778),
    _nucleus("helium3", 3, 2, 3.016029322),
    _nucleus("helium4", 4, 2, 4.002603254),
    _nucleus("lithium6", 6, 3, 6.015122887),
    _nucleus("lithium7", 7, 3, 7.016003434),
    _nucleus("beryllium7", 7, 4, 7.016928714),
    _nucleus("beryllium9", 9, 4, 9.012183062),
    _nucleus("beryllium10", 10, 4, 10.013534692),
    _nucleus("boron10", 10, 5, 10.012936862),
    _nucleus("boron11", 11, 5, 11.009305167),
    _nucleus("carbon12", 12, 6, 12.0),
    _nucleus("carbon13", 13, 6, 13.003354835),
    _nucleus("nitrogen14", 14, 7, 14.003074004),
    _nucleus("nitrogen15", 15, 7, 15.000108899),
    _nucleus("oxygen16", 16, 8, 15.994914619),
    _nucleus("oxygen17", 17, 8, 16.999131757),
    _nucleus("oxygen18", 18, 8, 17.999159613),
    _nucleus("fluorine19", 19, 9, 18.998403163),
    _nucleus("neon20", 20, 10, 19.992440176),
    _nucleus("neon21", 21, 10, 20.993846685),
    _nucleus("neon22", 22, 10, 21.991385110),
    _nucleus("sodium23", 23, 11, 22.989769282),
    _nucleus("magnesium24", 24, 12, 23.985041690),
    _nucleus("magnesium25", 25, 12, 24.985836976),
    _nucleus("magnesium26", 26, 12, 25.982592968),
    _nucleus("aluminium27", 27, 13, 26.981538531),
    _nucleus("silicon28", 28, 14, 27.976926534),
    _nucleus("silicon29", 29, 14, 28.976494665),
    _nucleus("silicon30", 30, 14, 29.973770136),
    _nucleus("iron56", 56, 26, 55.934936355),
)
SPECIES: Final[dict[str, Species]] = {species.name: species for species in _ALL}


def get_species(species: str | Species) -> Species:
    """The species of a name (a Species passes through).

    Raises:
        InputError: no such species; the message names the nearest one.
    """
    if isinstance(species, Species):
        return species
    if species not in SPECIES:
        raise unknown_name("species", species, SPECIES)
    return SPECIES[species]


def rigidity_from_kinetic_energy(kinetic_energy: ArrayLike, species: str | Species) -> FloatArray:
    """R = (A/|Z|) sqrt(T (T + 2 m/A)) [GV] for T [GeV/n]."""
    particle = get_species(species)
    energy = np.asarray(kinetic_energy, dtype=np.float64)
    root: FloatArray = np.sqrt(energy * (energy + 2.0 * particle.mass_per_nucleon))
    return particle.nucleons_per_charge * root


def kinetic_energy_from_rigidity(rigidity: ArrayLike, species: str | Species) -> FloatArray:
    """T [GeV/n] for R [GV], written without cancellation at low rigidity."""
    particle = get_species(species)
    momentum = np.asarray(rigidity, dtype=np.float64) / particle.nucleons_per_charge
    mass = particle.mass_per_nucleon
    energy: FloatArray = momentum**2 / (np.hypot(momentum, mass) + mass)
    return energy


def momentum_from_kinetic_energy(kinetic_energy: ArrayLike, species: str | Species) -> FloatArray:
    """Total momentum [GeV/c] for T [GeV/n]."""
    particle = get_species(species)
    return abs(particle.charge) * rigidity_from_kinetic_energy(kinetic_energy, particle)


def beta_from_kinetic_energy(kinetic_energy: ArrayLike, species: str | Species) -> FloatArray:
    """v/c for T [GeV/n]."""
    particle = get_species(species)
    energy = np.asarray(kinetic_energy, dtype=np.float64)
    mass = particle.mass_per_nucleon
    beta: FloatArray = np.sqrt(energy * (energy + 2.0 * mass)) / (energy + mass)
    return beta
