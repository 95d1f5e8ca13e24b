"""Voyager 1 protons beyond the heliopause (Cummings et al., Astrophys. J. 831, 18, 2016)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from propmat.measurements.tables import Column, Schema, read_table
from propmat.resources import datasets_dir
from propmat.species import FloatArray

_FILE: Final = "voyager1_proton_2016.csv"
_SCHEMA: Final = Schema(
    columns=(
        Column("kinetic_energy_low"),
        Column("kinetic_energy_high"),
        Column("kinetic_energy"),
        Column("flux"),
        Column("total"),
        Column("systematic"),
    ),
    increasing="kinetic_energy_low",
    ordered=(
        ("kinetic_energy_low", "kinetic_energy"),
        ("kinetic_energy", "kinetic_energy_high"),
        ("systematic", "total"),
    ),
    bins=("kinetic_energy_low", "kinetic_energy_high"),
)


@dataclass(frozen=True, eq=False)
class LocalFlux:
    """A measured local interstellar spectrum. All arrays are (point,) and read-only.

    Attributes:
        kinetic_energy_low, kinetic_energy_high: ends of the energy interval of each point [GeV].
        kinetic_energy: energy at which the flux is quoted [GeV].
        flux: [m^-2 s^-1 sr^-1 GeV^-1].
        total: total error, same unit; it contains ``systematic``.
        systematic: systematic error, 5 % of the flux.
    """

    kinetic_energy_low: FloatArray
    kinetic_energy_high: FloatArray
    kinetic_energy: FloatArray
    flux: FloatArray
    total: FloatArray
    systematic: FloatArray

    @property
    def statistical(self) -> FloatArray:
        """(point,) sqrt(total^2 - systematic^2)."""
        return np.sqrt(self.total**2 - self.systematic**2)


@lru_cache(maxsize=1)
def voyager_proton_lis() -> LocalFlux:
    """The proton spectrum of Voyager 1, December 2012 to June 2015, 3-346 MeV.

    Raises:
        FileError: the table is missing or damaged.
    """
    table = read_table(datasets_dir() / "measurements" / _FILE, _SCHEMA)
    return LocalFlux(*(table.numbers(column.name) for column in _SCHEMA.columns))
