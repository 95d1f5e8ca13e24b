"""Parameter points where real data are: what an MCMC visits with chi^2/dof below a limit (papers/000, IV-A).

Usage: python scripts/production/guided_points.py --kind galaxy|heliosphere --count N --output points.csv [options]

galaxy: the ten parameters of Table I against B/C of AMS-02 at 2-200 GV, with propmat's solver.
heliosphere: K0, a and b of each of 20 quiet Bartels rotations, with B0 and tilt as observed, against its protons of
AMS-02 and Voyager 1, with a heliosphere emulator; an equal share of points from every rotation.

Chains (emcee's HDF5 layout) lie in the folder points_chains beside the points. Interrupted or killed, the same command
goes on where it stopped, and ends with the same points; with a larger count it makes the chains longer. Then:

  propmat simulate simulator=galaxy samples=listed_galaxy samples.points=points.csv output=runs/guided
  propmat simulate samples=listed samples.points=points.csv output=runs/guided

Prints the evaluations and the time they took, and what region the points cover. There is no target, hence no verdict.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import propmat
from propmat.emulator.inference import load
from propmat.errors import FileError, InputError, PropmatError
from propmat.fit.guided import TEMPERATURES, Exploration, GuideConfig, GuidedLikelihood, explore
from propmat.fit.guided_galaxy import BoronToCarbon
from propmat.fit.guided_heliosphere import QUIET_ROTATIONS, quiet_rotations
from propmat.parameters import ParameterSpace
from propmat.progress import progress_bar
from propmat.samples.files import check_writable
from propmat.samples.guided import guided_points, share_of
from propmat.samples.points import write_points
from propmat.species import FloatArray


def arguments() -> argparse.ArgumentParser:
    default = GuideConfig()
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--kind", choices=("galaxy", "heliosphere"), required=True)
    found.add_argument("--count", type=int, required=True, metavar="N", help="points to write")
    found.add_argument("--output", type=Path, required=True, metavar="FILE", help="CSV file to write, not there yet")
    found.add_argument("--limit", type=float, default=default.limit, help="of chi^2/dof (default: %(default)s)")
    found.add_argument(
        "--temperature", type=float, default=default.temperature,
        help=f"1: the posterior; more: further from the best fit (default: limit x dof / {TEMPERATURES:g})",
    )  # fmt: skip
    found.add_argument(
        "--spacing", type=int, default=default.spacing,
        help="distinct points found for one that is written (default: %(default)s)",
    )  # fmt: skip
    found.add_argument("--walkers", type=int, default=default.walkers, help="(default: %(default)s)")
    found.add_argument("--seed", type=int, default=default.seed, help="of everything random (default: %(default)s)")
    found.add_argument("--threads", type=int, help="threads of the Galaxy's solver (default: all cores)")
    found.add_argument("--emulator", default="heliosphere", help="shipped name or bundle (default: %(default)s)")
    found.add_argument(
        "--rotations", type=int, nargs="+", default=QUIET_ROTATIONS, metavar="R", help="(default: %(default)s)"
    )
    return found


def likelihoods(given: argparse.Namespace) -> Sequence[GuidedLikelihood]:
    """What is searched: one chain each."""
    if given.kind == "galaxy":
        return (BoronToCarbon(workers=given.threads),)
    return quiet_rotations(tuple(given.rotations), load(given.emulator))


def prepare(output: Path, count: int, chains: int) -> Path:
    """The folder of the chains, after all that can be checked at once."""
    if count < chains:
        raise InputError(f"count = {count} is less than one point from each of {chains} chain(s).")
    if output.exists():
        raise InputError(f"output = {output} exists: choose another file, or remove it to write it anew.")
    folder = output.with_name(f"{output.stem}_chains")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_writable(folder)
        check_writable(output.parent)
    except OSError as error:
        raise FileError(f"output = {output} cannot be written: {error.strerror}.") from None
    return folder


def search(chosen: Sequence[GuidedLikelihood], config: GuideConfig, count: int, folder: Path) -> list[Exploration]:
    """All chains, one after the other, under one progress bar of distinct points that fit well."""
    found, shares = [], [share_of(count, len(chosen), number) * config.spacing for number in range(len(chosen))]
    with progress_bar() as progress:
        task = progress.add_task("searching", total=sum(shares))
        for number, likelihood in enumerate(chosen):
            before, share = sum(shares[:number]), shares[number]
            progress.update(task, description=likelihood.source)
            path = folder / f"{likelihood.source.replace('/', '_').replace(' ', '-')}.h5"
            tell = lambda points, before=before, share=share: progress.update(  # noqa: E731
                task, completed=before + min(points, share)
            )
            found.append(explore(likelihood, config, share // config.spacing, path, tell))
    return found


def described(given: argparse.Namespace, chosen: Sequence[GuidedLikelihood]) -> list[str]:
    """What the comments of the file say."""
    searched = ", ".join(likelihood.source for likelihood in chosen)
    return [
        f"points of chi^2/dof < {given.limit:g} visited by MCMC: {searched}; propmat {propmat.__version__}",
        f"command: {' '.join(['python', *sys.argv])}",
    ]


def coverage(points: FloatArray, space: ParameterSpace) -> Table:
    """Where the points lie in each parameter's range."""
    found = Table(title=f"{len(points)} points", title_justify="left")
    for number, name in enumerate(("parameter", "allowed", "lowest", "16 %", "median", "84 %", "highest")):
        found.add_column(name, justify="right" if number else "left")
    for parameter, column in zip(space.parameters, points.T, strict=True):
        shown = [f"{value:.4g}" for value in np.quantile(column, (0.0, 0.16, 0.5, 0.84, 1.0))]
        found.add_row(f"{parameter.name} {parameter.unit}", f"[{parameter.low:g}, {parameter.high:g}]", *shown)
    return found


def report(found: Sequence[Exploration], config: GuideConfig, count: int, seconds: float, evaluated: int) -> str:
    """One paragraph on the search."""
    distinct = sum(len(item.visited.kept(config.limit)) for item in found)
    visits = sum(len(item.visited.fit) for item in found)
    below = sum(int((item.visited.fit < config.limit).sum()) for item in found)
    best = ", ".join(f"{item.visited.fit.min():.2f}" for item in found)
    acceptance = sum(item.acceptance for item in found) / len(found)
    lines = [
        f"{evaluated} evaluations of the likelihood in all, {evaluated / count * 1000:.0f} per 1000 points",
        f"this run: {seconds:.1f} s",
        f"accepted steps: {acceptance:.2f}; visits of chi^2/dof < {config.limit:g}: {below} of {visits}, "
        f"{distinct} distinct",
        f"least chi^2/dof: {best}",
    ]
    return "\n".join(lines)


def run() -> int:
    parser = arguments()
    given = parser.parse_args()
    torch.set_num_threads(1)  # sums in one order, so that a chain does not depend on the number of cores
    begin = time.perf_counter()
    try:
        config = GuideConfig(given.limit, given.temperature, given.spacing, given.walkers, given.seed)
        chosen = likelihoods(given)
        space = chosen[0].space
        folder = prepare(given.output, given.count, len(chosen))
        found = search(chosen, config, given.count, folder)
        visited = [item.visited for item in found]
        points = guided_points(visited, space, count=given.count, limit=given.limit, seed=given.seed)
        write_points(given.output, space, points, described(given, chosen))
    except PropmatError as problem:
        parser.error(str(problem))
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last steps kept", file=sys.stderr)
        return 130
    seconds = time.perf_counter() - begin
    out = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    out.print(report(found, config, given.count, seconds, sum(item.evaluations for item in found)))
    out.print(coverage(points, space))
    print(f"points: {given.output}")
    return 0


if __name__ == "__main__":
    sys.exit(run())
