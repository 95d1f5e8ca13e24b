"""The small tables of published figures that lie beside this module."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

import numpy as np
from scipy.interpolate import PchipInterpolator

from propmat.species import FloatArray


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a table, column -> text."""
    text = files("propmat.galaxy.nuclei").joinpath(name).read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


class Curve:
    """A smooth curve through a few points: monotone cubic in ln T, constant outside (Fritsch & Carlson 1980).

    Args:
        kinetic_energy: (node,) increasing [GeV/n].
        values: (node,) cross section [mb].
    """

    def __init__(self, kinetic_energy: FloatArray, values: FloatArray) -> None:
        self._range = float(kinetic_energy[0]), float(kinetic_energy[-1])
        self._interpolant = PchipInterpolator(np.log(kinetic_energy), values)

    def __call__(self, kinetic_energy: FloatArray) -> FloatArray:
        """(energy,) the cross section [mb]; the interpolant keeps between its nodes, so it is never negative."""
        values: FloatArray = self._interpolant(np.log(np.clip(kinetic_energy, *self._range)))
        return values
