"""Antiprotons made and destroyed in the interstellar gas: interchangeable sets of cross sections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from propmat.errors import unknown_name
from propmat.galaxy.antiprotons.aafrag import AafragAntiprotons
from propmat.galaxy.antiprotons.tan_ng import TanNgAntiprotons
from propmat.galaxy.antiprotons.winkler import KORSMEIER_2018, WINKLER_2017, WinklerAntiprotons, WinklerParameters
from propmat.galaxy.interactions import AntiprotonCrossSections

__all__ = [
    "ANTIPROTON_SETS",
    "KORSMEIER_2018",
    "WINKLER_2017",
    "AafragAntiprotons",
    "TanNgAntiprotons",
    "WinklerAntiprotons",
    "WinklerParameters",
    "get_antiprotons",
]

ANTIPROTON_SETS: Final[dict[str, Callable[[], AntiprotonCrossSections]]] = {
    "winkler": WinklerAntiprotons,
    "winkler_2017": lambda: WinklerAntiprotons(WINKLER_2017, "winkler_2017"),
    "tan_ng": TanNgAntiprotons,
    "aafrag": AafragAntiprotons,
}
"""The sets by name; ``"winkler"`` is the default."""


def get_antiprotons(name: str = "winkler") -> AntiprotonCrossSections:
    """The set of a name.

    Raises:
        InputError: no such set (the message names the nearest one), or the package it needs is missing.
    """
    if name not in ANTIPROTON_SETS:
        raise unknown_name("antiproton cross sections", name, ANTIPROTON_SETS)
    return ANTIPROTON_SETS[name]()
