"""Heliospheric conditions per Bartels rotation: WSO tilt and polarity, OMNI field and wind at Earth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

import numpy as np

from propmat.errors import FileError, InputError, out_of_range, unknown_name
from propmat.measurements.tables import Column, Schema, Table, read_table
from propmat.resources import datasets_dir

_FILE: Final = "conditions.csv"
_TILT_COLUMNS: Final = {"L": "tilt_L", "R": "tilt_R"}
_SCHEMA: Final = Schema(
    columns=(
        Column("rotation", "integer"),
        Column("start", "date"),
        Column("end", "date"),
        Column("tilt_L", high=90.0),
        Column("tilt_R", high=90.0),
        Column("polarity", "integer", low=-1.0, high=1.0, includes_low=True),
        Column("polarity_certain", "flag"),
        Column("B"),
        Column("days_B", "integer", high=27.0),
        Column("V"),
        Column("days_V", "integer", high=27.0),
    ),
    increasing="rotation",
    bins=("start", "end"),
)


@dataclass(frozen=True)
class Conditions:
    """What was observed in one Bartels rotation.

    Attributes:
        rotation: Bartels rotation number.
        start, end: first and last day of the rotation (27 days, ends included).
        B0: magnetic field at Earth [nT].
        tilt: tilt of the heliospheric current sheet [deg].
        polarity: +1 (field outward in the north) or -1, in this rotation whatever the average of the rest.
        polarity_certain: False in the years around a reversal, where one sign does not describe the heliosphere.
        wind: solar wind speed at Earth [km/s].
    """

    rotation: int
    start: date
    end: date
    B0: float
    tilt: float
    polarity: int
    polarity_certain: bool
    wind: float


def conditions(rotation: int, *, tilt: str = "L", average_rotations: int = 1) -> Conditions:
    """Observed conditions of a rotation; by default its own field, wind and tilt, unaveraged (papers/000).

    Args:
        rotation: Bartels rotation number.
        tilt: WSO's computation of the tilt: ``"L"`` (classic line of sight) or ``"R"`` (radial boundary).
        average_rotations: B0, tilt and wind are means over this many rotations of 27 days, this one the last, for
            what the wind carried out before. papers/001 averages 7-12 months, papers/002 8-16 months.

    Raises:
        InputError: unknown tilt model, a rotation outside the table, or an average that reaches before its start.
        FileError: the table is missing or damaged.
    """
    if tilt not in _TILT_COLUMNS:
        raise unknown_name("tilt model", tilt, _TILT_COLUMNS)
    table = _table()
    numbers = table.columns["rotation"]
    first, last = int(numbers[0]), int(numbers[-1])
    if not first <= rotation <= last:
        raise out_of_range("rotation", rotation, first, last)
    if not 1 <= average_rotations <= rotation - first + 1:
        raise out_of_range("average_rotations", average_rotations, 1, rotation - first + 1)
    if rotation != int(rotation) or average_rotations != int(average_rotations):
        raise InputError(f"rotation = {rotation} and average_rotations = {average_rotations} must be integers.")
    row = int(rotation) - first
    window = slice(row - int(average_rotations) + 1, row + 1)
    return Conditions(
        rotation=int(rotation),
        start=table.columns["start"][row].item(),
        end=table.columns["end"][row].item(),
        B0=float(np.mean(table.numbers("B")[window])),
        tilt=float(np.mean(table.numbers(_TILT_COLUMNS[tilt])[window])),
        polarity=int(table.columns["polarity"][row]),
        polarity_certain=bool(table.columns["polarity_certain"][row]),
        wind=float(np.mean(table.numbers("V")[window])),
    )


@lru_cache(maxsize=1)
def _table() -> Table:
    table = read_table(datasets_dir() / "measurements" / _FILE, _SCHEMA)
    if np.any(np.diff(table.columns["rotation"]) != 1):
        raise FileError(f"{table.path}: the rotations are not consecutive.")
    if np.any(table.columns["polarity"] == 0):
        raise FileError(f"{table.path}: a polarity is 0, it must be +1 or -1.")
    return table
