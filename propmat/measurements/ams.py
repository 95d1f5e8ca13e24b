"""AMS-02 proton and antiproton fluxes per Bartels rotation (AMS, Phys. Rev. Lett. 134, 051002, 2025)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from propmat.errors import FileError, InputError, unknown_name
from propmat.measurements.tables import Column, Schema, Table, read_only, read_table
from propmat.resources import datasets_dir
from propmat.species import FloatArray

_FILES: Final = {"proton": "ams02_proton_2025.csv", "antiproton": "ams02_antiproton_2025.csv"}
_SCHEMA: Final = Schema(
    columns=(
        Column("rotation", "integer"),
        Column("rigidity_low"),
        Column("rigidity_high"),
        Column("flux"),
        Column("statistical", includes_low=True),
        Column("time_dependent"),
        Column("systematic"),
    ),
    group="rotation",
    increasing="rigidity_low",
    ordered=(("time_dependent", "systematic"),),
    bins=("rigidity_low", "rigidity_high"),
)


@dataclass(frozen=True, eq=False)
class RotationFlux:
    """The flux of one species in one Bartels rotation. All arrays are read-only.

    Attributes:
        species: ``"proton"`` or ``"antiproton"``.
        rotation: Bartels rotation number.
        rigidity_edges: (bin + 1,) edges of the contiguous bins [GV].
        flux: (bin,) mean flux of the bin [m^-2 s^-1 sr^-1 GV^-1].
        statistical: (bin,) statistical error, same unit; 0 where the published digits round it away.
        time_dependent: (bin,) systematic error that varies from rotation to rotation.
        systematic: (bin,) total systematic error, which contains ``time_dependent``.
    """

    species: str
    rotation: int
    rigidity_edges: FloatArray
    flux: FloatArray
    statistical: FloatArray
    time_dependent: FloatArray
    systematic: FloatArray

    @property
    def time_independent(self) -> FloatArray:
        """(bin,) systematic error common to all rotations: sqrt(systematic^2 - time_dependent^2)."""
        return np.sqrt(self.systematic**2 - self.time_dependent**2)

    @property
    def uncorrelated(self) -> FloatArray:
        """(bin,) error that is independent in each rotation: sqrt(statistical^2 + time_dependent^2)."""
        return np.hypot(self.statistical, self.time_dependent)

    @property
    def total(self) -> FloatArray:
        """(bin,) sqrt(statistical^2 + systematic^2)."""
        return np.hypot(self.statistical, self.systematic)


def rotations(species: str) -> list[int]:
    """Bartels rotations with data, increasing.

    Raises:
        InputError: no such species.
        FileError: the table is missing or damaged.
    """
    return sorted(_fluxes(species))


def rotation_fluxes(species: str, rotation: int) -> RotationFlux:
    """The measured flux of a species in one Bartels rotation.

    Raises:
        InputError: no such species, or no data in this rotation; the message names the nearest one with data.
        FileError: the table is missing or damaged.
    """
    fluxes = _fluxes(species)
    if rotation not in fluxes:
        known = sorted(fluxes)
        nearest = min(known, key=lambda other: abs(other - rotation))
        raise InputError(
            f"rotation = {rotation}: AMS-02 has no {species} flux there. Nearest rotation with data: {nearest}; "
            f"{len(known)} of the rotations {known[0]}-{known[-1]} have data."
        )
    return fluxes[rotation]


@lru_cache(maxsize=len(_FILES))
def _fluxes(species: str) -> dict[int, RotationFlux]:
    if species not in _FILES:
        raise unknown_name("species", species, _FILES)
    table = read_table(datasets_dir() / "measurements" / _FILES[species], _SCHEMA)
    starts = np.flatnonzero(np.diff(table.columns["rotation"], prepend=-1))
    stops = np.append(starts[1:], table.columns["rotation"].size)
    edges = _edges(table, slice(starts[0], stops[0]))
    fluxes = {}
    for rows in map(slice, starts, stops):
        rotation = int(table.columns["rotation"][rows][0])
        if not np.array_equal(_edges(table, rows), edges):
            raise FileError(f"{table.path}: rotation {rotation} has other rigidity bins than the first rotation.")
        names = ("flux", "statistical", "time_dependent", "systematic")
        fluxes[rotation] = RotationFlux(species, rotation, edges, *(table.numbers(name)[rows] for name in names))
    return fluxes


def _edges(table: Table, rows: slice) -> FloatArray:
    """(bin + 1,) edges of the bins in these rows, which must be contiguous."""
    low, high = table.numbers("rigidity_low")[rows], table.numbers("rigidity_high")[rows]
    if not np.array_equal(low[1:], high[:-1]):
        rotation = table.columns["rotation"][rows][0]
        raise FileError(f"{table.path}: the rigidity bins of rotation {rotation} are not contiguous.")
    return read_only(np.append(low, high[-1]))
