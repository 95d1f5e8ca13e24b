"""Interstellar proton and antiproton spectra of one GALPROP reference run, until our own solver makes them."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from propmat.measurements.tables import Column, Schema, read_table
from propmat.resources import datasets_dir
from propmat.spectra import LogLogSpline

_FILE: Final = "galprop_p0_antiproton_lis.csv"
_SCHEMA: Final = Schema(
    columns=(Column("kinetic_energy"), Column("antiproton"), Column("proton")), increasing="kinetic_energy"
)


def antiproton_lis() -> LogLogSpline:
    """Antiproton LIS (secondary + tertiary) of point P0 of the GALPROP 56 reference, 0.01-1000 GeV.

    The run is normalised by its protons alone. The header of the table states P0's parameters and what to cite.

    Raises:
        FileError: the table is missing or damaged.
    """
    return _spectrum("antiproton")


def galprop_proton_lis() -> LogLogSpline:
    """Proton LIS (primary + secondary) of the same run; its primaries are 4.4e-2 m^-2 s^-1 sr^-1 GeV^-1 at 100 GeV.

    Raises:
        FileError: the table is missing or damaged.
    """
    return _spectrum("proton")


@lru_cache(maxsize=2)
def _spectrum(name: str) -> LogLogSpline:
    table = read_table(datasets_dir() / "measurements" / _FILE, _SCHEMA)
    return LogLogSpline(table.numbers("kinetic_energy"), table.numbers(name))
