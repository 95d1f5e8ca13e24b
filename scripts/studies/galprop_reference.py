"""GALPROP's reference spectra as :class:`LocalSpectra`, and the quantities that the studies compare."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from propmat.galaxy import LocalSpectra
from propmat.species import FloatArray
from propmat.spectra import LogLogSpline

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "galprop_reference.h5"
BASELINE = "P0"
"""The point at which the reference varies GALPROP's grid."""
NO_BREAK = 1.0e4
"""The runs have no second break: nu3 = nu2, whatever R_br2 is [GV]."""
_KEYS = {
    "proton": "proton",
    "helium3": "He3",
    "helium4": "He4",
    "carbon12": "C12",
    "carbon13": "C13",
    "boron10": "B10",
    "boron11": "B11",
    "antiproton": "antiproton",
}
_PARTS = ("proton_primary", "antiproton_secondary", "antiproton_tertiary")


@dataclass(frozen=True)
class Quantity:
    """A sum of fluxes, or the ratio of two sums.

    Attributes:
        name: of the table's row.
        above: species of the sum.
        below: species of the sum it is divided by; none for a flux.
        low, high: where it is judged [GeV/n].
    """

    name: str
    above: tuple[str, ...]
    below: tuple[str, ...] = ()
    low: float = 0.05
    high: float = 1.0e3

    def __call__(self, spectra: LocalSpectra, energy: FloatArray) -> FloatArray:
        """(energy,) its values at ``energy`` [GeV/n]."""
        value = np.sum([spectra.spectrum(name)(energy) for name in self.above], axis=0)
        if self.below:
            value = value / np.sum([spectra.spectrum(name)(energy) for name in self.below], axis=0)
        return np.asarray(value)


BORON, CARBON = ("boron10", "boron11"), ("carbon12", "carbon13")
PROTON = Quantity("p", ("proton",))
HELIUM = Quantity("He", ("helium3", "helium4"))
BORON_TO_CARBON = Quantity("B/C", BORON, CARBON)
ANTIPROTON = Quantity("antiproton", ("antiproton",), low=0.3, high=100.0)
ELEMENTS = (PROTON, HELIUM, Quantity("C", CARBON), Quantity("B", BORON), ANTIPROTON, BORON_TO_CARBON)
ISOTOPES = tuple(Quantity(name, (name,)) for name in ("helium4", *CARBON, *BORON))
PARTS = tuple(Quantity(name, (name,), low=0.3, high=100.0) for name in _PARTS[1:])


@dataclass(frozen=True)
class Run:
    """One run of the reference.

    Attributes:
        name: of its point.
        parameters: in our names.
        spectra: its fluxes.
        cpu_seconds: that it took.
    """

    name: str
    parameters: dict[str, float]
    spectra: LocalSpectra
    cpu_seconds: float


@dataclass(frozen=True)
class Green:
    """Primary protons at all energies from an injection at one of them.

    Attributes:
        name: of the group.
        injected: number of the energy of the injection.
        kinetic_energy: (energy,) of the protons [GeV].
        response: (energy,) density over injection, both per unit momentum [s].
    """

    name: str
    injected: int
    kinetic_energy: FloatArray
    response: FloatArray


def read_points(path: Path) -> list[Run]:
    """Every point that has an exact solution."""
    with h5py.File(path) as file:
        return [
            Run(name, _parameters(point.attrs), _spectra(point["exact"]), float(point["exact"].attrs["cpu_s_1thread"]))
            for name, point in file["points"].items()
            if "exact" in point
        ]


def read_variant(path: Path, name: str) -> LocalSpectra:
    """The baseline on another grid."""
    with h5py.File(path) as file:
        return _spectra(file["variants"][name])


def read_greens(path: Path) -> list[Green]:
    """The responses to injections at single energies, in order of the energy."""
    with h5py.File(path) as file:
        greens = [
            Green(name, int(group.attrs["injection_index"]), group["Ekin"][:], group["G_seconds"][:])
            for name, group in file["proton_green"].items()
        ]
    return sorted(greens, key=lambda green: green.injected)


def extrapolated(runs: list[LocalSpectra]) -> LocalSpectra:
    """The limit of vanishing energy step, on the energies of the first run.

    Args:
        runs: with different steps; the fluxes are taken as a polynomial in the step of ln T through all of them.
    """
    energy = runs[0].kinetic_energy
    steps = [float(np.log(run.kinetic_energy[1] / run.kinetic_energy[0])) for run in runs]
    weights = np.linalg.inv(np.vander(steps, increasing=True))[0]

    def limit(name: str) -> FloatArray:
        values = [_on(energy, run.kinetic_energy, run.flux(name)) for run in runs]
        return np.maximum(np.tensordot(weights, values, axes=1), 0.0)

    fluxes = {name: limit(name) for name in runs[0].fluxes if all(name in run.fluxes for run in runs)}
    parts = {name: limit(name) for name in runs[0].parts if all(name in run.parts for run in runs)}
    return LocalSpectra(energy, fluxes, parts)


def scaled(spectra: LocalSpectra, above: LocalSpectra, below: LocalSpectra) -> LocalSpectra:
    """Spectra times the ratio of two others, for the species of all three."""
    energy = spectra.kinetic_energy

    def product(name: str) -> FloatArray:
        values = [_on(energy, found.kinetic_energy, found.flux(name)) for found in (spectra, above, below)]
        return values[0] * np.divide(values[1], values[2], out=np.ones_like(energy), where=values[2] > 0.0)

    def common(*groups: Any) -> set[str]:
        return set.intersection(*(set(group) for group in groups))

    fluxes = {name: product(name) for name in common(spectra.fluxes, above.fluxes, below.fluxes)}
    parts = {name: product(name) for name in common(spectra.parts, above.parts, below.parts)}
    return LocalSpectra(energy, fluxes, parts)


def _on(energy: FloatArray, nodes: FloatArray, flux: FloatArray) -> FloatArray:
    if np.array_equal(energy, nodes):
        return flux
    positive = flux > 0.0
    return LogLogSpline(nodes[positive], flux[positive])(energy)


def _parameters(given: Any) -> dict[str, float]:
    names = {"nu1": "nu1", "nu2": "nu2", "nu3": "nu2", "R_br1": "R1"}
    names |= {"D0": "D0", "eta": "eta", "delta": "delta", "v_A": "vA", "z_h": "z_h"}
    return {ours: float(given[theirs]) for ours, theirs in names.items()} | {"R_br2": NO_BREAK}


def _spectra(group: Any) -> LocalSpectra:
    found = {name: group["flux"][key][:] for name, key in _KEYS.items() if key in group["flux"]}
    parts = {name: group["flux"][name][:] for name in _PARTS if name in group["flux"]}
    return LocalSpectra(group["Ekin"][:], found, parts)
