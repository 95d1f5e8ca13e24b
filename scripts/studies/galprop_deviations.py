"""Deviations of our spectra from others: what is compared, the rows of a table, its plot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from galprop_reference import Quantity
from rich.table import Table

from propmat.galaxy import LocalSpectra
from propmat.species import FloatArray


@dataclass(frozen=True)
class Pair:
    """Two spectra of one point.

    Attributes:
        table: of the comparison.
        name: of the point, or what was changed there.
        ours, theirs: the spectra; compared at the energies of the second.
        bounds: of the largest deviation, by quantity.
        information: quantities without a bound.
    """

    table: str
    name: str
    ours: LocalSpectra
    theirs: LocalSpectra
    bounds: Mapping[Quantity, float] = field(default_factory=dict)
    information: tuple[Quantity, ...] = ()

    def deviation(self, quantity: Quantity) -> tuple[FloatArray, FloatArray]:
        """Energies in the range of a quantity [GeV/n] and ours / theirs - 1 there."""
        energy = self.theirs.kinetic_energy
        energy = energy[(energy >= quantity.low) & (energy <= quantity.high)]
        return energy, quantity(self.ours, energy) / quantity(self.theirs, energy) - 1.0


@dataclass(frozen=True)
class Row:
    """The deviations of one quantity.

    Attributes:
        table, name, quantity: whose.
        largest: deviation in size, with its sign.
        energy: where that is [GeV/n].
        rms: of the deviations.
        bound: of the largest; None: not judged.
        holds_from: energy from which on the bound holds, NaN if not even at the highest [GeV/n].
    """

    table: str
    name: str
    quantity: str
    largest: float
    energy: float
    rms: float
    bound: float | None
    holds_from: float

    @property
    def missed(self) -> bool:
        """Whether the bound does not hold (nor can be told to)."""
        return self.bound is not None and not abs(self.largest) <= self.bound


def row(table: str, name: str, quantity: Quantity, found: tuple[FloatArray, FloatArray], bound: float | None) -> Row:
    """The row of a quantity from its energies and deviations."""
    energy, deviation = found
    worst = int(np.argmax(np.abs(deviation)))
    outside = np.flatnonzero(~(np.abs(deviation) <= (np.inf if bound is None else bound)))
    from_here = [*energy, np.nan][outside[-1] + 1 if outside.size else 0]
    rms = float(np.sqrt(np.mean(deviation**2)))
    return Row(table, name, quantity.name, float(deviation[worst]), float(energy[worst]), rms, bound, float(from_here))


def rows(pair: Pair) -> list[Row]:
    """Every row of a pair, the judged ones first."""
    bounds = {**pair.bounds, **dict.fromkeys(pair.information)}
    return [row(pair.table, pair.name, one, pair.deviation(one), bound) for one, bound in bounds.items()]


def show(found: list[Row], title: str) -> Table:
    """The rows of one comparison."""
    table = Table("", "quantity", title=f"{title}: deviation [%]")
    for name in ("largest", "at [GeV/n]", "rms", "bound"):
        table.add_column(name, justify="right")
    table.add_column("")
    last = ""
    for one in found:
        verdict = "" if one.bound is None else f"MISS, met from {one.holds_from:.3g}" if one.missed else "met"
        bound = "" if one.bound is None else f"{100.0 * one.bound:g}"
        numbers = (f"{100.0 * one.largest:+.3f}", f"{one.energy:.3g}", f"{100.0 * one.rms:.3f}", bound)
        table.add_row(one.name if one.name != last else "", one.quantity, *numbers, verdict)
        last = one.name
    return table


def draw(compared: list[Pair], path: Path) -> None:
    """Ratios of the judged quantities against energy, a panel for each point."""
    from matplotlib.figure import Figure

    from propmat.report.figures import COLOURS

    figure = Figure(figsize=(3.6 * min(len(compared), 2) + 0.8, 2.5 * -(-len(compared) // 2)), layout="constrained")
    panels = figure.subplots(-(-len(compared) // 2), min(len(compared), 2), squeeze=False, sharex=True).ravel()
    for axes, pair in zip(panels, compared, strict=False):
        for colour, quantity in zip(COLOURS, pair.bounds, strict=False):
            energy, deviation = pair.deviation(quantity)
            axes.semilogx(energy, 1.0 + deviation, color=colour, linewidth=1.4, label=quantity.name)
        axes.axhline(1.0, color="black", linewidth=0.6)
        axes.ticklabel_format(axis="y", useOffset=False)
        axes.set_title(f"{pair.table}, {pair.name}", fontsize=9)
        axes.set_ylabel("ours / reference")
        axes.set_xlabel("kinetic energy [GeV/n]")
        axes.grid(alpha=0.25)
    for axes in panels[len(compared) :]:
        axes.set_axis_off()
    panels[0].legend(fontsize=8, frameon=False, ncols=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
