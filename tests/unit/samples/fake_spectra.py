"""A galaxy that takes no time: power laws of its parameters, and matrices that map its injection onto its fluxes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from propmat.errors import unknown_name
from propmat.galaxy.local_spectra import LocalSpectra
from propmat.parameters import GALAXY
from propmat.samples import SpectraDesign, SpectraSimulator
from propmat.samples.spectra import Pairs
from propmat.species import FloatArray

ENERGY = np.geomspace(0.01, 1e4, 12)
PAIRS = (("proton", "proton"), ("proton", "antiproton"))


def fake_spectra(point: FloatArray) -> LocalSpectra:
    values = dict(zip(GALAXY.names, point.tolist(), strict=True))
    injection = ENERGY ** -values["nu2"]
    escape = np.diag(values["z_h"] / values["D0"] * ENERGY ** -values["delta"])
    greens = {("proton", "proton"): escape, ("proton", "antiproton"): 1e-4 * escape @ np.triu(escape)}
    fluxes = {observed: green @ injection for (_, observed), green in greens.items()}
    return LocalSpectra(
        ENERGY,
        fluxes,
        {"proton_primary": 0.98 * fluxes["proton"]},
        {"proton": injection},
        lambda injected, observed: greens[injected, observed],
    )


def fake_solve(points: FloatArray, matrices: object = ()) -> Iterator[LocalSpectra]:
    return map(fake_spectra, points)


def fake_simulator(**change: object) -> SpectraSimulator:
    settings = {"name": "galaxy", "version": "1", "model": {"name": "fake", "energies": 12}, "solve": fake_solve}
    return SpectraSimulator(**settings | {"check_pairs": fake_check} | change)


def fake_check(pairs: Pairs) -> None:
    for species in (name for pair in pairs for name in pair):
        if species not in ("proton", "antiproton"):
            raise unknown_name("species", species, ("proton", "antiproton"))


def tiny_design(**change: int) -> SpectraDesign:
    return SpectraDesign(**{"count": 5, "seed": 3, "shard_size": 2} | change)
