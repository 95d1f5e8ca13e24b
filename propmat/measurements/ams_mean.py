"""AMS-02 fluxes and ratios averaged over May 2011 to May 2018 (AMS, Phys. Rept. 894, 1, 2021).

Compare protons, antiprotons and their ratio within this set: the fluxes per rotation (:mod:`propmat.measurements.ams`)
are of a later analysis, and their mean over the same months differs by up to 1.3 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from propmat.errors import FileError, unknown_name
from propmat.measurements.tables import Column, Schema, Table, read_only, read_table
from propmat.resources import datasets_dir
from propmat.species import FloatArray

MEAN_FLUXES: Final = {"proton": "ams02_proton_mean_2021.csv", "antiproton": "ams02_antiproton_mean_2021.csv"}
"""Species whose mean flux is shipped, and its table."""
RATIOS: Final = {
    "antiproton/proton": "ams02_antiproton_to_proton_2021.csv",
    "boron/carbon": "ams02_boron_to_carbon_2021.csv",
}
"""Ratios that are shipped, and their tables."""
_EDGES: Final = (Column("rigidity_low"), Column("rigidity_high"))
_ERRORS: Final = (Column("statistical", includes_low=True), Column("systematic"))


@dataclass(frozen=True, eq=False)
class MeanFlux:
    """A flux averaged over seven years. All arrays are read-only.

    Attributes:
        species: ``"proton"`` or ``"antiproton"``.
        rigidity_edges: (bin + 1,) edges of the contiguous bins [GV].
        flux: (bin,) mean flux of the bin [m^-2 s^-1 sr^-1 GV^-1].
        statistical: (bin,) statistical error, same unit; 0 where the published digits round it away.
        systematic: (bin,) systematic error.
    """

    species: str
    rigidity_edges: FloatArray
    flux: FloatArray
    statistical: FloatArray
    systematic: FloatArray

    @property
    def total(self) -> FloatArray:
        """(bin,) sqrt(statistical^2 + systematic^2)."""
        return np.hypot(self.statistical, self.systematic)


@dataclass(frozen=True, eq=False)
class MeanRatio:
    """A ratio of fluxes averaged over seven years, at equal rigidity. All arrays are (point,) and read-only.

    Attributes:
        name: ``"antiproton/proton"`` or ``"boron/carbon"``.
        rigidity: geometric centre of the bin [GV].
        ratio: of the fluxes per GV.
        statistical, systematic: errors.
        rigidity_edges: (point + 1,) edges of the bins [GV]; None where the source gives only centres (B/C).
    """

    name: str
    rigidity: FloatArray
    ratio: FloatArray
    statistical: FloatArray
    systematic: FloatArray
    rigidity_edges: FloatArray | None = None

    @property
    def total(self) -> FloatArray:
        """(point,) sqrt(statistical^2 + systematic^2)."""
        return np.hypot(self.statistical, self.systematic)


@lru_cache(maxsize=len(MEAN_FLUXES))
def mean_flux(species: str) -> MeanFlux:
    """The mean flux of a species.

    Raises:
        InputError: no such species.
        FileError: the table is missing or damaged.
    """
    if species not in MEAN_FLUXES:
        raise unknown_name("species", species, MEAN_FLUXES)
    table = _binned(MEAN_FLUXES[species], "flux")
    return MeanFlux(species, _edges(table), *(table.numbers(name) for name in ("flux", "statistical", "systematic")))


@lru_cache(maxsize=len(RATIOS))
def mean_ratio(name: str) -> MeanRatio:
    """A mean ratio, ``"antiproton/proton"`` or ``"boron/carbon"``.

    Raises:
        InputError: no such ratio.
        FileError: the table is missing or damaged.
    """
    if name not in RATIOS:
        raise unknown_name("ratio", name, RATIOS)
    if name == "boron/carbon":
        table = _read(RATIOS[name], Schema((Column("rigidity"), Column("ratio"), *_ERRORS), increasing="rigidity"))
        edges, rigidity = None, table.numbers("rigidity")
    else:
        table = _binned(RATIOS[name], "ratio")
        edges = _edges(table)
        rigidity = read_only(np.sqrt(edges[1:] * edges[:-1]))
    ratio, statistical, systematic = (table.numbers(column) for column in ("ratio", "statistical", "systematic"))
    return MeanRatio(name, rigidity, ratio, statistical, systematic, edges)


def _binned(file: str, value: str) -> Table:
    return _read(
        file,
        Schema(
            columns=(*_EDGES, Column(value), *_ERRORS),
            increasing="rigidity_low",
            bins=("rigidity_low", "rigidity_high"),
        ),
    )


def _read(file: str, schema: Schema) -> Table:
    return read_table(datasets_dir() / "measurements" / file, schema)


def _edges(table: Table) -> FloatArray:
    """(bin + 1,) edges of contiguous bins."""
    low, high = table.numbers("rigidity_low"), table.numbers("rigidity_high")
    if not np.array_equal(low[1:], high[:-1]):
        raise FileError(f"{table.path}: the rigidity bins are not contiguous.")
    return read_only(np.append(low, high[-1]))
