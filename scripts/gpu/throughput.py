"""Speed of the heliosphere on a GPU: what ``scripts/benchmarks/sde_throughput.py --device cuda`` runs.

Trajectories per second from call to result in the physics of preset "paper", beside the ceiling that
scripts/gpu/kernel_ceiling.py derives from the machine code (nvdisasm must be there). With ``tune``, other shapes of the
launch and sizes too: how many threads the registers leave room for is the occupancy, and whether more of them help says
what the kernel waits for.
"""

from __future__ import annotations

import subprocess
import time
from typing import Any, Final, NamedTuple

import kernel_ceiling
import numpy as np
from rich.console import Console
from rich.table import Table

from propmat.errors import InputError
from propmat.heliosphere import Heliosphere, simulate
from propmat.heliosphere.kernels.constants import run_constants, switches
from propmat.heliosphere.kernels.cpu import RESULTS
from propmat.heliosphere.kernels.cuda import LAUNCH, Shape, check_cuda, default_shape, tracer
from propmat.heliosphere.kernels.cuda_compile import assemble, kernel_arguments
from propmat.heliosphere.tracing import STEP_CAP
from propmat.species import get_species, rigidity_from_kinetic_energy

CONDITIONS: Final = kernel_ceiling.CONDITIONS
TARGET: Final = kernel_ceiling.TARGET
ENERGIES: Final = (0.3, 1.0, 10.0)
SHARE: Final = {+1: {0.3: 4, 1.0: 1, 10.0: 1}, -1: {0.3: 8, 1.0: 2, 10.0: 2}}
"""{drift sign: {energy [GeV]: so many times fewer particles, where they take more steps}}."""
SHAPES: Final = tuple(Shape(threads, registers) for registers in (128, 168, 255) for threads in (32, 64, 128, 256))
SIZES: Final = (2**15, 2**16, 2**17, 2**18, 2**19)
PAPER: Final = Heliosphere.preset("paper")
PROTON: Final = get_species("proton")
REGISTERS: Final = 65536
"""Of a multiprocessor; a warp takes them in lots of 256. Blocks: 32 at most, threads 2048 (compute capability 9.0)."""


class Timing(NamedTuple):
    """What a run did and the seconds it took."""

    steps: int
    particles: int
    seconds: float


def timed(sign: int, energy: float, particles: int) -> Timing:
    """A run as users make it."""
    start = time.perf_counter()
    run = simulate(
        PAPER,
        species=PROTON,
        polarity=sign,
        kinetic_energy=energy,
        parameters=CONDITIONS,
        particles=particles,
        seed=7,
        device="cuda",
    )
    return Timing(int(run.steps.sum()), particles, time.perf_counter() - start)


def timed_launch(trace: Any, sign: int, particles: int) -> Timing:
    """One launch at 1 GeV, compiled before."""
    constants = run_constants(PAPER, CONDITIONS, PROTON.mass_per_charge, sign)
    log_rigidity = np.log(rigidity_from_kinetic_energy(np.array([1.0]), PROTON))
    out = np.empty((RESULTS, particles))
    start = time.perf_counter()
    trace(constants, log_rigidity, particles, 0, particles, np.array([7, 0], np.uint64), STEP_CAP, out)
    return Timing(int(np.abs(out[5]).sum()), particles, time.perf_counter() - start)


def resident(registers: int, threads: int) -> int:
    """Warps that a multiprocessor holds at a time."""
    warps = threads // 32
    return min(REGISTERS // (-(-registers * 32 // 256) * 256 * warps), 32, 64 // warps) * warps


def machine() -> str:
    """The GPU, its clocks and its driver, as nvidia-smi has them."""
    asked = "name,driver_version,clocks.sm,clocks.max.sm,power.draw,utilization.gpu"
    command = ["nvidia-smi", f"--query-gpu={asked}", "--format=csv,noheader"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no answer from nvidia-smi ({error})"


def ceilings(console: Console) -> dict[int, float]:
    """{drift sign: trajectories per second at 1 GeV that the machine code allows}; empty if it cannot be read."""
    try:
        return {bound.sign: bound.trajectories for bound in kernel_ceiling.bounds(100) if bound.whole_warps}
    except Exception as error:  # no disassembler, or libraries that do not fit: the speed is measured all the same
        console.print(f"no ceiling: {error!r}", markup=False)
        return {}


def show_speed(console: Console, particles: int) -> list[str]:
    """Trajectories per second by drift sign and energy; returns the targets missed."""
    highest, missed = ceilings(console), []
    heads = ("drift sign", "energy [GeV]", "particles", "steps each", "10^9 steps/s", "10^6 /s", "of ceiling", "target")
    table = Table(*heads, title="from call to result, preset paper")
    for sign in TARGET:
        timed(sign, 10.0, 1024)  # compiles, wakes the device
        for energy in ENERGIES:
            timing = max(
                (timed(sign, energy, particles // SHARE[sign][energy]) for _ in range(2)),
                key=lambda one: one.particles / one.seconds,
            )
            rate = timing.particles / timing.seconds
            at_target = energy == 1.0
            share = f"{rate / highest[sign]:.2f}" if at_target and sign in highest else ""
            row = [
                str(timing.particles),
                f"{timing.steps / timing.particles:.0f}",
                f"{timing.steps / timing.seconds / 1e9:.3f}",
                f"{rate / 1e6:.3f}",
            ]
            table.add_row(f"{sign:+d}", f"{energy:g}", *row, share, f">= {TARGET[sign] / 1e6:g}" if at_target else "")
            if at_target and not rate >= TARGET[sign]:
                missed.append(f"{rate / 1e6:.3f} of {TARGET[sign] / 1e6:g} million/s at drift sign {sign:+d}")
    console.print(table)
    return missed


def show_shapes(console: Console) -> None:
    """Steps per second by shape and by size of a launch; the registers and spills of each shape."""
    from propmat.heliosphere.kernels.cuda_kernel import kernel_source

    s = switches(PAPER)
    title = f"one launch of {LAUNCH} trajectories at 1 GeV, drift sign -1"
    table = Table("threads", "registers", "spilled [B]", "warps a multiprocessor", "10^9 steps/s", title=title)
    for shape in SHAPES:
        code = assemble(kernel_source(s, shape.threads), kernel_arguments(), shape.registers)
        trace = tracer(s, shape)
        timed_launch(trace, -1, 1024)
        timing = timed_launch(trace, -1, LAUNCH)
        row = [str(code.registers), str(code.spilled), str(resident(code.registers, shape.threads))]
        table.add_row(f"{shape.threads}", *row, f"{timing.steps / timing.seconds / 1e9:.3f}")
    console.print(table)
    table = Table("drift sign", *map(str, SIZES), title="10^9 steps/s of one launch by its trajectories: the tail")
    trace = tracer(s, default_shape(s))
    for sign in TARGET:
        rates = (timed_launch(trace, sign, size) for size in SIZES)
        table.add_row(f"{sign:+d}", *(f"{one.steps / one.seconds / 1e9:.3f}" for one in rates))
    console.print(table)


def main(particles: int, tune: bool) -> int:
    """Measure, print, judge."""
    console = Console(width=120)
    try:
        check_cuda()
    except InputError as error:
        console.print(str(error), markup=False, soft_wrap=True)
        return 2
    console.print(f"{machine()}; {', '.join(f'{name} {value:g}' for name, value in CONDITIONS.items())}")
    missed = show_speed(console, particles)
    if tune:
        show_shapes(console)
    console.print(f"after: {machine()}")
    print(f"speed: {'missed: ' + '; '.join(missed) if missed else 'all targets met'}")
    return 1 if missed else 0
