"""What the studies of the Galaxy share: parameter points, spectra at Earth, ratios, tables and axes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from rich.console import Console
from rich.table import Table

from propmat.galaxy import LocalSpectra
from propmat.heliosphere import force_field
from propmat.species import FloatArray, kinetic_energy_from_rigidity
from propmat.spectra import Spectrum, flux_per_rigidity, rigidity_bin_average

BEST_FIT: Final = {
    "nu1": 2.03, "nu2": 2.22, "nu3": 2.22, "R_br1": 10.0**0.49, "R_br2": 300.0,
    "D0": 6.45, "eta": 0.22, "delta": 0.41, "v_A": 10.09, "z_h": 6.85,
}  # fmt: skip
"""Row "Best-Fit" of papers/000, Table III; it has no second break, so that nu3 = nu2 and R_br2 is idle."""
P0: Final = BEST_FIT | {"R_br1": 2.4547, "D0": 6.62, "eta": 0.29, "delta": 0.40, "v_A": 10.58, "z_h": 7.21}
"""Reference point of the comparison with GALPROP (datasets/measurements/galprop_p0_antiproton_lis.csv)."""
POTENTIAL: Final = 0.572
"""Modulation potential [GV]: mean over May 2011 to May 2018 of the neutron-monitor one of Väisänen et al., J. Geophys.
Res. (2023), whose months run from 0.426 to 0.718. It belongs to their interstellar spectrum and is not fitted."""
ENERGIES: Final = np.array([0.3, 1.0, 3.0, 10.0, 30.0, 100.0])
"""Of the tables [GeV/n]."""
BORON: Final = ("boron10", "boron11")
CARBON: Final = ("carbon12", "carbon13")


def at_earth(lis: LocalSpectra, species: str, potential: float) -> Spectrum:
    """The spectrum behind the force field."""
    spectrum = lis.spectrum(species)
    modulated: Callable[[Any], FloatArray] = lambda energy: force_field(spectrum, energy, potential, species)  # noqa: E731
    return modulated


def per_rigidity(lis: LocalSpectra, isotopes: tuple[str, ...], rigidity: FloatArray, potential: float) -> FloatArray:
    """Flux per GV of an element at Earth, its isotopes together, against rigidity [GV]."""
    total = np.zeros_like(rigidity)
    for isotope in isotopes:
        energy = kinetic_energy_from_rigidity(rigidity, isotope)
        total += flux_per_rigidity(at_earth(lis, isotope, potential)(energy), energy, isotope)
    return total


def boron_to_carbon(lis: LocalSpectra, rigidity: FloatArray, potential: float) -> FloatArray:
    """B/C at equal rigidity [GV] at Earth; potential 0: interstellar."""
    return per_rigidity(lis, BORON, rigidity, potential) / per_rigidity(lis, CARBON, rigidity, potential)


def local_boron_to_carbon(lis: LocalSpectra, kinetic_energy: FloatArray) -> FloatArray:
    """Interstellar B/C at equal kinetic energy per nucleon [GeV/n]."""
    boron, carbon = (sum(lis.spectrum(name)(kinetic_energy) for name in names) for names in (BORON, CARBON))
    return np.asarray(boron / carbon)


def antiproton_to_proton(lis: LocalSpectra, edges: FloatArray, potential: float) -> FloatArray:
    """(bin,) ratio of the mean fluxes at Earth in bins of rigidity [GV]."""
    means = [rigidity_bin_average(at_earth(lis, name, potential), edges, name) for name in ("antiproton", "proton")]
    return np.asarray(means[0] / means[1])


def console() -> Console:
    """Where tables go: as wide as they need where no terminal says otherwise."""
    return Console(width=None if sys.stdout.isatty() else 140, highlight=False)


def table(title: str, names: list[str], rows: list[list[str]]) -> Table:
    """A table whose first column is text and whose other columns are numbers."""
    found = Table(title=title, title_justify="left")
    for number, name in enumerate(names):
        found.add_column(name, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        found.add_row(*row)
    return found


def parser(description: str | None) -> argparse.ArgumentParser:
    """A command line with ``--output``."""
    found = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--output", type=Path, metavar="FOLDER", help="write the figures into this folder, as PNG")
    return found


def save(figure: Any, folder: Path | None, name: str) -> None:
    """Write a figure, if there is a folder for it."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / name, dpi=130)
        print(f"figure: {folder / name}")


def tidy(axes: Axes, **options: Any) -> None:
    """The look of all panels."""
    axes.set(xscale="log", **options)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
