"""How far the default galaxy is from the limit of fine grids and large reduced spaces, over the domain of parameters.

Usage: python scripts/studies/galaxy_convergence.py [--quick] [--points N] [--tables PATH] [--workers N] [--plot PATH]

Everything is default / other - 1 in per cent, at 0.05 GeV/n - 1 TeV/n, largest in size, for the species of the fits.

- "one thing at a time": each grid and the reduced space made coarser and finer. The energy step stays as it is when the
  range of energies changes. Information: it shows where the error comes from, and its order.
- "default against the finest": everything finer at once, |deviation| <= 0.5 % for every species at every point.

The lowest energy is not part of the finest: where reacceleration is strong and eta > 0, particles injected below
1 MeV/n would rise to all energies, and fluxes depend on where injection begins. That is physics, and GALPROP's choice.

Points: P0 of the GALPROP reference and its P1 of strong reacceleration, corners of Table I, --points Sobol points.
--quick: 2 Sobol points, and one thing at a time only at P0 and P1; at most 3 minutes. Exit code 1 if the bound does
not hold.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from propmat.errors import PropmatError
from propmat.galaxy import Galaxy, LocalSpectra
from propmat.galaxy.prepared import prepare
from propmat.parameters import GALAXY
from propmat.progress import progress_bar
from propmat.species import FloatArray

LIMIT = 0.005
SHOWN = 2.0
"""Largest deviation within the figure [%]."""
SPECIES = ("proton", "helium4", "carbon12", "boron11", "antiproton")
ENERGY = np.geomspace(0.05, 1000.0, 120)
QUICK_POINTS, POINTS, SEED = 2, 12, 5
P0 = {"nu1": 2.03, "nu2": 2.22, "nu3": 2.22, "R_br1": 2.455, "R_br2": 1.0e4}
P0 |= {"D0": 6.62, "eta": 0.29, "delta": 0.4, "v_A": 10.58, "z_h": 7.21}
P1 = P0 | {"nu1": 1.8, "nu2": 2.35, "nu3": 2.35, "R_br1": 5.0}
P1 |= {"D0": 2.0, "eta": 0.0, "delta": 0.5, "v_A": 30.0, "z_h": 4.0}
CORNERS = {
    "eta -3": P0 | {"eta": -3.0},
    "eta 1.5": P0 | {"eta": 1.5},
    "v_A 80, D0 1, z_h 1.5, eta -3": P0 | {"v_A": 80.0, "D0": 1.0, "z_h": 1.5, "eta": -3.0},
    "v_A 80, D0 1, z_h 1.5, eta 1.5": P0 | {"v_A": 80.0, "D0": 1.0, "z_h": 1.5, "eta": 1.5},
    "v_A 80, D0 1, z_h 15, eta -3": P0 | {"v_A": 80.0, "D0": 1.0, "z_h": 15.0, "eta": -3.0},
    "v_A 80, D0 1, z_h 15, eta 1.5": P0 | {"v_A": 80.0, "D0": 1.0, "z_h": 15.0, "eta": 1.5},
}


@dataclass(frozen=True)
class Variant:
    """The default with something changed.

    Attributes:
        knob: what.
        value: how it reads.
        galaxy: the result.
    """

    knob: str
    value: str
    galaxy: Galaxy


def variants(default: Galaxy) -> list[Variant]:
    """One thing at a time, from coarse to fine."""
    one_by_one = {
        "energies": (0.5, 2.0, 4.0),
        "radial_step": (2.0, 0.5),
        "heights": (0.5, 2.0),
        "height_first": (2.0, 0.5),
        "shapes": (0.6, 1.5, 2.0),
        "snapshots": (0.6, 2.0),
    }
    found = []
    for knob, factors in one_by_one.items():
        for factor in factors:
            old = getattr(default, knob)
            new = round(old * factor) if isinstance(old, int) else old * factor
            wider = {"snapshots": max(default.snapshots, 2 * new)} if knob == "shapes" else {}
            found.append(Variant(knob, f"{new:g} ({old:g})", default.replace(**{knob: new}, **wider)))
    for knob, factors in {"energy_low": (10.0, 0.1), "energy_high": (0.1, 10.0)}.items():
        for factor in factors:
            old = getattr(default, knob)
            found.append(Variant(knob, f"{old * factor:g} ({old:g})", ranged(default, **{knob: old * factor})))
    return found


def finest(default: Galaxy) -> Galaxy:
    """Everything finer, and energies to ten times higher."""
    wide = ranged(default, energy_high=10.0 * default.energy_high)
    return wide.replace(
        energies=round(3.5 * wide.energies),
        radial_step=0.5 * default.radial_step,
        heights=2 * default.heights,
        height_first=0.5 * default.height_first,
        shapes=round(1.4 * default.shapes),
        snapshots=2 * default.snapshots,
    )


def ranged(galaxy: Galaxy, **ends: float) -> Galaxy:
    """Another range of energies with the same step."""
    changed = galaxy.replace(**ends)
    decades = [np.log(one.energy_high / one.energy_low) for one in (changed, galaxy)]
    return changed.replace(energies=1 + round((galaxy.energies - 1) * decades[0] / decades[1]))


def points(count: int) -> dict[str, dict[str, float]]:
    """All parameter points by name; P0 and P1 first."""
    sobol = GALAXY.sobol(count, seed=SEED) if count else np.empty((0, len(GALAXY.names)))
    found = {"P0": P0, "P1": P1} | CORNERS
    for number, values in enumerate(sobol.tolist()):
        found[f"Sobol {number}"] = dict(zip(GALAXY.names, values, strict=True))
    return found


class Study:
    """Solves every galaxy at its points, with a bar."""

    def __init__(self, progress: Progress, task: TaskID, workers: int) -> None:
        self.progress, self.task, self.workers = progress, task, workers

    def solve(self, galaxy: Galaxy, where: dict[str, dict[str, float]], text: str) -> dict[str, FloatArray]:
        """Point -> (species, energy) fluxes at :data:`ENERGY`."""
        self.progress.update(self.task, description=text)
        stacked = np.array([GALAXY.stack(point) for point in where.values()])
        found = {}
        for name, spectra in zip(where, galaxy.solve_many(stacked, species=SPECIES, workers=self.workers), strict=True):
            found[name] = on_grid(spectra)
            self.progress.advance(self.task)
        return found


def on_grid(spectra: LocalSpectra) -> FloatArray:
    """(species, energy) fluxes at :data:`ENERGY`."""
    return np.stack([spectra.spectrum(name)(ENERGY) for name in SPECIES])


def largest(deviation: FloatArray) -> list[tuple[float, float]]:
    """For each species the deviation (species, energy) that is largest in size, and its energy."""
    worst = np.argmax(np.abs(deviation), axis=1)
    return [(float(deviation[row, column]), float(ENERGY[column])) for row, column in enumerate(worst)]


def knob_table(default: dict[str, FloatArray], others: list[tuple[Variant, dict[str, FloatArray]]]) -> Table:
    """One thing at a time: the largest deviation over the points, and where."""
    table = Table("", "(default)", *SPECIES, "worst at", title="one thing at a time: default / other - 1 [%]")
    last = ""
    for variant, found in others:
        names = list(found)
        deviations = np.stack([default[name] / found[name] - 1.0 for name in names])
        which, _, _ = np.unravel_index(np.argmax(np.abs(deviations)), deviations.shape)
        flat = np.moveaxis(deviations, 0, 1).reshape(len(SPECIES), -1)
        signed = flat[np.arange(len(SPECIES)), np.argmax(np.abs(flat), axis=1)]
        numbers = [f"{100.0 * value:+.3f}" for value in signed]
        table.add_row(variant.knob if variant.knob != last else "", variant.value, *numbers, names[int(which)])
        last = variant.knob
    return table


def point_table(default: dict[str, FloatArray], best: dict[str, FloatArray]) -> tuple[Table, list[str]]:
    """Default against the finest at every point; also the points that miss."""
    title = "default against the finest: largest deviation [%] @ GeV/n"
    table, missed = Table("", *SPECIES, "", title=title), []
    for name in best:
        found = largest(default[name] / best[name] - 1.0)
        met = all(abs(value) <= LIMIT for value, _ in found)
        table.add_row(name, *(f"{100.0 * value:+.3f} @ {energy:.3g}" for value, energy in found), "" if met else "MISS")
        if not met:
            missed.append(name)
    return table, missed


def draw(default: dict[str, FloatArray], best: dict[str, FloatArray], path: Path) -> None:
    """Default against the finest over energy, a panel for each species."""
    from matplotlib.figure import Figure

    from propmat.report.figures import COLOURS

    figure = Figure(figsize=(7.8, 7.2), layout="constrained")
    panels = figure.subplots(-(-len(SPECIES) // 2), 2, sharex=True, sharey=True).ravel()
    for number, (axes, species) in enumerate(zip(panels, SPECIES, strict=False)):
        for name in best:
            kind = 0 if name == "P0" else 1 if name == "P1" else 2 if name in CORNERS else 5
            deviation = 100.0 * (default[name][number] / best[name][number] - 1.0)
            label = name if kind < 2 else "corners" if kind == 2 else "Sobol points"
            axes.semilogx(ENERGY, deviation, color=COLOURS[kind], linewidth=1.6 if kind < 2 else 0.8, label=label)
        for limit in (-LIMIT, LIMIT):
            axes.axhline(100.0 * limit, color="black", linestyle=":", linewidth=0.8)
        axes.set_title(species, fontsize=9)
        axes.set_xlabel("kinetic energy [GeV/n]")
        axes.set_ylabel("default / finest - 1 [%]")
        axes.set_ylim(-SHOWN, SHOWN)
        axes.grid(alpha=0.25)
    panels[-1].set_axis_off()
    lines, labels = panels[0].get_legend_handles_labels()
    unique = dict(zip(labels, lines, strict=True))
    panels[-1].legend(unique.values(), unique.keys(), frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fixed choice of points in at most 3 minutes")
    parser.add_argument("--points", type=int, default=POINTS, help="Sobol points (default: %(default)s)")
    parser.add_argument("--tables", type=Path, help="gas and cross sections to use instead of the shipped ones")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="threads (default: all cores)")
    parser.add_argument("--plot", type=Path, help="figure to write")
    given = parser.parse_args()
    if given.points < 0:
        parser.error(f"--points {given.points} must not be negative")
    if given.workers < 1:
        parser.error(f"--workers {given.workers} must be at least 1")
    given.default = Galaxy.preset("converged", tables=given.tables)
    try:
        prepare(given.default)
    except PropmatError as error:
        parser.error(f"--tables: {error}")
    return given


def run() -> int:
    """Solve, print, judge."""
    given = arguments()
    where = points(QUICK_POINTS if given.quick else given.points)
    closer = {name: where[name] for name in ("P0", "P1")} if given.quick else where
    others: list[tuple[Variant, dict[str, FloatArray]]] = []
    changed = variants(given.default)
    with progress_bar(count=False, transient=True) as progress:
        task = progress.add_task("", total=2 * len(where) + len(changed) * len(closer))
        study = Study(progress, task, given.workers)
        default = study.solve(given.default, where, "default")
        for variant in changed:
            others.append((variant, study.solve(variant.galaxy, closer, f"{variant.knob} {variant.value}")))
        best = study.solve(finest(given.default), where, "finest")
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(knob_table(default, others))
    table, missed = point_table(default, best)
    console.print(table)
    if given.plot is not None:
        draw(default, best, given.plot)
    verdict = f"met at all {len(where)} points"
    if missed:
        verdict = f"MISSED at {len(missed)} of {len(where)} points: {'; '.join(missed)}"
    print(f"verdict, default within {100.0 * LIMIT:g} % of the finest: {verdict}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(run())
