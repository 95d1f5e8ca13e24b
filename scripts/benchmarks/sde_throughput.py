"""Speed of the heliosphere's stepper on one core, against plain scalar loops with a fixed step, and the targets.

Usage: python scripts/benchmarks/sde_throughput.py [--particles N] [--device cuda [--tune]]

Three ways to follow the same particles with the same random numbers in the physics of preset "paper":

- lanes: as simulations do, adaptive (converged), in lanes that the compiler vectorises;
- fixed step: the same step, one particle after the other, with dt = 500 s;
- HELPROP's rule: its Euler-Maruyama step (propmat.heliosphere.helprop), one particle after the other, dt = 500 s.

They run in turns on one thread and the best turn of each counts. Times are CPU times of that thread, so that other
programs on the machine disturb them little; only the scaling with threads is in wall-clock time. Exit code 1 if a
target is missed. With --device cuda, the speed of an NVIDIA GPU instead (scripts/gpu/throughput.py); 2 without one.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from rich.console import Console
from rich.table import Table

from propmat.constants import SECONDS_PER_DAY
from propmat.heliosphere import Heliosphere
from propmat.heliosphere.helprop import helprop_step
from propmat.heliosphere.kernels.constants import RunConstants, run_constants, switches
from propmat.heliosphere.kernels.cpu import RESULTS, tracer
from propmat.heliosphere.kernels.philox import start_longitude, trajectory_normals
from propmat.heliosphere.stepper import start_angles, step
from propmat.heliosphere.tracing import STEP_CAP
from propmat.progress import progress_bar
from propmat.species import FloatArray, get_species, rigidity_from_kinetic_energy

RATE_TARGET = {+1: 15e6, -1: 10e6}
"""{drift sign: full-physics steps per second of the lanes on one core}, at 1 GeV; the aim is 30e6."""
FIXED_STEP = 500.0
"""Of the scalar loops [s]."""
SIGNS = (+1, -1)
ENERGIES = (0.3, 1.0, 10.0)
BATCHES = (64, 256, 1024, 4096)
TURNS = 2
SHARE = {"lanes": 1, "fixed step": 32, "HELPROP's rule": 32}
"""The scalar loops follow this many times fewer particles: they are slow, and have no lanes to fill."""
CONDITIONS = {"B0": 5.0, "tilt": 15.0, "K0": 0.15, "a": 0.5, "b": 2.0}
"""Of the steps per second, the batches and the threads."""
REFERENCE_CONDITIONS = CONDITIONS | {"K0": 0.1}
"""Of HELPROP's reference runs p_Apos_al15_D1 and pbar_Apos_al15_D1, and of the CPU seconds beside them."""
HELPROP_SECONDS = {
    (+1, 0.3): 3.51,
    (+1, 1.0): 1.97,
    (+1, 10.0): 0.68,
    (-1, 0.3): 60.76,
    (-1, 1.0): 31.75,
    (-1, 10.0): 4.63,
}
"""{(drift sign, GeV): CPU s per 1000 particles} of the public code, measured another day on a busy machine of 2 cores.

Source: ../shared/reference/helprop_README.md, Summary, runs p_Apos_al15_D1 and pbar_Apos_al15_D1; its own constants,
r_HP = 100 AU, no co-rotation and dt = 500 s, which is not converged.
"""
PROTON = get_species("proton")
PAPER = Heliosphere.preset("paper")
RULE = PAPER.replace(helprop_rule=True, fixed_step=FIXED_STEP)
KEY = np.array([7, 0], dtype=np.uint64)

_PAPER_SWITCHES = switches(PAPER)
_RULE_SWITCHES = switches(RULE)


class Task(NamedTuple):
    """One measurement: a method of following particles, the channel and how many."""

    method: str
    drift_sign: int
    energy: float
    particles: int
    reference: bool = False


class Timing(NamedTuple):
    """Work done and seconds spent on it."""

    steps: int
    particles: int
    seconds: float

    @property
    def rate(self) -> float:
        """Million steps per second."""
        return self.steps / self.seconds / 1e6

    @property
    def cost(self) -> float:
        """Seconds per 1000 particles."""
        return 1000.0 * self.seconds / self.particles


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def fixed_step(
    c: RunConstants, r: float, theta: float, phi: float, log_r: float, odd: int, normals: Any
) -> tuple[float, float, float, float]:
    """(r, theta, phi, ln R) after a step of the simulations' own scheme, of length ``c.fixed_step``."""
    n1, n2, n3, n4 = normals
    pending = 0.5 * c.fixed_step
    r, theta, phi, log_r, _ = step(c, _PAPER_SWITCHES, r, theta, phi, log_r, pending, odd, n1, n2, n3, n4)
    return r, theta, phi, log_r


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def helprop_rule(
    c: RunConstants, r: float, theta: float, phi: float, log_r: float, odd: int, normals: Any
) -> tuple[float, float, float, float]:
    """(r, theta, phi, ln R) after a step of HELPROP's rule."""
    n1, n2, n3, _ = normals
    r, theta, phi, log_r, _ = helprop_step(c, _RULE_SWITCHES, r, theta, phi, log_r, n1, n2, n3)
    return r, theta, phi, log_r


@cache
def scalar_loop(move: Any) -> Callable[[RunConstants, float, int, Any], int]:
    """Compiled: follow one particle after the other to the boundary by ``move``; the number of steps of all."""

    @njit(error_model="numpy")  # type: ignore[untyped-decorator]
    def loop(c: RunConstants, log_rigidity: float, particles: int, seed: Any) -> int:
        key0, key1 = seed[0], seed[1]
        total = 0
        for particle in range(particles):
            theta, phi = start_angles(c, start_longitude(particle, key0, key1))
            r, log_r = 1.0, log_rigidity
            count = 0
            while r < c.r_hp:
                normals = trajectory_normals(count, particle, 0, key0, key1)
                r, theta, phi, log_r = move(c, r, theta, phi, log_r, count & 1, normals)
                count += 1
            total += count
        return total

    compiled: Callable[[RunConstants, float, int, Any], int] = loop
    return compiled


def constants(task: Task) -> RunConstants:
    """Of the run with protons in this polarity."""
    model = RULE if task.method == "HELPROP's rule" else PAPER
    conditions = REFERENCE_CONDITIONS if task.reference else CONDITIONS
    c = run_constants(model, conditions, PROTON.mass_per_charge, task.drift_sign)
    if task.method == "fixed step":
        return c._replace(fixed_step=FIXED_STEP / SECONDS_PER_DAY)
    return c


def log_rigidity(energy: float) -> FloatArray:
    """(1,) ln of the rigidity [GV] of protons [GeV]."""
    return np.log(rigidity_from_kinetic_energy(np.array([energy]), PROTON))


def lanes(task: Task, first: int = 0) -> int:
    """Trace as simulations do, trajectories from ``first`` on; the number of steps."""
    out = np.empty((RESULTS, task.particles))
    last = first + task.particles
    tracer(_PAPER_SWITCHES)(constants(task), log_rigidity(task.energy), last, first, last, KEY, STEP_CAP, out)
    return int(np.abs(out[5]).sum())


def perform(task: Task) -> Timing:
    """Do it once, on this thread's clock."""
    start = time.thread_time()
    if task.method == "lanes":
        steps = lanes(task)
    else:
        loop = scalar_loop(fixed_step if task.method == "fixed step" else helprop_rule)
        steps = int(loop(constants(task), float(log_rigidity(task.energy)[0]), task.particles, KEY))
    return Timing(steps, task.particles, time.thread_time() - start)


def perform_threads(task: Task, threads: int) -> Timing:
    """The task once on each of so many threads at a time, by the wall clock."""
    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        steps = sum(pool.map(lambda thread: lanes(task, thread * task.particles), range(threads)))
    return Timing(steps, threads * task.particles, time.perf_counter() - start)


def share(method: str, particles: int) -> int:
    """Particles of a method in one turn."""
    return max(particles // SHARE[method], 1)


def speed_tasks(particles: int, sign: int) -> tuple[Task, Task]:
    """The lanes and the fixed-step loop at 1 GeV."""
    lanes_task, fixed_task = (Task(method, sign, 1.0, share(method, particles)) for method in ("lanes", "fixed step"))
    return lanes_task, fixed_task


def cost_tasks(particles: int, sign: int, energy: float) -> tuple[Task, Task]:
    """The lanes and HELPROP's rule in the conditions of the reference runs."""
    lanes_task, rule_task = (
        Task(method, sign, energy, max(share(method, particles) // 4, 1), reference=True)
        for method in ("lanes", "HELPROP's rule")
    )
    return lanes_task, rule_task


def every_task(particles: int) -> list[Task]:
    """Everything on one core: speed, batches, cost."""
    speed = [task for sign in SIGNS for task in speed_tasks(particles, sign)]
    batches = [Task("lanes", sign, 1.0, batch) for sign in SIGNS for batch in BATCHES]
    cost = [task for sign in SIGNS for energy in ENERGIES for task in cost_tasks(particles, sign, energy)]
    return list(dict.fromkeys(speed + batches + cost))


def measure(particles: int) -> tuple[dict[Task, Timing], dict[int, Timing]]:
    """{task: its best turn} on one core and {threads: best turn}, with a progress bar."""
    every = every_task(particles)
    counts = [count for count in range(1, cores()) if count & (count - 1) == 0] + [cores()]
    crowd = Task("lanes", +1, 1.0, max(particles // 4, 1))
    best: dict[Task, Timing] = {}
    scaling: dict[int, Timing] = {}
    with progress_bar(count=False) as progress:
        bar = progress.add_task("", total=len(SHARE) + TURNS * (len(every) + len(counts)))
        for method in SHARE:
            progress.update(bar, description=f"compiling {method}")
            perform(Task(method, +1, 10.0, 1))
            progress.advance(bar)
        for turn in range(TURNS):
            for task in every:
                if turn and task.reference:  # factors, not per cents: once will do
                    progress.advance(bar)
                    continue
                progress.update(bar, description=f"{task.method}, {task.energy:g} GeV, drift sign {task.drift_sign:+d}")
                best[task] = fastest(best.get(task), perform(task))
                progress.advance(bar)
            for count in counts:
                progress.update(bar, description=f"{count} threads")
                scaling[count] = fastest(scaling.get(count), perform_threads(crowd, count))
                progress.advance(bar)
    return best, scaling


def fastest(one: Timing | None, other: Timing) -> Timing:
    """The turn that took the least time."""
    return other if one is None or other.seconds < one.seconds else one


def cores() -> int:
    """CPUs this process may use."""
    return len(os.sched_getaffinity(0))


def machine() -> str:
    """The processor's name and how busy it is."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else 'unknown processor'}, {cores()} cores, load {os.getloadavg()[0]:.1f}"


def show_speed(console: Console, best: dict[Task, Timing], particles: int) -> list[str]:
    """Steps per second of the lanes and of the fixed-step loop; returns the targets missed."""
    table = Table("drift sign", "lanes", "fixed step", "ratio", "target", title="10^6 steps/s of one core, 1 GeV")
    missed = []
    for sign in SIGNS:
        fast, plain = (best[task].rate for task in speed_tasks(particles, sign))
        target = RATE_TARGET[sign] / 1e6
        table.add_row(f"{sign:+d}", f"{fast:.2f}", f"{plain:.2f}", f"{fast / plain:.2f}", f">= {target:g}")
        if not fast >= target:
            missed.append(f"{fast:.2f} of {target:g} million steps/s at drift sign {sign:+d}")
    console.print(table)
    return missed


def show_cost(console: Console, best: dict[Task, Timing], particles: int) -> list[str]:
    """CPU seconds per 1000 particles, converged, by HELPROP's rule and in HELPROP's own runs; the targets missed."""
    table = Table(
        "drift sign",
        "energy [GeV]",
        "steps each",
        "lanes",
        "rule",
        "cheaper",
        "HELPROP",
        title=f"CPU s per 1000 particles: lanes (converged), HELPROP's rule, itself; K0 {REFERENCE_CONDITIONS['K0']:g}",
    )
    missed = []
    for sign in SIGNS:
        for energy in ENERGIES:
            fast, rule = (best[task] for task in cost_tasks(particles, sign, energy))
            measured = HELPROP_SECONDS[sign, energy]
            row = [f"{fast.steps / fast.particles:.0f}", f"{fast.cost:.2f}", f"{rule.cost:.2f}"]
            table.add_row(f"{sign:+d}", f"{energy:g}", *row, f"{rule.cost / fast.cost:.1f} x", f"{measured:.2f}")
            if energy == 1.0 and not fast.cost < rule.cost:
                missed.append(
                    f"{fast.cost:.2f} s per 1000 against {rule.cost:.2f} s by the rule at drift sign {sign:+d}"
                )
    console.print(table)
    return missed


def show_scaling(console: Console, best: dict[Task, Timing], scaling: dict[int, Timing]) -> None:
    """Steps per second by the particles of a call, and by threads, where other programs count."""
    batches = Table("drift sign", *(str(batch) for batch in BATCHES), title="10^6 steps/s by particles in a batch")
    for sign in SIGNS:
        rates = (best[Task("lanes", sign, 1.0, batch)].rate for batch in BATCHES)
        batches.add_row(f"{sign:+d}", *(f"{rate:.2f}" for rate in rates))
    console.print(batches)
    threads = Table("threads", "10^6 steps/s", "over one", title="threads (wall clock)")
    for count, timing in scaling.items():
        threads.add_row(str(count), f"{timing.rate:.2f}", f"{timing.rate / scaling[1].rate:.2f}")
    console.print(threads)


def run() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--particles", type=int, help="trajectories of a turn (default: 4096; 2^22 on a GPU)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default: %(default)s")
    parser.add_argument("--tune", action="store_true", help="on a GPU: other shapes and sizes of a launch too")
    options = parser.parse_args()
    if options.particles is not None and options.particles < 8:
        parser.error(f"--particles {options.particles} must be at least 8")
    if options.device == "cuda":
        sys.path.insert(0, str(Path(__file__).parents[1] / "gpu"))
        return int(import_module("throughput").main(options.particles or 2**22, options.tune))
    particles: int = options.particles or 4096
    console = Console()
    console.print(f"{machine()}; {', '.join(f'{name} {value:g}' for name, value in CONDITIONS.items())}")
    best, scaling = measure(particles)
    missed = show_speed(console, best, particles) + show_cost(console, best, particles)
    show_scaling(console, best, scaling)
    print(f"speed: {'missed: ' + '; '.join(missed) if missed else 'all targets met'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(run())
