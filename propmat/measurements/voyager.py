"""Voyager 1 protons and nuclei beyond the heliopause (Cummings et al., Astrophys. J. 831, 18, 2016)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from propmat.errors import unknown_name
from propmat.measurements.tables import Column, Schema, read_table
from propmat.resources import datasets_dir
from propmat.species import FloatArray

VOYAGER_ELEMENTS: Final = ("helium", "boron", "carbon")
"""Elements, isotopes together, that :func:`voyager_lis` knows."""
_COLUMNS: Final = tuple(
    Column(name)
    for name in ("kinetic_energy_low", "kinetic_energy_high", "kinetic_energy", "flux", "total", "systematic")
)


def _schema(columns: tuple[Column, ...], group: str | None = None) -> Schema:
    return Schema(
        columns=columns,
        increasing="kinetic_energy_low",
        group=group,
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
        kinetic_energy_low, kinetic_energy_high: ends of the energy interval of each point [GeV/n].
        kinetic_energy: energy at which the flux is quoted [GeV/n].
        flux: [m^-2 s^-1 sr^-1 (GeV/n)^-1].
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
    return _read("voyager1_proton_2016.csv", _schema(_COLUMNS))


@lru_cache(maxsize=len(VOYAGER_ELEMENTS))
def voyager_lis(element: str) -> LocalFlux:
    """The spectrum of an element from Voyager 1, same days: ``"helium"``, ``"boron"`` or ``"carbon"``.

    The points of boron and carbon are of two series of intervals, one after the other, that overlap in energy.

    Raises:
        InputError: no such element.
        FileError: the table is missing or damaged.
    """
    if element not in VOYAGER_ELEMENTS:
        raise unknown_name("element", element, VOYAGER_ELEMENTS)
    return _read(f"voyager1_{element}_2016.csv", _schema((Column("series", "integer"), *_COLUMNS), "series"))


def _read(file: str, schema: Schema) -> LocalFlux:
    table = read_table(datasets_dir() / "measurements" / file, schema)
    return LocalFlux(*(table.numbers(column.name) for column in _COLUMNS))
