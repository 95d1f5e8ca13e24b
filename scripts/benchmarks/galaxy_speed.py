"""Speed of the Galaxy: set-up, seconds a parameter point, matrices, batches on all cores, and the targets.

Usage: python scripts/benchmarks/galaxy_speed.py [--points N] [--tables PATH]

- set-up: a fresh process imports propmat, puts the tables on the grids and solves a first point; what that took beyond
  a second solution is the set-up. Once with an empty cache of compiled code (as after an installation), once with it.
- a point: all species with secondaries and tertiaries, protons alone, and the rows of transfer matrices, each at
  different Sobol points, on one core. CPU seconds of all threads are judged, by their median: other programs on the
  machine disturb them less than the wall clock, which is printed beside them.
- batch: many points through solve_many with 1 thread to as many as there are cores, by the wall clock, and on a GPU
  where torch finds one; the hours of a training set follow from it.
- baseline: protons on a coarse spatial grid, solved in the reduced space and without any reduction by the same
  elimination. This ratio does not depend on the machine's speed.
- beside them the CPU seconds of GALPROP that the reference file states, measured on another day.

Exit code 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from galaxy_baseline import REFERENCE, Reduction, galprop_seconds, reduction
from rich.console import Console
from rich.table import Table

from propmat.errors import PropmatError
from propmat.galaxy import Galaxy
from propmat.galaxy.prepared import prepare
from propmat.parameters import GALAXY
from propmat.progress import progress_bar
from propmat.species import FloatArray

FULL, PROTONS = "all species", "protons"
SETUP_TARGET, FULL_TARGET, PROTON_TARGET = 5.0, 0.3, 0.02
"""Seconds."""
HOURS_TARGET, TRAINING_SET, TRAINING_CORES = 2.0, 25_000, 2
GPU_TARGET, GPU_POINTS = 500.0, 1024
"""Points per second, and how many are solved to measure them."""
SEED = 11
FRESH = """
import json, sys, time
start = time.perf_counter()
from propmat.galaxy import Galaxy
from propmat.galaxy.prepared import prepare
from propmat.parameters import GALAXY
times = [time.perf_counter()]
galaxy = Galaxy.preset("converged", tables=sys.argv[1] or None)
tables = prepare(galaxy)
tables.radial, tables.reactions
times.append(time.perf_counter())
for point in GALAXY.sobol(2, seed=1).tolist():
    galaxy.solve(dict(zip(GALAXY.names, point)))
    times.append(time.perf_counter())
print(json.dumps([time - start for time in times]))
"""


class Setup(NamedTuple):
    """Seconds of a fresh process: the import, the tables, and the first solution beyond the second."""

    imports: float
    tables: float
    compiled: float

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self)


class Timing(NamedTuple):
    """Seconds of some calls: (call,) of all threads' CPUs and by the wall clock."""

    cpu: FloatArray
    wall: FloatArray


class Batch(NamedTuple):
    """Seconds a point: of all threads' CPUs and by the wall clock."""

    cpu: float
    wall: float


def fresh_setup(tables: str, cache: str) -> Setup:
    """Set up in a fresh process with its compiled code in a folder."""
    environment = os.environ | {"NUMBA_CACHE_DIR": cache}
    command = [sys.executable, "-c", FRESH, tables]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    imported, ready, first, second = json.loads(done.stdout)
    return Setup(imported, ready - imported, (first - ready) - (second - first))


def timed(calls: list[Callable[[], object]]) -> Timing:
    """Each call once."""
    cpu, wall = [], []
    for call in calls:
        start = time.process_time(), time.perf_counter()
        call()
        cpu.append(time.process_time() - start[0])
        wall.append(time.perf_counter() - start[1])
    return Timing(np.array(cpu), np.array(wall))


def calls(galaxy: Galaxy, points: list[dict[str, float]]) -> dict[str, list[Callable[[], object]]]:
    """What is timed on one core, by name."""
    found = [galaxy.solve(point) for point in points[:3]]
    protons = [galaxy.solve(point, species=["proton"]) for point in points[:3]]
    return {
        FULL: [lambda point=point: galaxy.solve(point) for point in points],
        PROTONS: [lambda point=point: galaxy.solve(point, species=["proton"]) for point in points],
        "matrix p → p": [lambda one=one: one.green("proton", "proton") for one in protons],
        "matrix p → antiproton": [lambda one=one: one.green("proton", "antiproton") for one in found],
        "matrix 12C → 11B": [lambda one=one: one.green("carbon12", "boron11") for one in found],
    }


def batch(galaxy: Galaxy, points: FloatArray, workers: int, device: str = "cpu") -> Batch:
    """Solve a batch."""
    start = time.process_time(), time.perf_counter()
    for _ in galaxy.solve_many(points, workers=workers, device=device):
        pass
    return Batch((time.process_time() - start[0]) / len(points), (time.perf_counter() - start[1]) / len(points))


def cores() -> int:
    """CPUs this process may use."""
    return len(os.sched_getaffinity(0))


def machine() -> str:
    """The processor's name, how busy it is, and the date."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else "unknown processor"
    return f"{name}, {cores()} cores, load {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}"


def show_setup(console: Console, setups: dict[str, Setup]) -> None:
    """Set-up by its parts."""
    table = Table("seconds", "import", "tables", "compiled code", "total", "target", title="set-up of a fresh process")
    for name, setup in setups.items():
        target = f"<= {SETUP_TARGET:g}" if name == "cached" else ""
        table.add_row(f"compiled code {name}", *(f"{part:.2f}" for part in setup), f"{setup.total:.2f}", target)
    console.print(table)


def show_points(console: Console, timings: dict[str, Timing]) -> None:
    """Seconds a point on one core."""
    table = Table("", "CPU, median", "CPU, least", "wall, median", "points", "target", title="seconds, one core")
    targets = {FULL: f"<= {FULL_TARGET:g}", PROTONS: f"<= {PROTON_TARGET:g}"}
    for name, timing in timings.items():
        values = (np.median(timing.cpu), timing.cpu.min(), np.median(timing.wall))
        table.add_row(name, *(f"{value:.4f}" for value in values), str(timing.cpu.size), targets.get(name, ""))
    console.print(table)


def show_batches(console: Console, batches: dict[str, Batch]) -> None:
    """Seconds a point in batches."""
    names = ("CPU s a point", "wall s a point", "points/s", "over one thread", f"h for {TRAINING_SET}")
    table = Table("", *names, title="batches")
    first = next(iter(batches.values())).wall
    for name, (cpu, wall) in batches.items():
        numbers = (f"{cpu:.4f}", f"{wall:.4f}", f"{1 / wall:.1f}", f"{first / wall:.2f}")
        table.add_row(name, *numbers, f"{TRAINING_SET * wall / 3600.0:.2f}")
    console.print(table)
    if "GPU" not in batches:
        console.print("no GPU: torch finds none, its row was not measured")


def show_baseline(console: Console, found: Reduction, full_cpu: float) -> None:
    """What the reduction gains, and GALPROP's times."""
    console.print(
        f"baseline, protons on {found.cells} cells: {found.full:.2f} CPU s without reduction, {found.reduced:.4f} with "
        f"{found.shapes} shapes, {found.full / found.reduced:.0f} x faster; they differ by at most "
        f"{100.0 * found.deviation:.4f} % over 0.05 GeV - 1 TeV"
    )
    theirs = galprop_seconds()
    if not theirs:
        console.print(f"GALPROP: no reference at {REFERENCE}, its times are not shown")
        return
    table = Table("GALPROP, one thread", "CPU s", "over a full point of ours", title="as stated by the reference file")
    for name, seconds in theirs.items():
        table.add_row(name, f"{seconds:.0f}", f"{seconds / full_cpu:.0f}")
    console.print(table)


def judge(setups: dict[str, Setup], timings: dict[str, Timing], batches: dict[str, Batch]) -> list[str]:
    """The targets missed, in words."""
    full, protons = (float(np.median(timings[name].cpu)) for name in (FULL, PROTONS))
    values = [
        ("s of set-up", setups["cached"].total, SETUP_TARGET),
        ("s a full point", full, FULL_TARGET),
        ("s a point of protons", protons, PROTON_TARGET),
    ]
    two = batches.get(f"{TRAINING_CORES} threads")
    if two is not None:
        hours = TRAINING_SET * two.wall / 3600.0
        values.append((f"h for {TRAINING_SET} points on {TRAINING_CORES} cores", hours, HOURS_TARGET))
    missed = [f"{value:.3g} {what}, target {target:g}" for what, value, target in values if not value <= target]
    if "GPU" in batches and not 1.0 / batches["GPU"] >= GPU_TARGET:
        missed.append(f"{1.0 / batches['GPU'].wall:.0f} points/s on the GPU, target {GPU_TARGET:g}")
    return missed


def measure(galaxy: Galaxy, count: int) -> tuple[dict[str, Setup], dict[str, Timing], dict[str, Batch], Reduction]:
    """Everything, with a progress bar."""
    points = GALAXY.sobol(max(count, 4), seed=SEED)
    named = [dict(zip(GALAXY.names, point, strict=True)) for point in points.tolist()]
    threads = [n for n in range(1, cores()) if n & (n - 1) == 0] + [cores()]
    gpu = torch.cuda.is_available()
    with progress_bar(count=False, transient=True) as progress, tempfile.TemporaryDirectory() as cache:
        task = progress.add_task("set-up", total=4 + len(threads) + gpu)
        setups = {}
        for name in ("to be made", "cached"):
            setups[name] = fresh_setup(galaxy.tables, cache)
            progress.advance(task)
        progress.update(task, description="points")
        timings = {name: timed(some) for name, some in calls(galaxy, named).items()}
        progress.update(task, advance=1, description="batches")
        batches = {}
        for workers in threads:
            name = f"{workers} thread{'s' if workers > 1 else ''}"
            batches[name] = batch(galaxy, np.tile(points, (workers, 1)), workers)
            progress.advance(task)
        if gpu:
            some = GALAXY.sobol(GPU_POINTS, seed=SEED)
            batch(galaxy, some[:8], cores(), "cuda")  # loads the device's libraries
            batches["GPU"] = batch(galaxy, some, cores(), "cuda")
            progress.advance(task)
        progress.update(task, description="baseline")
        baseline = reduction(galaxy, named[0])
        progress.advance(task)
    return setups, timings, batches, baseline


def run() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=12, help="points of a turn (default: %(default)s)")
    parser.add_argument("--tables", type=Path, help="gas and cross sections to use instead of the shipped ones")
    given = parser.parse_args()
    if given.points < 4:
        parser.error(f"--points {given.points} must be at least 4")
    galaxy = Galaxy.preset("converged", tables=given.tables)
    try:
        prepare(galaxy)
    except PropmatError as error:
        parser.error(f"--tables: {error}")
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(f"{machine()}; {len(prepare(galaxy).species)} species, {galaxy.energies} energies")
    setups, timings, batches, baseline = measure(galaxy, given.points)
    show_setup(console, setups)
    show_points(console, timings)
    show_batches(console, batches)
    show_baseline(console, baseline, float(np.median(timings[FULL].cpu)))
    missed = judge(setups, timings, batches)
    print(f"speed: {'missed: ' + '; '.join(missed) if missed else 'all targets met'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(run())
