"""From the public HELPROP code to our corrected physics, one difference at a time: what each does to p, p̄ and p̄/p.

Usage: python scripts/studies/helprop_differences.py [--particles N] [--tilt DEG] [--k0 K0] [--seed N] [--plot PATH]

The switches act one after the other and stay on: preset "helprop" -> "paper" -> "consistent"; the script insists that
the walk ends at the presets. Protons have drift sign +1 and antiprotons -1, that is polarity A > 0; with A < 0 the two
change places but for their interstellar spectra. For each quantity it prints J_TOA / J_LIS after each switch, and the
change by that switch in per cent with its statistical error; the change of a step that follows the same random
numbers (all but "converged step") is taken particle by particle. p̄/p is the ratio of the two, over its interstellar
value. Interstellar spectra: protons of papers/001, antiprotons of GALPROP. Exit code 1 if an error of a change is
above its target.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from propmat.heliosphere import Heliosphere, simulate
from propmat.measurements import antiproton_lis
from propmat.progress import progress_bar
from propmat.report.figures import COLOURS
from propmat.species import FloatArray, momentum_from_kinetic_energy
from propmat.spectra import proton_lis

PAPER = Heliosphere.preset("paper")
CONSISTENT = Heliosphere.preset("consistent")
Changes = dict[str, float | bool]
TO_PAPER: list[tuple[str, Changes]] = [
    ("constants", {"helprop_constants": False}),
    ("start at any sheet phase", {"start_uniform": True}),
    ("derivatives of V in those of K", {"frozen_wind": False}),
    ("adiabatic loss: local, everywhere", {"loss_inside_1au": True}),
    ("sign of K_rφ", {"mirrored_spiral": False}),
    ("f(θ) = 1 at the equator", {"theta_scale": PAPER.theta_scale}),
    ("co-rotation", {"corotation": True}),
    ("converged step", {"helprop_rule": False}),
    (f"mirror 0.5 -> {PAPER.inner_radius:g} AU", {"inner_radius": PAPER.inner_radius}),
    (f"shock 120 -> {PAPER.shock_radius:g} AU", {"shock_radius": PAPER.shock_radius}),
    (f"boundary 100 -> {PAPER.r_hp:g} AU", {"r_hp": PAPER.r_hp}),
]
"""The mirror moves in after the step (500 s do not resolve it), the shock before the boundary moves beyond it."""
TO_CONSISTENT: list[tuple[str, Changes]] = [
    ("drift: exact curl", {"exact_drift": True}),
    ("sheet phase follows the field", {"sheet_follows_field": True}),
    ("sheet direction: nearest point", {"nearest_direction": True}),
]
ENERGIES = {0.3: 1.0, 1.0: 0.3, 3.0: 0.1, 10.0: 0.04}
"""Kinetic energy at Earth [GeV], and the share of --particles: the spread of the exit energies shrinks upward."""
PARTICLES = 25_000
TARGET_FLUX, TARGET_RATIO = 0.005, 0.007
"""Largest error of a change of a flux, and of the ratio."""
QUANTITIES = ("p", "p̄", "p̄/p")


class Stage(NamedTuple):
    """One model of the walk."""

    name: str
    model: Heliosphere


class Conditions(NamedTuple):
    """What the command line sets."""

    particles: int
    tilt: float
    k0: float
    seed: int

    def particles_at(self, energy: float) -> int:
        """Trajectories at an energy."""
        return int(self.particles * ENERGIES[energy])


class Change(NamedTuple):
    """J_TOA / J_LIS (or p̄/p over LIS) with its error, and the relative change since the stage before (or nan)."""

    value: float
    error: float
    change: float = math.nan
    change_error: float = math.nan


def walk() -> list[Stage]:
    """The models from preset "helprop" to preset "consistent".

    Raises:
        RuntimeError: the walk does not pass through the preset "paper" or does not end at "consistent".
    """
    stages = [Stage("HELPROP", Heliosphere.preset("helprop"))]
    for switches, goal in ((TO_PAPER, PAPER), (TO_CONSISTENT, CONSISTENT)):
        for name, changes in switches:
            stages.append(Stage(name, stages[-1].model.replace(**changes)))
        reached, wanted = stages[-1].model.as_dict(), goal.as_dict()
        missing = {key: (reached[key], wanted[key]) for key in wanted if key != "name" and reached[key] != wanted[key]}
        if missing:
            raise RuntimeError(f"the walk does not end at preset {goal.name!r}; (walk, preset): {missing}")
    return stages


def weights(model: Heliosphere, species: str, energy: float, conditions: Conditions) -> FloatArray:
    """(particle,) p^2 J_LIS(T_exit) / p_exit^2 / J_LIS(T): their mean is J_TOA / J_LIS."""
    lis = proton_lis() if species == "proton" else antiproton_lis()
    run = simulate(
        model,
        species=species,
        polarity=+1,
        kinetic_energy=energy,
        parameters={"B0": 5.0, "tilt": conditions.tilt, "K0": conditions.k0, "a": 0.5, "b": 2.0},
        particles=conditions.particles_at(energy),
        seed=conditions.seed,
    )
    if run.truncated.any():
        raise RuntimeError(f"{int(run.truncated.sum())} particles hit the step cap")
    exit_energy = run.exit_kinetic_energy[0]
    momentum = momentum_from_kinetic_energy(exit_energy, run.species)
    start = momentum_from_kinetic_energy(energy, run.species)
    return np.asarray((start / momentum) ** 2 * lis(exit_energy) / lis(energy))


def estimate(now: dict[str, FloatArray], before: dict[str, FloatArray] | None) -> dict[str, Change]:
    """Every quantity at one energy from the weights of both species, now and at the stage before."""
    found = {}
    for quantity, names in zip(QUANTITIES, (("proton",), ("antiproton",), ("antiproton", "proton")), strict=True):
        scaled = {name: now[name] / now[name].mean() for name in names}
        value = math.prod(now[name].mean() ** sign for name, sign in zip(names, (1, -1), strict=False))
        error = value * math.sqrt(sum(float(w.var(ddof=1)) / w.size for w in scaled.values()))
        if before is None:
            found[quantity] = Change(value, error)
            continue
        was = math.prod(before[name].mean() ** sign for name, sign in zip(names, (1, -1), strict=False))
        pairs = [scaled[name] - before[name] / before[name].mean() for name in names]
        spread = math.sqrt(sum(float(d.var(ddof=1)) / d.size for d in pairs))
        found[quantity] = Change(value, error, value / was - 1.0, value / was * spread)
    return found


def measure(stages: list[Stage], conditions: Conditions) -> list[dict[float, dict[str, Change]]]:
    """[stage]{energy}{quantity}, and after the stages the totals of both halves of the walk."""
    kept: list[dict[float, dict[str, FloatArray]]] = []
    with progress_bar(count=False, transient=True) as progress:
        cost = {
            (energy, name): conditions.particles_at(energy) * sign / energy**0.7
            for energy in ENERGIES
            for name, sign in (("proton", 1.0), ("antiproton", 4.0))
        }
        task = progress.add_task("", total=len(stages) * sum(cost.values()))
        for stage in stages:
            kept.append({energy: {} for energy in ENERGIES})
            for (energy, name), effort in cost.items():
                progress.update(task, description=f"{stage.name}: {name}, {energy:g} GeV")
                kept[-1][energy][name] = weights(stage.model, name, energy, conditions)
                progress.advance(task, effort)
    half = len(TO_PAPER)
    pairs = [(0, None), *((k, k - 1) for k in range(1, len(stages))), (half, 0), (len(stages) - 1, half)]
    return [
        {energy: estimate(kept[now][energy], None if was is None else kept[was][energy]) for energy in ENERGIES}
        for now, was in pairs
    ]


def table(quantity: str, names: list[str], rows: list[dict[float, dict[str, Change]]]) -> str:
    """One quantity as text: a row a stage, value and change at each energy."""
    label = "J_TOA/J_LIS" if quantity != "p̄/p" else "p̄/p over LIS"
    title = f"{quantity}: {label}, and the change by each switch [%]"
    head = " " * 44 + "".join(f"{f'{energy:g} GeV':^27s}" for energy in ENERGIES)
    lines = [title, head]
    for name, row in zip(names, rows, strict=True):
        cells = []
        for energy in ENERGIES:
            cell = row[energy][quantity]
            change = (
                "" if math.isnan(cell.change) else f"{100.0 * cell.change:+6.2f} ± {100.0 * cell.change_error:4.2f}"
            )
            cells.append(f"  {cell.value:7.4f}  {change:15s} ")
        lines.append(f"{name:44s}" + "".join(cells).rstrip())
    return "\n".join(lines)


def draw(names: list[str], rows: list[dict[float, dict[str, Change]]], title: str) -> Figure:
    """Change by each switch at each energy, one panel a quantity."""
    figure = Figure(figsize=(11.0, 0.34 * len(names) + 1.6), layout="constrained")
    panels = figure.subplots(1, len(QUANTITIES), sharey=True)
    place = np.arange(len(names))
    for axes, quantity in zip(panels, QUANTITIES, strict=True):
        axes.axvline(0.0, color="black", linewidth=0.8)
        for number, (energy, colour) in enumerate(zip(ENERGIES, COLOURS, strict=False)):
            cells = [row[energy][quantity] for row in rows]
            axes.errorbar(
                [100.0 * cell.change for cell in cells],
                place + 0.16 * (number - 1.5),
                xerr=[100.0 * cell.change_error for cell in cells],
                fmt="o",
                markersize=3.5,
                color=colour,
                label=f"{energy:g} GeV",
            )
        axes.set(title=quantity, xlabel="change of the flux at Earth [%]" if quantity != "p̄/p" else "change [%]")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(place, names)
    panels[0].invert_yaxis()
    panels[0].legend(frameon=False, fontsize=8)
    figure.suptitle(title, fontsize=10)
    return figure


def precision(rows: list[dict[float, dict[str, Change]]]) -> dict[bool, float]:
    """{of the ratio: largest error of a change} over all rows, energies and quantities."""
    cells = [(name == "p̄/p", cell) for row in rows for at in row.values() for name, cell in at.items()]
    return {ratio: max(cell.change_error for is_ratio, cell in cells if is_ratio == ratio) for ratio in (False, True)}


def run() -> int:
    """Measure, print, draw, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--particles", type=int, default=PARTICLES, help="each at 0.3 GeV (default: %(default)s)")
    parser.add_argument("--tilt", type=float, default=15.0, help="of the sheet [deg] (default: %(default)s)")
    parser.add_argument("--k0", type=float, default=0.1, help="K0 [1e23 cm2/s] (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default: %(default)s)")
    parser.add_argument("--plot", type=Path, help="draw the changes into this file (png, pdf or svg)")
    arguments = parser.parse_args()
    if arguments.particles < 100:
        parser.error(f"--particles {arguments.particles} must be at least 100")
    conditions = Conditions(arguments.particles, arguments.tilt, arguments.k0, arguments.seed)
    stages = walk()
    title = (
        f"B0 = 5 nT, tilt {conditions.tilt:g}°, K0 = {conditions.k0:g}e23 cm²/s, a = 0.5, b = 2; A > 0 (drift sign of "
        f"p +1, of p̄ -1); {conditions.particles_at(0.3)} to {conditions.particles_at(10.0)} particles each; 1σ errors"
    )
    print(f"{title}\ninterstellar spectra: p of papers/001, Table 1; p̄ of GALPROP 56, point P0")
    rows = measure(stages, conditions)
    names = [stage.name for stage in stages]
    half = len(TO_PAPER)
    names[half] += "  = paper"
    names[-1] += "  = consistent"
    totals = ["all of HELPROP -> paper", "all of paper -> consistent"]
    for quantity in QUANTITIES:
        print("\n" + table(quantity, names + totals, rows))
    if arguments.plot:
        draw(names[1:] + totals, rows[1:], title).savefig(arguments.plot, dpi=160)
        print(f"\nplot: {arguments.plot}")
    print(f"\nwalk: complete, {half} switches to preset paper, {len(TO_CONSISTENT)} more to preset consistent")
    missed = False
    for of_ratio, worst in precision(rows[1:]).items():
        target = TARGET_RATIO if of_ratio else TARGET_FLUX
        missed |= not worst <= target
        print(f"largest error of a change of {'p̄/p' if of_ratio else 'a flux':6s}: {worst:.2%}, target {target:.2%}")
    print(f"verdict: {'MISSED, raise --particles' if missed else 'walk and precision as they should be'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(run())
