"""What each parameter of papers/000, Table I, does to the interstellar spectra of p, p̄, ⁴He and to B/C.

Usage: python scripts/studies/galaxy_sensitivity.py [--workers N] [--output FOLDER]

One parameter at a time, from the best fit (Table III), with the shipped tables. Prints ln(flux / flux at best fit) at
the low and high end of its range in Table I, and d ln flux / d parameter at the best fit, from two points a hundredth
of the range apart (R_br1 and R_br2: d ln flux / d ln parameter, a hundredth of the range in ln). Fluxes are at equal
kinetic energy per nucleon, with primary protons fixed to 0.044 at 100 GeV. The best fit has no second break: R_br2 is
300 GV with nu3 = nu2, so that it would do nothing. It is varied with nu3 = nu2 - 0.15, and nu2 with nu3 as it
stands. No targets, hence no verdict.
"""

from __future__ import annotations

import math
import sys
from typing import Final, NamedTuple

import numpy as np
from galaxy_points import BEST_FIT, BORON, CARBON, ENERGIES, console, local_boron_to_carbon, parser, save, table, tidy
from matplotlib.figure import Figure

from propmat.galaxy import Galaxy, LocalSpectra
from propmat.parameters import GALAXY, Parameter
from propmat.progress import progress_bar
from propmat.report.figures import COLOURS
from propmat.species import FloatArray

SECOND_BREAK: Final = 0.15
"""nu2 - nu3 of the point about which R_br2 is varied."""
FRACTION: Final = 0.01
"""Of the range: distance of the two points of a derivative."""
QUANTITIES: Final = ("proton", "antiproton", "helium4", "B/C")
PLOTTED: Final = np.geomspace(0.05, 3000.0, 160)


class Effect(NamedTuple):
    """Of one parameter on all quantities, each an array over energies.

    Attributes:
        low, high: ln(flux / flux at best fit) at the ends of the range.
        derivative: d ln flux / d parameter at the best fit (d ln parameter if logarithmic).
    """

    low: dict[str, FloatArray]
    high: dict[str, FloatArray]
    derivative: dict[str, FloatArray]


def centre(parameter: Parameter) -> dict[str, float]:
    """The point about which a parameter is varied."""
    changed = {"nu3": BEST_FIT["nu2"] - SECOND_BREAK} if parameter.name == "R_br2" else {}
    return BEST_FIT | changed


def design(parameter: Parameter) -> list[dict[str, float]]:
    """The centre, both ends of the range, and the two points of the derivative."""
    base = centre(parameter)
    value = base[parameter.name]
    if parameter.logarithmic:
        step = math.exp(0.5 * FRACTION * math.log(parameter.high / parameter.low))
        near = [value / step, value * step]
    else:
        step = 0.5 * FRACTION * (parameter.high - parameter.low)
        near = [value - step, value + step]
    return [base | {parameter.name: one} for one in (value, parameter.low, parameter.high, *near)]


def logarithms(lis: LocalSpectra, energy: FloatArray) -> dict[str, FloatArray]:
    """ln of every quantity."""
    found = {name: np.log(lis.spectrum(name)(energy)) for name in QUANTITIES[:-1]}
    return found | {"B/C": np.log(local_boron_to_carbon(lis, energy))}


def effect(parameter: Parameter, values: list[dict[str, FloatArray]]) -> Effect:
    """From the logarithms at the points of :func:`design`."""
    points = [one[parameter.name] for one in design(parameter)]
    if parameter.logarithmic:
        points = [math.log(one) for one in points]
    base, low, high, below, above = values
    return Effect(
        {name: low[name] - base[name] for name in QUANTITIES},
        {name: high[name] - base[name] for name in QUANTITIES},
        {name: (above[name] - below[name]) / (points[4] - points[3]) for name in QUANTITIES},
    )


def solve(workers: int | None) -> list[LocalSpectra]:
    """All points of all parameters, in the order of GALAXY."""
    points = [point for parameter in GALAXY.parameters for point in design(parameter)]
    array = np.array([[point[name] for name in GALAXY.names] for point in points])
    species = (*QUANTITIES[:-1], *BORON, *CARBON)
    with progress_bar(transient=True) as progress:
        found = Galaxy.preset("converged").solve_many(array, species=species, workers=workers)
        return list(progress.track(found, total=len(points), description="points"))


def rows(effects: list[Effect], quantity: str) -> list[list[str]]:
    """One quantity: three rows a parameter, a column an energy."""
    found = []
    for parameter, one in zip(GALAXY.parameters, effects, strict=True):
        name = f"ln {parameter.name}" if parameter.logarithmic else parameter.name
        labels = (f"{parameter.name} = {parameter.low:g}", f"  d/d({name})", f"{parameter.name} = {parameter.high:g}")
        for label, values in zip(labels, (one.low, one.derivative, one.high), strict=True):
            found.append([label, *(f"{value:+.3f}" for value in values[quantity])])
    return found


def draw(effects: list[Effect]) -> Figure:
    """One panel a parameter: every quantity at the low and at the high end over that at best fit."""
    figure = Figure(figsize=(13.0, 5.6), layout="constrained")
    panels = figure.subplots(2, 5, sharex=True, sharey=True)
    for axes, parameter, one in zip(panels.flat, GALAXY.parameters, effects, strict=True):
        for name, colour in zip(QUANTITIES, COLOURS, strict=False):
            axes.plot(PLOTTED, np.exp(one.low[name]), "--", color=colour, linewidth=1.1)
            axes.plot(PLOTTED, np.exp(one.high[name]), color=colour, linewidth=1.4, label=name)
        axes.axhline(1.0, color="black", linewidth=0.8)
        value = centre(parameter)[parameter.name]
        title = f"{parameter.name}: {parameter.low:g} – {value:.3g} – {parameter.high:g} {parameter.unit}"
        tidy(axes, yscale="log", ylim=(0.1, 10.0))
        axes.set_title(title, fontsize=9)
    for axes in panels[1]:
        axes.set_xlabel("kinetic energy T [GeV/n]")
    for axes in panels[:, 0]:
        axes.set_ylabel("over best fit")
    panels[0, 0].legend(frameon=False, fontsize=8)
    figure.suptitle("one parameter at the low (dashed) and high (full) end of its range of Table I", fontsize=10)
    return figure


def run() -> int:
    """Solve, differentiate, print, draw."""
    options = parser(__doc__)
    options.add_argument("--workers", type=int, help="threads (default: as many as cores)")
    given = options.parse_args()
    if given.workers is not None and given.workers < 1:
        options.error(f"--workers {given.workers} must be at least 1")
    found = solve(given.workers)
    out = console()
    out.print(f"best fit: {', '.join(f'{name} {value:.4g}' for name, value in BEST_FIT.items())}")
    out.print(f"R_br2 is varied with nu3 = {BEST_FIT['nu2'] - SECOND_BREAK:.4g}")
    count = len(design(GALAXY.parameters[0]))
    effects = {}
    for kind, energy in (("table", ENERGIES), ("plot", PLOTTED)):
        values = [logarithms(lis, energy) for lis in found]
        effects[kind] = [
            effect(parameter, values[number * count : (number + 1) * count])
            for number, parameter in enumerate(GALAXY.parameters)
        ]
    names = ["", *(f"{value:g} GeV/n" for value in ENERGIES)]
    for quantity in QUANTITIES:
        title = f"{quantity}: ln(flux / best fit) at the ends of the range; d ln flux / d parameter"
        out.print(table(title, names, rows(effects["table"], quantity)))
    save(draw(effects["plot"]), given.output, "galaxy_sensitivity.png")
    return 0


if __name__ == "__main__":
    sys.exit(run())
