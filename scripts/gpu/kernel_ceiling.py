"""What the kernel's machine code allows on an H200: derived from its instructions, on any machine, without a GPU.

Usage: python scripts/gpu/kernel_ceiling.py [--trajectories N]

Needs numba-cuda and nvdisasm (pip install 'propmat[gpu]' nvidia-cuda-nvdisasm). A step is cut where the threads of a
warp may go different ways: what every step does, and the search of the sheet, which a warp does if one of its threads
needs it. The instructions of both are counted by class in the machine code for sm_90, without the rare branches of
divisions and roots; how many steps search the sheet is counted on the CPU. Each class has a rate; the slowest one, or
the rate at which instructions are issued, bounds the steps per second. No waiting is in it: this is a ceiling.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numba import cuda, njit, types
from rich.console import Console
from rich.table import Table

from propmat.heliosphere import Heliosphere
from propmat.heliosphere.kernels.constants import RunConstants, Switches, run_constants
from propmat.heliosphere.kernels.cuda_compile import Machine, assemble
from propmat.heliosphere.kernels.philox import start_longitude, trajectory_normals
from propmat.heliosphere.stepper import (
    Place,
    advance,
    far_from_sheet,
    near_sheet,
    noise_step,
    start_angles,
    step,
    survey,
)
from propmat.species import get_species, rigidity_from_kinetic_energy

MULTIPROCESSORS: Final = 132
CLOCK: Final = 1.98e9
"""Hz, the highest of the multiprocessors; seen on an H200 under load."""
CYCLES: Final = {"FP64": 2.0, "special": 8.0, "wide integer": 2.0, "conversion": 8.0}
"""Cycles that an instruction of a warp keeps its pipe of one of the four parts of a multiprocessor.

FP64: 64 lanes a multiprocessor (34 TFLOP/s as multiply-adds on 132 at 1.98 GHz); special functions and conversions of
64 bits: 16; 32 x 32 -> 64 bit products: taken as 64. Sources: NVIDIA H100 white paper; CUDA programming guide, table
of arithmetic throughput, compute capability 9.0.
"""
CLASSES: Final = {
    "FP64": r"DFMA|DMUL|DADD|DSETP|DMNMX",
    "special": r"MUFU",
    "wide integer": r"IMAD\.WIDE|IMAD\.HI",
    "conversion": r"I2F|F2I|F2F|FRND",
}
CONDITIONS: Final = {"B0": 5.0, "tilt": 15.0, "K0": 0.15, "a": 0.5, "b": 2.0}
TARGET: Final = {+1: 5e6, -1: 1e6}
S: Final = Switches()


def every_step(c: Any, x: Any, key0: Any, key1: Any) -> None:
    """What each step of each thread does, the sheet's search aside."""
    i = cuda.grid(1)
    r, theta, phi, log_r, pending = x[0, i], x[1, i], x[2, i], x[3, i], x[4, i]
    n1, n2, n3, n4 = trajectory_normals(int(x[5, i]), i, 0, key0, key1)
    place = survey(c, S, r, theta, phi, log_r)
    x[6, i] = 1.0 if far_from_sheet(c, S, r, place) else 0.0
    r, theta, phi, log_r = advance(c, S, r, theta, phi, log_r, pending, place, place.step, x[7, i], x[8, i], x[9, i])
    x[0, i], x[1, i], x[2, i] = noise_step(c, r, theta, phi, place.amplitude, place.step, 0, n1, n2, n3, n4)
    x[3, i] = log_r


def sheet_search(c: Any, x: Any, key0: Any, key1: Any) -> None:
    """What a step does in addition where the sheet may matter."""
    i = cuda.grid(1)
    place = Place(
        x[2, i], x[3, i], x[4, i], x[5, i], x[6, i], x[7, i], x[8, i],
        x[9, i], x[10, i], x[11, i], x[12, i], x[13, i], x[14, i], x[15, i],
    )  # fmt: skip
    x[0, i], x[16, i], x[17, i], x[18, i] = near_sheet(c, S, x[0, i], place, x[1, i])


class Work(NamedTuple):
    """Instructions of a part of a step, one thread's: of each class, and of all."""

    classes: dict[str, int]
    total: int


def work(kernel: Any) -> Work:
    """Assemble a part of a step and count its instructions."""
    run = types.NamedUniTuple(types.float64, len(RunConstants._fields), RunConstants)
    return count(assemble(kernel, (run, types.float64[:, ::1], types.uint64, types.uint64), 255))


def count(machine: Machine) -> Work:
    """Instructions of machine code by class, less the subroutines for rare operands and the calls of them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "kernel.cubin")
        path.write_bytes(machine.cubin)
        text = subprocess.run([disassembler(), "-c", str(path)], check=True, capture_output=True, text=True).stdout
    names = instructions(text)
    classes = Counter(
        {label: sum(bool(re.match(pattern, name)) for name in names) for label, pattern in CLASSES.items()}
    )
    return Work(dict(classes), len(names))


def instructions(text: str) -> list[str]:
    """Names of a kernel's instructions without the branches of divisions and roots for rare operands.

    Such a branch is a call that another branch skips; what is called follows the kernel, under labels of its own.
    """
    kept: list[tuple[str, str]] = []
    skipping = ""
    for line in text.splitlines():
        label = re.match(r"(\.L_\w+|\$__internal\S*):", line.strip())
        if label and label[1].startswith("$"):
            break
        if label and label[1] == skipping:
            skipping = ""
        found = re.match(r"\s*/\*[0-9a-f]+\*/\s+(@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)(.*)", line)
        if not found or skipping or found[2] == "NOP":
            continue
        if found[2].startswith("CALL"):
            last = max(k for k, (name, _) in enumerate(kept) if name == "BRA")
            skipping = kept[last][1]
            del kept[last + 1 :]
            continue
        target = re.search(r"\((\.L_\w+)\)", found[3])
        kept.append((found[2], target[1] if target else ""))
    return [name for name, _ in kept]


def disassembler() -> str:
    """The path of nvdisasm: a package of Python's, or on the path."""
    for place in map(Path, sys.path):
        for found in place.glob("nvidia/*/bin/nvdisasm"):
            return str(found)
    return "nvdisasm"


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def searched(c: RunConstants, log_rigidity: float, trajectories: int) -> tuple[int, int]:
    """(steps, steps that search the sheet) of so many trajectories."""
    key0, key1 = np.uint64(7), np.uint64(0)
    steps, near = 0, 0
    for number in range(trajectories):
        theta, phi = start_angles(c, start_longitude(number, key0, key1))
        r, log_r, pending, odd = 1.0, log_rigidity, 0.0, 0
        draw = 0
        while r < c.r_hp:
            near += 0 if far_from_sheet(c, S, r, survey(c, S, r, theta, phi, log_r)) else 1
            n1, n2, n3, n4 = trajectory_normals(draw, number, 0, key0, key1)
            r, theta, phi, log_r, dt = step(c, S, r, theta, phi, log_r, pending, odd, n1, n2, n3, n4)
            pending, odd = 0.5 * dt, 1 - odd
            draw += 1
        steps += draw
    return steps, near


def cycles(parts: list[tuple[float, Work]]) -> dict[str, float]:
    """Cycles of a step of a warp on a part of a multiprocessor, by what bounds it; ``parts`` come with their share."""
    bounds = {name: sum(share * part.classes[name] for share, part in parts) * CYCLES[name] for name in CYCLES}
    return bounds | {"issue": sum(share * part.total for share, part in parts)}


def rate(bounds: dict[str, float]) -> float:
    """Steps per second of the whole device at these cycles."""
    return MULTIPROCESSORS * 4 * 32 * CLOCK / max(bounds.values())


class Bound(NamedTuple):
    """What bounds the speed at 1 GeV.

    Attributes:
        sign: drift sign.
        whole_warps: whether all threads of a warp wait while one searches the sheet, or each goes its own way.
        steps: of a trajectory.
        searching: share of steps that search the sheet.
        cycles: of a step of a warp, by class.
    """

    sign: int
    whole_warps: bool
    steps: float
    searching: float
    cycles: dict[str, float]

    @property
    def trajectories(self) -> float:
        """Per second."""
        return rate(self.cycles) / self.steps


def parts() -> dict[str, Work]:
    """The instructions of the parts of a step."""
    return {"every step": work(every_step), "search of the sheet": work(sheet_search)}


def bounds(trajectories: int, found: dict[str, Work] | None = None) -> list[Bound]:
    """The bounds of both drift signs; steps and searches are those of so many trajectories on the CPU."""
    always, sometimes = (found or parts()).values()
    proton = get_species("proton")
    log_rigidity = float(np.log(rigidity_from_kinetic_energy(np.array([1.0]), proton))[0])
    every = []
    for sign in TARGET:
        c = run_constants(Heliosphere.preset("paper"), CONDITIONS, proton.mass_per_charge, sign)
        steps, near = searched(c, log_rigidity, trajectories)
        share = near / steps
        for whole in (False, True):
            often = 1.0 - (1.0 - share) ** 32 if whole else share
            every.append(Bound(sign, whole, steps / trajectories, share, cycles([(1.0, always), (often, sometimes)])))
    return every


def main() -> int:
    """Count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--trajectories", type=int, default=200, help="to count searches of the sheet in (default: 200)"
    )
    trajectories: int = parser.parse_args().trajectories
    console = Console(width=120)
    found = parts()
    table = Table("part", *CLASSES, "all", title="instructions of a thread, sm_90")
    for name, part in found.items():
        table.add_row(name, *(str(part.classes[label]) for label in CLASSES), str(part.total))
    console.print(table)
    title = f"ceiling at 1 GeV, {MULTIPROCESSORS} multiprocessors at {CLOCK / 1e9:g} GHz; cycles of a step of a warp"
    table = Table(
        "sign", "steps each", "searching", "", *CYCLES, "issue", "10^9 steps/s", "10^6 /s", "target", title=title
    )
    for one in bounds(trajectories, found):
        way = "whole warps" if one.whole_warps else "each thread"
        shown = [f"{value:.0f}" for value in one.cycles.values()]
        speed = [f"{rate(one.cycles) / 1e9:.2f}", f"{one.trajectories / 1e6:.2f}", f"{TARGET[one.sign] / 1e6:g}"]
        table.add_row(f"{one.sign:+d}", f"{one.steps:.0f}", f"{one.searching:.2f}", way, *shown, *speed)
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
