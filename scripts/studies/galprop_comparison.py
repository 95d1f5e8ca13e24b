"""The Galaxy against GALPROP's exact solutions: the solver, its converged scheme, and what the shipped tables change.

Usage: python scripts/studies/galprop_comparison.py [--reference PATH] [--output FOLDER]

Three comparisons, over 0.05 GeV/n - 1 TeV/n (antiprotons 0.3-100 GeV), each with the largest and the rms deviation:

- "GALPROP's grid": preset "galprop_grid" with the reference's own gas and cross sections, at every point. Isotopes and
  the parts of antiprotons are information. /proton_green, the response to an injection at one energy, has the bound
  of protons where it exceeds a thousandth of its largest value.
- "converged": the default scheme with the same tables and the radial sampling of the runs that vary the energy step,
  against their limit of vanishing step: P0lo and P0e11, linear; protons tX, tE and tE2, quadratic. That limit is free
  of the end point that GALPROP's tertiaries and secondary protons count twice, which is an error of first order too.
  "our limit", information: instead, the quadratic limit of three steps of our solver in GALPROP's scheme, for which the
  reference has no runs except for protons; what a linear limit is off by shows in the difference.
- "shipped tables": the default scheme, grids and tables with nuclei up to A = 18, as the reference has them, against
  the reference freed of its energy step (not of its spatial grid): by the runs above at P0, elsewhere by the
  quadratic limit of our solver in GALPROP's scheme over its solution with GALPROP's step. P0z14 (max_Z = 14) is
  information. At P0 the difference is traced: one table swapped at a time.

Exit code 1 if a deviation exceeds its bound, 2 for a file that is no such reference; without a reference file nothing
is compared, it says so, and the exit code is 0.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from galprop_deviations import Pair, Row, draw, row, rows, show
from galprop_reference import (
    ANTIPROTON,
    BASELINE,
    BORON_TO_CARBON,
    ELEMENTS,
    ISOTOPES,
    PARTS,
    PROTON,
    REFERENCE,
    Quantity,
    Run,
    extrapolated,
    read_greens,
    read_points,
    read_variant,
    scaled,
)
from galprop_tables import swaps
from rich.console import Console
from rich.table import Table

from propmat.errors import PropmatError
from propmat.galaxy import Galaxy, LocalSpectra
from propmat.galaxy.prepared import default_interactions, prepare
from propmat.galaxy.solver import Point
from propmat.parameters import GALAXY
from propmat.progress import progress_bar

GRID, CONVERGED, SHIPPED = "GALPROP's grid", "converged", "shipped tables"
FIGURES = {GRID: "galprop_grid.png", CONVERGED: "galprop_converged.png", SHIPPED: "galprop_shipped.png"}
GRID_BOUNDS = dict(zip(ELEMENTS, (0.005, 0.01, 0.01, 0.02, 0.02, 0.015), strict=True))
CONVERGED_BOUNDS = {PROTON: 0.01, BORON_TO_CARBON: 0.02, ANTIPROTON: 0.03}
SHIPPED_BOUNDS = {PROTON: 0.02, BORON_TO_CARBON: 0.08, ANTIPROTON: 0.15}
ONE_ENERGY = Quantity("p from one energy", ("proton",))
RESPONSE_FLOOR = 1.0e-3
"""Of the largest value of a response to one energy: below, it is not compared."""
TRACED = (*ELEMENTS[:3], BORON_TO_CARBON, ANTIPROTON)
TRACED_AT = np.array([0.3, 1.0, 10.0, 100.0])
"""[GeV/n]."""
STEPS = (104, 192, 376)
"""Points of GALPROP's energy grids with factors of about 1.2, 1.1 and 1.05."""
AS_GALPROP = {"heaviest": 18, "beryllium10_half_life": 1.6}
AS_VARIANTS = {"radial_step": 0.85, "radius": 19.55, "radial_averages": False}
"""Radial sampling of the runs that vary GALPROP's energy step."""


def pairs(path: Path, runs: list[Run]) -> Iterator[Pair]:
    """All comparisons of spectra."""
    for run in runs:
        ours = galprop(path).solve(run.parameters)
        yield Pair(GRID, run.name, ours, run.spectra, GRID_BOUNDS, ISOTOPES + PARTS)
    baseline = next(run for run in runs if run.name == BASELINE)
    limit = limit_of_variants(path)
    ours = converged(path, **AS_VARIANTS).solve(baseline.parameters)
    yield Pair(CONVERGED, BASELINE, ours, limit, CONVERGED_BOUNDS, (*ELEMENTS[1:4], *PARTS))
    own_limit = extrapolated(by_step(path, baseline, **AS_VARIANTS))
    yield Pair(CONVERGED, "our limit", ours, own_limit, information=(*ELEMENTS, *PARTS))
    shipped = Galaxy.preset("converged")
    for run in runs:
        theirs = stepless(path) if run is baseline else stepless_by_us(path, run)
        ours = shipped.replace(heaviest=18).solve(run.parameters)
        yield Pair(SHIPPED, run.name, ours, theirs, SHIPPED_BOUNDS, (*ELEMENTS[1:4], *PARTS))
    heavy = scaled(stepless(path), read_variant(path, "P0z14"), read_variant(path, "P0lo"))
    ours = shipped.replace(heaviest=30).solve(baseline.parameters)
    yield Pair(SHIPPED, "P0z14", ours, heavy, information=tuple(SHIPPED_BOUNDS))


def galprop(path: Path, **changes: float | bool) -> Galaxy:
    """GALPROP's grid and scheme with the tables of a reference."""
    return Galaxy.preset("galprop_grid", tables=path).replace(**changes)


def converged(path: Path, **changes: float | bool) -> Galaxy:
    """Our scheme and grids with the tables and nuclei of a reference."""
    return Galaxy.preset("converged", tables=path).replace(**AS_GALPROP, **changes)


def by_step(path: Path, run: Run, **changes: float | bool) -> list[LocalSpectra]:
    """Our solver in GALPROP's scheme with three energy steps."""
    return [galprop(path, energies=count, **changes).solve(run.parameters) for count in STEPS]


def limit_of_variants(path: Path) -> LocalSpectra:
    """The baseline on the coarse radial grid, without energy step, from the reference's own runs."""
    found = extrapolated([read_variant(path, name) for name in ("P0lo", "P0e11")])
    protons = extrapolated([read_variant(path, name) for name in ("tX", "tE", "tE2")])
    return LocalSpectra(found.kinetic_energy, {**found.fluxes, **protons.fluxes}, {**found.parts, **protons.parts})


def stepless(path: Path) -> LocalSpectra:
    """The baseline on its own radial grid, without energy step, from the reference's own runs."""
    baseline = next(run for run in read_points(path) if run.name == BASELINE)
    return scaled(baseline.spectra, limit_of_variants(path), read_variant(path, "P0lo"))


def stepless_by_us(path: Path, run: Run) -> LocalSpectra:
    """Another point of the reference, times what our solver in GALPROP's scheme says of its energy step."""
    found = by_step(path, run)
    return scaled(run.spectra, extrapolated(found), found[0])


def green_rows(path: Path, baseline: Run) -> list[Row]:
    """Primary protons from an injection at one energy."""
    prepared, greens = prepare(galprop(path)), read_greens(path)
    system = Point(prepared, baseline.parameters, ["proton"]).system
    injected = np.zeros((prepared.energy.size, len(greens)))
    injected[[green.injected for green in greens], range(len(greens))] = 1.0
    density = system.propagate({"proton": np.einsum("eg,m->emg", injected, system.basis.sources[0])})["proton"]
    ours = np.einsum("m,emg->ge", system.basis.sun, density)
    found = []
    for response, green in zip(ours, greens, strict=True):
        energy, theirs = green.kinetic_energy, green.response
        kept = (energy >= ONE_ENERGY.low) & (energy <= ONE_ENERGY.high) & (theirs >= RESPONSE_FLOOR * theirs.max())
        deviation = response[kept] / theirs[kept] - 1.0
        found.append(row(GRID, green.name, ONE_ENERGY, (energy[kept], deviation), GRID_BOUNDS[PROTON]))
    return found


def trace(path: Path, baseline: Run) -> Table:
    """What each table, and the grid, contributes to the third comparison at the baseline."""
    theirs, galaxy = stepless(path), converged(path)
    reference, shipped = default_interactions(galaxy), default_interactions(Galaxy.preset("converged"))
    start = galaxy.solve(baseline.parameters)
    half_life = galaxy.replace(beryllium10_half_life=Galaxy.preset("converged").beryllium10_half_life)
    alone = {"10Be half-life": half_life.solve(baseline.parameters)} | {
        name: galaxy.solve(baseline.parameters, interactions=tables)
        for name, tables in swaps(reference, shipped).items()
    }
    steps = {"grid, sampling": (start, theirs), **{name: (changed, start) for name, changed in alone.items()}}
    shipped_spectra = Galaxy.preset("converged").replace(heaviest=18).solve(baseline.parameters)
    steps["judged"] = (shipped_spectra, theirs)
    table = Table("", "GeV/n", title=f"{SHIPPED}, {BASELINE}: change [%] by each table in place of the reference's")
    for name in steps:
        table.add_column(name, justify="right")
    for quantity in TRACED:
        values = [quantity(changed, TRACED_AT) / quantity(old, TRACED_AT) - 1.0 for changed, old in steps.values()]
        for energy, changes in zip(TRACED_AT, np.transpose(values), strict=True):
            table.add_row(quantity.name, f"{energy:g}", *(f"{100.0 * change:+.2f}" for change in changes))
    return table


def compare(path: Path, runs: list[Run]) -> tuple[list[Pair], list[Row], Table]:
    """Everything there is to compare, with a progress bar."""
    baseline = next(run for run in runs if run.name == BASELINE)
    compared: list[Pair] = []
    with progress_bar(count=False, transient=True) as progress:
        task = progress.add_task(GRID, total=2 * len(runs) + 5)
        for pair in pairs(path, runs):
            compared.append(pair)
            progress.update(task, advance=1, description=f"{pair.table}, {pair.name}")
        greens = green_rows(path, baseline)
        progress.update(task, advance=1, description="tables, one at a time")
        traced = trace(path, baseline)
        progress.advance(task)
    return compared, [one for pair in compared for one in rows(pair)] + greens, traced


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, default=REFERENCE, help="HDF5 file (default: %(default)s)")
    parser.add_argument("--output", type=Path, help="folder of the ratio plots; none are drawn without it")
    given = parser.parse_args()
    given.runs = []
    if not given.reference.is_file():
        if given.reference != REFERENCE:
            parser.error(f"--reference {given.reference}: no such file")
        return given
    try:
        given.runs = read_points(given.reference)
        GALAXY.stack({name: [run.parameters[name] for run in given.runs] for name in GALAXY.names})
        default_interactions(galprop(given.reference))
        stepless(given.reference), read_greens(given.reference), read_variant(given.reference, "P0z14")
    except (KeyError, OSError, StopIteration, PropmatError) as error:
        parser.error(f"--reference {given.reference} cannot be used: {error!r}")
    return given


def run() -> int:
    """Compare, print, judge."""
    given = arguments()
    if not given.runs:
        print(f"SKIPPED: no reference at {given.reference}; nothing was compared")
        return 0
    compared, found, traced = compare(given.reference, given.runs)
    console = Console(width=None if sys.stdout.isatty() else 140)
    for title, figure in FIGURES.items():
        console.print(show([one for one in found if one.table == title], title))
        if given.output is not None:
            drawn = [pair for pair in compared if pair.table == title and pair.bounds]
            draw(drawn, given.output / figure)
    console.print(traced)
    judged, missed = [one for one in found if one.bound is not None], [one for one in found if one.missed]
    text = "; ".join(
        f"{one.table}, {one.name}: {one.quantity} {100 * one.largest:+.2f} % at {one.energy:.3g} GeV/n, "
        f"bound {100 * (one.bound or 0.0):g} %"
        for one in missed
    )
    print(
        f"verdict: {f'MISSED {len(missed)} of {len(judged)}, {text}' if missed else f'met in all {len(judged)} rows'}"
    )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(run())
