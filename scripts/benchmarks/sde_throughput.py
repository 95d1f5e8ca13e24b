"""Speed of the heliosphere's stepper on one core, against a plain scalar loop with a fixed step, and the target.

Usage: python scripts/benchmarks/sde_throughput.py [--particles N]

Both call the same physics (propmat.heliosphere.stepper.step) with the same random numbers: the first as simulations
do, adaptive and in lanes that the compiler vectorises; the second one particle after the other with dt = 500 s. They
run in turns on one thread, and the best turn of each counts. Times are CPU times of that thread, so that other
programs on the machine disturb them little. Exit code 1 if the target is missed.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit, uint64
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from propmat.constants import SECONDS_PER_DAY
from propmat.heliosphere import Heliosphere
from propmat.heliosphere.kernels.constants import RunConstants, run_constants
from propmat.heliosphere.kernels.cpu import RESULTS, trace
from propmat.heliosphere.kernels.philox import four_normals, philox, uniform
from propmat.heliosphere.simulation import STEP_CAP
from propmat.heliosphere.stepper import step
from propmat.species import FloatArray, get_species, rigidity_from_kinetic_energy

TARGET = 2.0
"""Steps per second of the lanes over those of the scalar loop, for both drift signs."""
FIXED_STEP = 500.0
"""Of the scalar loop [s]."""
SCALAR_SHARE = 8
"""The scalar loop follows this many times fewer particles: its small steps are many."""
TURNS = 3
CONDITIONS = {"B0": 5.0, "tilt": 15.0, "K0": 0.15, "a": 0.5, "b": 2.0}
PROTON = get_species("proton")
KEY = np.array([7, 0], dtype=np.uint64)

_LOW = uint64(0xFFFFFFFF)
_SHIFT = uint64(32)
_START_COUNTER = uint64(0xFFFFFFFF)


class Timing(NamedTuple):
    """Work done and CPU seconds spent on it."""

    steps: int
    particles: int
    seconds: float


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def scalar_loop(c: RunConstants, log_rigidity: float, particles: int, seed: Any) -> int:
    """Follow one particle after the other to the boundary; the number of steps of all."""
    key0, key1 = seed[0], seed[1]
    total = 0
    for particle in range(particles):
        number = uint64(particle)
        word, _, _, _ = philox(_START_COUNTER, number & _LOW, number >> _SHIFT, uint64(0), key0, key1)
        r, theta, phi, log_r = 1.0, 0.5 * math.pi, 2.0 * math.pi * uniform(word), log_rigidity
        count = 0
        while r < c.r_hp:
            w0, w1, w2, w3 = philox(uint64(count), number & _LOW, number >> _SHIFT, uint64(0), key0, key1)
            n1, n2, n3, n4 = four_normals(w0, w1, w2, w3)
            r, theta, phi, log_r, _ = step(c, r, theta, phi, log_r, n1, n2, n3, n4)
            count += 1
        total += count
    return total


def constants(drift_sign: int) -> RunConstants:
    """Of the run with protons in this polarity."""
    return run_constants(Heliosphere.preset("paper"), CONDITIONS, PROTON.mass_per_charge, drift_sign)


def log_rigidity(kinetic_energy: float) -> FloatArray:
    """(1,) ln of the rigidity [GV] of protons [GeV]."""
    return np.log(rigidity_from_kinetic_energy(np.array([kinetic_energy]), PROTON))


def time_lanes(drift_sign: int, kinetic_energy: float, particles: int) -> Timing:
    """The stepper as simulations use it."""
    out = np.empty((RESULTS, particles))
    start = time.thread_time()
    trace(constants(drift_sign), log_rigidity(kinetic_energy), particles, 0, particles, KEY, STEP_CAP, out)
    seconds = time.thread_time() - start
    return Timing(int(np.abs(out[5]).sum()), particles, seconds)


def time_scalar(drift_sign: int, kinetic_energy: float, particles: int) -> Timing:
    """The plain loop."""
    fixed = constants(drift_sign)._replace(fixed_step=FIXED_STEP / SECONDS_PER_DAY)
    start = time.thread_time()
    steps = int(scalar_loop(fixed, float(log_rigidity(kinetic_energy)[0]), particles, KEY))
    return Timing(steps, particles, time.thread_time() - start)


def measure(particles: int) -> tuple[dict[int, tuple[Timing, Timing]], dict[tuple[int, float], Timing]]:
    """{drift sign: best of (lanes, scalar)} at 1 GeV and {(drift sign, energy): lanes}, with a progress bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    lanes: dict[int, list[Timing]] = {+1: [], -1: []}
    scalar: dict[int, list[Timing]] = {+1: [], -1: []}
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("compiling", total=2 + 4 * TURNS + 4)

        def timed(name: str, function: Callable[[int, float, int], Timing], *arguments: Any) -> Timing:
            progress.update(task, description=name)
            timing = function(*arguments)
            progress.advance(task)
            return timing

        timed("compiling the lanes", time_lanes, +1, 1.0, 64)
        timed("compiling the scalar loop", time_scalar, +1, 1.0, 1)
        for _ in range(TURNS):
            for sign in (+1, -1):
                lanes[sign].append(timed("lanes", time_lanes, sign, 1.0, particles))
                scalar[sign].append(timed("scalar loop", time_scalar, sign, 1.0, max(particles // SCALAR_SHARE, 1)))
        best = {sign: (fastest(lanes[sign]), fastest(scalar[sign])) for sign in (+1, -1)}
        cost = {
            (sign, energy): best[sign][0] if energy == 1.0 else timed("lanes", time_lanes, sign, energy, particles)
            for energy in (0.3, 1.0, 10.0)
            for sign in (+1, -1)
        }
    return best, cost


def fastest(timings: list[Timing]) -> Timing:
    """The turn that took the least time."""
    return min(timings, key=lambda timing: timing.seconds)


def run() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--particles", type=int, default=1024, help="trajectories of a turn (default: %(default)s)")
    particles: int = parser.parse_args().particles
    if particles < 1:
        parser.error(f"--particles {particles} must be at least 1")
    best, cost = measure(particles)
    console = Console()
    speed = Table("drift sign", "lanes", "scalar loop", "ratio", title="million steps per second and core, 1 GeV")
    ratios = {}
    for sign, (fast, plain) in best.items():
        rates = [timing.steps / timing.seconds / 1e6 for timing in (fast, plain)]
        ratios[sign] = rates[0] / rates[1]
        speed.add_row(f"{sign:+d}", *(f"{rate:.2f}" for rate in rates), f"{ratios[sign]:.2f}")
    console.print(speed)
    expense = Table("drift sign", "energy [GeV]", "steps each", "CPU s per 1000", title="default step control")
    for (sign, energy), timing in cost.items():
        seconds = 1000.0 * timing.seconds / timing.particles
        expense.add_row(f"{sign:+d}", f"{energy:g}", f"{timing.steps / timing.particles:.0f}", f"{seconds:.2f}")
    console.print(expense)
    missed = [f"{ratio:.2f} at drift sign {sign:+d}" for sign, ratio in ratios.items() if not ratio >= TARGET]
    verdict = f"missed, {'; '.join(missed)}" if missed else "met for both drift signs"
    print(f"target (ratio at least {TARGET:g}): {verdict}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(run())
