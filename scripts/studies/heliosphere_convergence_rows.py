"""The rows of heliosphere_convergence.py: where in the domain, and what is compared with what."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy.stats import qmc

from propmat.heliosphere import SIMULATOR_VERSION, Heliosphere
from propmat.heliosphere.convergence import COLUMNS
from propmat.heliosphere.kernels.constants import RunConstants, run_constants, switches
from propmat.parameters import HELIOSPHERE
from propmat.species import get_species

PROTON = get_species("proton")
REFERENCE = {"B0": 5.0, "tilt": 15.0, "K0": 0.15, "a": 0.5, "b": 2.0}
HALVED = {"step_size": 0.5}
SIGMA, ORDER_SIGMA = 0.0015, 0.0002
"""To which a row is sampled, and one of the table of orders."""


@dataclass(frozen=True)
class Row:
    """One line of a table: the changes of the run's constants for the first and the second path of a pair."""

    table: str
    name: str
    sign: int
    energy: float
    parameters: Mapping[str, float] = field(default_factory=lambda: REFERENCE)
    second: Mapping[str, float] = field(default_factory=lambda: HALVED)
    first: Mapping[str, float] = field(default_factory=dict)
    judged: bool = True
    sigma: float = SIGMA

    def constants(self, model: Heliosphere) -> tuple[RunConstants, RunConstants]:
        """Of the two paths."""
        base = run_constants(model, dict(self.parameters), PROTON.mass_per_charge, self.sign)
        return base._replace(**self.first), base._replace(**self.second)

    def key(self, model: Heliosphere) -> str:
        """Changes with anything that the result depends on."""
        text = repr((SIMULATOR_VERSION, COLUMNS, switches(model), self.energy, self.constants(model)))
        return (
            f"{self.table}: {self.name}, {self.sign:+d}, {self.energy:g} GeV, "
            + (hashlib.sha256(text.encode()).hexdigest()[:12])
        )


def quick_rows() -> list[Row]:
    """The representative choice: the reference point, corners of the domain, and what else a step depends on."""
    rows = [Row("steps", "reference", +1, energy) for energy in (0.3, 1.0, 3.0, 10.0, 30.0)]
    rows += [Row("steps", "reference", -1, energy) for energy in (1.0, 3.0, 10.0, 30.0)]
    corners: list[tuple[str, dict[str, float], tuple[tuple[int, float], ...]]] = [
        ("K0 1.5, tilt 75", {"K0": 1.5, "tilt": 75.0}, ((+1, 0.3), (-1, 0.3))),
        ("K0 0.5, tilt 0", {"K0": 0.5, "tilt": 0.0}, ((+1, 0.3), (-1, 0.3))),
        ("K0 0.5, B0 9, tilt 40", {"K0": 0.5, "B0": 9.0, "tilt": 40.0}, ((+1, 1.0), (-1, 1.0))),
        ("K0 0.03, B0 3, a 1, b 3", {"K0": 0.03, "B0": 3.0, "a": 1.0, "b": 3.0}, ((+1, 10.0), (-1, 10.0))),
        ("K0 1.5, a 1, b 1, B0 3", {"K0": 1.5, "B0": 3.0, "a": 1.0, "b": 1.0}, ((+1, 0.1), (-1, 0.1))),
    ]
    for name, changes, channels in corners:
        rows += [Row("steps", name, sign, energy, REFERENCE | changes) for sign, energy in channels]
    return rows + other_rows() + order_rows()


def other_rows() -> list[Row]:
    """One length of the step control at a time, the inner radius, and what is physics."""
    plain = RunConstants(**dict.fromkeys(RunConstants._fields[: -len(RunConstants._field_defaults)], 0.0))

    def halved(*names: str) -> dict[str, float]:
        return {name: 0.5 * getattr(plain, name) for name in names}

    changes = {
        "radial length halved": halved("k_radial"),
        "lengths across halved": halved("k_across"),
        "pole lengths halved": halved("k_pole"),
        "shock lengths halved": halved("k_shock", "k_shock_far"),
        "edge halved": halved("k_edge"),
        "sheet lengths halved": halved("k_sheet", "k_sheet_most", "k_sheet_far", "k_along")
        | {"k_layer": 0.25 * plain.k_layer},  # its root is a length
        "inner radius halved": {"inner_radius": 0.5 * Heliosphere.preset("paper").inner_radius},
        "no co-rotation (physics)": {"corotation": 0.0},
        "fixed start longitude (physics)": {"start_uniform": 0.0},
    }
    return [
        Row("other", name, sign, energy, second=second, judged="physics" not in name)
        for name, second in changes.items()
        for sign, energy in ((+1, 1.0), (-1, 3.0))
    ]


def order_rows() -> list[Row]:
    """Four step lengths at one place, where the bias is large compared with what can be resolved."""
    place = REFERENCE | {"K0": 0.03, "B0": 3.0, "a": 1.0, "b": 3.0}
    return [
        Row(
            table="order",
            name=f"h = {one:g} against {other:g}",
            sign=-1,
            energy=10.0,
            parameters=place,
            second={"step_size": other},
            first={"step_size": one},
            judged=False,
            sigma=ORDER_SIGMA,
        )
        for one, other in pairwise((1.5, 1.0, 0.5, 0.25))
    ]


def sobol_rows(points: int) -> list[Row]:
    """Points of the domain and energies, the logarithms of K0 and T uniform, with both drift signs."""
    cube = qmc.Sobol(6, scramble=True, rng=np.random.default_rng(3)).random_base2(max(points - 1, 0).bit_length())
    rows = []
    for number, u in enumerate(cube[:points]):
        values = dict(zip(HELIOSPHERE.names, map(float, HELIOSPHERE.from_unit(u[:5])), strict=True))
        energy = float(0.1 * 300.0 ** u[5])
        name = f"{number}: " + " ".join(f"{key} {value:.3g}" for key, value in values.items())
        rows += [Row("Sobol points", name, sign, energy, values) for sign in (+1, -1)]
    return rows
