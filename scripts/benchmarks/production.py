"""Cost of the store and the workers, with units of about a second of the real heliosphere, and the targets.

Usage: python scripts/benchmarks/production.py [--units N]

- overhead: one process makes particles, unit after unit; what claims, checksums, compression and fsync take beyond the
  simulation itself, as a share of it, by the wall clock. For histograms and for particles.
- workers: `propmat simulate` with one worker and with two, the same particles. Judged is the rate of units from when
  every worker has finished its first one, by the times of the files; what begins and ends a command (imports, loading
  compiled code, a last unit that one worker is left with) is in the whole time beside it. So is what the machine
  itself allows: the simulation alone in two processes at once against one.

Run it on a quiet machine: two workers need two free cores. Exit code 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from propmat.errors import PropmatError
from propmat.heliosphere import Heliosphere
from propmat.samples import Design, ParticleDesign, ParticleStore, SampleStore, heliosphere_header
from propmat.samples.particles import installed_simulate_many, particle_header
from propmat.samples.production import fill, heliosphere_simulate, histogram_tables, particle_tables
from propmat.samples.store import Store
from propmat.samples.worker import Tables
from propmat.transfer import TransferGrid

OVERHEAD_TARGET, WORKERS_TARGET = 0.05, 1.9
PARTICLES = 400
"""Of a unit: about a second."""
SEED = 3
ALONE = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from production import PARTICLES, particle_store
from propmat.samples.particles import installed_simulate_many
from propmat.samples.production import particle_tables
header = particle_store(None, int(sys.argv[2])).header
tables = particle_tables(header, installed_simulate_many(header, threads=1))
list(tables(range(8)))
print("ready", flush=True)
sys.stdin.readline()
start = time.perf_counter()
for unit in range(header.design.shards):
    list(tables(header.design.shard_range(unit)))
print(time.perf_counter() - start)
"""
"""The units without store or workers: says "ready", waits for a line, prints its seconds."""


class Timed:
    """A simulation and the time spent in it [s]."""

    def __init__(self, tables: Tables[Any]) -> None:
        self._tables, self.seconds = tables, 0.0

    def __call__(self, samples: Sequence[int]) -> Generator[Any, None, None]:
        """The tables of the samples."""
        made = self._tables(samples)
        while True:
            start = time.perf_counter()
            table = next(made, None)
            self.seconds += time.perf_counter() - start
            if table is None:
                return
            yield table


class Command(NamedTuple):
    """Seconds of a whole command, and units a second once all of its workers are under way."""

    seconds: float
    rate: float


def particle_store(path: Path | None, units: int) -> ParticleStore:
    """A store of so many units of particles; without a path only its header is of use."""
    design = ParticleDesign(count=units * PARTICLES, seed=SEED, shard_size=PARTICLES)
    header = particle_header(Heliosphere.preset("paper"), design)
    return ParticleStore(Path(), header) if path is None else ParticleStore.create(path, header)


def histogram_store(path: Path, units: int) -> SampleStore:
    """A store of so many units of histograms of about as many particles."""
    grid = TransferGrid.default().every(3)
    design = Design(count=units, particles=PARTICLES // (2 * grid.toa.size), seed=SEED, shard_size=2)
    return SampleStore.create(path, heliosphere_header(Heliosphere.preset("paper"), design, grid=grid))


def overhead(store: Store[Any], tables: Tables[Any]) -> tuple[float, float]:
    """(seconds of simulation a unit, overhead as a share of it)."""
    list(tables(store.header.design.shard_range(0)))  # compiled and loaded
    timed = Timed(tables)
    start = time.perf_counter()
    fill(store, timed, progress=False)
    wall = time.perf_counter() - start
    return timed.seconds / store.header.design.shards, wall / timed.seconds - 1.0


def command(folder: Path, workers: int, units: int) -> Command:
    """Run ``propmat simulate`` with these workers."""
    words = [
        "simulate",
        "samples=particles_tiny",
        f"samples.count={units * PARTICLES}",
        f"samples.shard_size={PARTICLES}",
        f"samples.seed={SEED}",
        f"output={folder}",
        f"production.workers={workers}",
        "production.threads=1",
    ]
    start = time.perf_counter()
    with (folder.parent / f"{folder.name}.log").open("wb") as log:
        code = subprocess.run([sys.executable, "-m", "propmat.cli", *words], stdout=log, stderr=log).returncode
    seconds = time.perf_counter() - start
    if code:
        raise SystemExit(f"propmat {' '.join(words)}: exit code {code}\n{Path(log.name).read_text()}")
    finished = sorted(path.stat().st_mtime for path in (folder / "shards").glob("*.sha256"))
    return Command(seconds, (units - workers) / (finished[-1] - finished[workers - 1]))


def alone(processes: int, units: int) -> float:
    """Seconds of the simulation of the units without store or workers, in so many processes at once; the slowest."""
    environment = os.environ | {"NUMBA_NUM_THREADS": "1"}
    argv = [sys.executable, "-c", ALONE, str(Path(__file__).parent), str(units)]
    running = [
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(processes)
    ]
    for process in running:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return max(float(process.communicate()[0]) for process in running)


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--units", type=int, default=40, help="units of about a second (default 40)")
    units = parser.parse_args().units
    console = Console()
    missed = []
    with tempfile.TemporaryDirectory() as scratch:
        table = Table("store", "simulation a unit", "overhead", title=f"one process, {units // 2} units")
        particles = particle_store(Path(scratch) / "particles", units // 2)
        histograms = histogram_store(Path(scratch) / "histograms", units // 2)
        many = particle_tables(particles.header, installed_simulate_many(particles.header, threads=1))
        counts = histogram_tables(histograms.header, heliosphere_simulate(histograms.header, threads=1))
        measured = {"particles": overhead(particles, many), "histograms": overhead(histograms, counts)}
        for name, (seconds, share) in measured.items():
            table.add_row(name, f"{seconds:.2f} s", f"{100 * share:.1f} %")
            if share > OVERHEAD_TARGET:
                missed.append(f"overhead of {name} {100 * share:.1f} %, target {100 * OVERHEAD_TARGET:.0f} %")
        console.print(table)

        runs = {workers: command(Path(scratch) / f"workers-{workers}", workers, units) for workers in (1, 2)}
        table = Table("workers", "whole command", "units a second", title=f"propmat simulate, {units} units")
        for workers, run in runs.items():
            table.add_row(str(workers), f"{run.seconds:.1f} s", f"{run.rate:.2f}")
        console.print(table)
        ratio, whole = runs[2].rate / runs[1].rate, runs[1].seconds / runs[2].seconds
        machine = 2.0 * alone(1, units // 4) / alone(2, units // 4)
        console.print(
            f"two workers: {ratio:.2f} times one; whole commands {whole:.2f}; the machine allows {machine:.2f}"
        )
        if ratio < WORKERS_TARGET:
            missed.append(f"two workers {ratio:.2f} times one, target {WORKERS_TARGET}")
    print(f"verdict: {'MISSED ' + '; '.join(missed) if missed else 'all targets met'}")
    return 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PropmatError as error:
        sys.exit(f"production.py: {error}")
