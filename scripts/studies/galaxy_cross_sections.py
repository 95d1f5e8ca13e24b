"""What the choice of cross sections does: antiprotons with each set, B/C with the shipped nuclei and with a file's.

Usage: python scripts/studies/galaxy_cross_sections.py [--tables FILE] [--heaviest A] [--output FOLDER]

Antiprotons of every shipped set (and of aafrag, where aafragpy is installed) at the reference point P0: interstellar
flux over that of the default set, and antiproton/p at Earth over AMS-02's mean of May 2011 to May 2018. Each set's
formula against published data of p p collisions. With --tables, a file in the layout of propmat.galaxy.tables (such as
../shared/reference/galprop_reference.h5, which is not ours to ship) takes the place of all shipped tables, gas
included: its antiprotons and B/C over those of the shipped tables with the same nuclei (A <= --heaviest), and the
antiproton source of a T^-2.7 flux of each projectile, set over file. No targets, hence no verdict.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from galaxy_antiproton_data import Measurement, measurements
from galaxy_points import (
    ENERGIES,
    P0,
    POTENTIAL,
    antiproton_to_proton,
    boron_to_carbon,
    console,
    local_boron_to_carbon,
    parser,
    save,
    table,
    tidy,
)
from matplotlib.figure import Figure

from propmat.errors import PropmatError
from propmat.galaxy import Galaxy, LocalSpectra
from propmat.galaxy.antiprotons import ANTIPROTON_SETS, KORSMEIER_2018, WINKLER_2017, get_antiprotons, tan_ng, winkler
from propmat.galaxy.tables import read_tables
from propmat.measurements import mean_ratio
from propmat.progress import progress_bar
from propmat.report.figures import COLOURS
from propmat.species import get_species

DEFAULT: Final = "winkler"
PROJECTILES: Final = ("proton", "helium4", "carbon12", "oxygen16")
RIGIDITIES: Final = (1.1, 2.0, 5.0, 10.0, 30.0, 100.0)
FORMULAS: Final = {
    "winkler": lambda s, energy, transverse: winkler.invariant_cross_section(s, energy, transverse, KORSMEIER_2018),
    "winkler_2017": lambda s, energy, transverse: winkler.invariant_cross_section(s, energy, transverse, WINKLER_2017),
    "tan_ng": tan_ng.invariant_cross_section,
}
"""E d3sigma/dp3 of the prompt antiprotons; Tan & Ng's holds those of hyperons too."""


def solve_all(given: Namespace) -> dict[str, LocalSpectra]:
    """Every variant at P0 by its name."""
    galaxy = Galaxy.preset("converged")
    sets = [name for name in ANTIPROTON_SETS if name != "aafrag" or find_spec("aafragpy")]
    variants = {name: galaxy.replace(antiprotons=name) for name in sets}
    if given.tables is not None:
        variants[f"{DEFAULT}, A <= {given.heaviest}"] = galaxy.replace(heaviest=given.heaviest)
        variants["tables"] = galaxy.replace(tables=str(given.tables), heaviest=given.heaviest)
    found = {}
    with progress_bar(transient=True) as progress:
        task = progress.add_task("", total=len(variants))
        for name, variant in variants.items():
            progress.update(task, description=name)
            found[name] = variant.solve(P0)
            progress.advance(task)
    return found


def antiproton_rows(found: dict[str, LocalSpectra]) -> list[list[str]]:
    """Interstellar antiprotons over those of the default set."""
    base = found[DEFAULT].spectrum("antiproton")(ENERGIES)
    return [
        [name, *(f"{value:.3f}" for value in lis.spectrum("antiproton")(ENERGIES) / base)]
        for name, lis in found.items()
    ]


def earth_rows(found: dict[str, LocalSpectra]) -> list[list[str]]:
    """Antiproton/p at Earth over AMS-02."""
    data = mean_ratio("antiproton/proton")
    assert data.rigidity_edges is not None
    near = [int(np.argmin(np.abs(np.log(data.rigidity / value)))) for value in RIGIDITIES]
    rows = [["AMS-02", *(f"{data.ratio[k]:.3g} ± {100 * data.total[k] / data.ratio[k]:.0f} %" for k in near)]]
    for name, lis in found.items():
        ratio = antiproton_to_proton(lis, data.rigidity_edges, POTENTIAL) / data.ratio
        rows.append([f"{name} / AMS-02", *(f"{ratio[k]:.3f}" for k in near)])
    return rows


def boron_rows(found: dict[str, LocalSpectra], heaviest: int) -> list[list[str]]:
    """Interstellar B/C at equal energy per nucleon, and boron and carbon, over those of the shipped tables."""
    shipped, cut = found[DEFAULT], found.get(f"{DEFAULT}, A <= {heaviest}")
    rows = [["shipped tables: B/C", *(f"{value:.4f}" for value in local_boron_to_carbon(shipped, ENERGIES))]]
    if cut is None:
        return rows
    values = local_boron_to_carbon(cut, ENERGIES) / local_boron_to_carbon(shipped, ENERGIES)
    rows.append([f"shipped, A <= {heaviest} / shipped", *(f"{value:.3f}" for value in values)])
    values = local_boron_to_carbon(found["tables"], ENERGIES) / local_boron_to_carbon(cut, ENERGIES)
    rows.append([f"tables / shipped, A <= {heaviest}: B/C", *(f"{value:.3f}" for value in values)])
    for name in ("proton", "helium4", "boron10", "boron11", "carbon12", "carbon13"):
        values = found["tables"].spectrum(name)(ENERGIES) / cut.spectrum(name)(ENERGIES)
        rows.append([f"    {name}", *(f"{value:.3f}" for value in values)])
    return rows


def source_rows(path: Path) -> list[list[str]]:
    """Antiproton source of a T^-2.7 flux of one projectile, a set over the file."""
    beam = np.geomspace(5.0, 9.0e4, 500)
    weight = beam**-2.7 * beam  # per d ln T
    file = read_tables(path).antiprotons
    rows = []
    for name in FORMULAS:
        for projectile in PROJECTILES:
            made = [one.production(get_species(projectile), beam, ENERGIES) for one in (get_antiprotons(name), file)]
            if made[0] is not None and made[1] is not None:
                ratio = (weight @ made[0]) / (weight @ made[1])
                rows.append([f"{name} / tables, {projectile}", *(f"{value:.2f}" for value in ratio)])
    return rows


def data_row(measured: Measurement) -> list[str]:
    """Weighted mean of each formula over the data, with the error of the mean."""
    weight = (measured.value / measured.error) ** 2
    cells = []
    for formula in FORMULAS.values():
        ratio = formula(measured.root_s**2, measured.energy, measured.transverse) / measured.value
        mean = float(np.sum(weight * ratio) / np.sum(weight))
        cells.append(f"{mean:.2f} ({float(np.sum(weight * (ratio - mean) ** 2)) / (ratio.size - 1):.1f})")
    error = float(np.sum(weight) ** -0.5)
    first = [measured.source, f"{measured.root_s:.2f}", f"{measured.value.size}"]
    return [*first, *cells, f"{error:.2f}", f"{measured.scale:.3g}"]


def draw(found: dict[str, LocalSpectra]) -> Figure:
    """Antiprotons interstellar and at Earth, and B/C, of every variant; below their ratios."""
    figure = Figure(figsize=(12.0, 5.8), layout="constrained")
    panels = figure.subplots(2, 3, height_ratios=(2, 1), sharex="col")
    energy = np.geomspace(0.1, 1000.0, 150)
    ratio, carbon = mean_ratio("antiproton/proton"), mean_ratio("boron/carbon")
    assert ratio.rigidity_edges is not None
    for axes, data in zip(panels[0, 1:], (ratio, carbon), strict=True):
        axes.errorbar(
            data.rigidity, data.ratio, yerr=data.total, fmt="o", markersize=3, color="black", linewidth=0.8,
            label="AMS-02, 2011–2018",
        )  # fmt: skip
    for axes, data in zip(panels[1, 1:], (ratio, carbon), strict=True):
        relative = data.total / data.ratio
        axes.fill_between(data.rigidity, 1 - relative, 1 + relative, color="black", alpha=0.15, linewidth=0)
    base = found[DEFAULT].spectrum("antiproton")(energy)
    for (name, lis), colour in zip(found.items(), (*COLOURS, "black"), strict=False):
        style = {"color": colour, "label": name, "linestyle": "--" if "A <=" in name else "-"}
        flux = lis.spectrum("antiproton")(energy)
        panels[0, 0].plot(energy, energy**2 * flux, **style)
        panels[1, 0].plot(energy, flux / base, **style)
        values = antiproton_to_proton(lis, ratio.rigidity_edges, POTENTIAL)
        panels[0, 1].plot(ratio.rigidity, values, **style)
        panels[1, 1].plot(ratio.rigidity, values / ratio.ratio, **style)
        if name == DEFAULT or "A <=" in name or name == "tables":
            values = boron_to_carbon(lis, carbon.rigidity, POTENTIAL)
            panels[0, 2].plot(carbon.rigidity, values, **style)
            panels[1, 2].plot(carbon.rigidity, values / carbon.ratio, **style)
    for axes in panels[1]:
        axes.axhline(1.0, color="black", linewidth=0.8)
    tidy(panels[0, 0], yscale="log", ylabel=r"p̄ interstellar: $T^2$ dJ/dT [GeV m$^{-2}$ s$^{-1}$ sr$^{-1}$]")
    tidy(panels[1, 0], xlabel="kinetic energy T [GeV]", ylabel=f"over {DEFAULT}")
    tidy(panels[0, 1], yscale="log", ylabel="p̄/p at Earth")
    tidy(panels[1, 1], xlabel="rigidity R [GV]", ylabel="over AMS-02", ylim=(0.5, 2.9))
    tidy(panels[0, 2], yscale="log", ylabel="B/C at Earth")
    tidy(panels[1, 2], xlabel="rigidity R [GV]", ylabel="over AMS-02", ylim=(0.5, 1.5))
    panels[0, 1].legend(frameon=False, fontsize=8, loc="lower right")
    figure.suptitle(f"cross sections at P0; force field, φ = {POTENTIAL:g} GV", fontsize=10)
    return figure


def arguments() -> tuple[ArgumentParser, Namespace]:
    """Of the command line, checked."""
    options = parser(__doc__)
    options.add_argument("--tables", type=Path, metavar="FILE", help="gas and cross sections to compare with")
    options.add_argument("--heaviest", type=int, default=18, help="mass number with --tables (default: %(default)s)")
    given = options.parse_args()
    if given.tables is not None:
        try:
            read_tables(given.tables)
        except PropmatError as error:
            options.error(f"--tables: {error}")
    return options, given


def run() -> int:
    """Solve, compare, print, draw."""
    options, given = arguments()
    try:
        found = solve_all(given)
    except PropmatError as error:
        options.error(str(error))
    out = console()
    out.print(f"P0: {', '.join(f'{name} {value:.4g}' for name, value in P0.items() if name not in ('nu3', 'R_br2'))}")
    if "aafrag" not in found:
        out.print("aafrag: not installed (pip install 'aafragpy>=2,<3'), skipped")
    if given.tables is not None:
        out.print(f"tables: {given.tables}: gas, nuclei and antiprotons of this file")
    energies = [f"{value:g} GeV" for value in ENERGIES]
    out.print(table(f"interstellar antiprotons over those of {DEFAULT}", ["", *energies], antiproton_rows(found)))
    names = ["", *(f"{value:g} GV" for value in RIGIDITIES)]
    out.print(table(f"antiproton/p at Earth, force field, phi = {POTENTIAL:g} GV", names, earth_rows(found)))
    energies = [f"{value:g} GeV/n" for value in ENERGIES]
    out.print(table("interstellar nuclei", ["", *energies], boron_rows(found, given.heaviest)))
    if given.tables is not None:
        names = ["", *(f"{value:g} GeV" for value in ENERGIES)]
        out.print(table("antiproton source of a T^-2.7 flux", names, source_rows(given.tables)))
    names = ["p p data", "sqrt(s) [GeV]", "points", *FORMULAS, "± of the mean", "scale"]
    title = "formula over data, weighted mean (chi2 around it per degree of freedom)"
    out.print(table(title, names, [data_row(one) for one in measurements()]))
    save(draw(found), given.output, "galaxy_cross_sections.png")
    return 0


if __name__ == "__main__":
    sys.exit(run())
