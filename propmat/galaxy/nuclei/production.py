"""Production of isotopes by fragmentation on hydrogen and on the helium of the gas.

``fragments.csv`` holds cross sections on hydrogen [mb] at a few energies [GeV/n], cumulative over intermediates that
decay within 10 000 years; an empty cell is no node. Its column ``source``:

- W03: Webber, Soutoul, Kish & Rockstroh (2003, ApJS 144, 153);
- E19: Evoli, Aloisio & Blasi (2019, Phys. Rev. D 99, 103023), fits to the measurements, summed over the fragments that
  decay to the daughter; W03+E19 is the mean of the two;
- W90: Webber, Kish & Schrier (1990, Phys. Rev. C 41, 547), a measurement that normalises W03;
- C12: Coste, Derome, Maurin & Putze (2012, A&A 539, A88);
- S: systematics. Lithium from a parent that E19 has not: that from 16O times the ratio of the two parents' 7Be in W03;
  6Li from 7Li: 10B from 11B, scaled with A^(2/3). Removal of one nucleon, or of an alpha particle from 16O to 28Si
  (+S): below 0.3 GeV/n, where W03 is constant, it rises as 12C -> 11B.

26Al, which lives longer, is not propagated but counted as 26Mg.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from propmat.galaxy.interactions import HELIUM_PER_HYDROGEN
from propmat.galaxy.nuclei.inelastic import helium_ratio as reaction_ratio
from propmat.galaxy.nuclei.tables import Curve, rows
from propmat.species import FloatArray, Species

_RATIO_ENERGY: Final = (0.43, 0.73, 1.51)
_RATIO_STRENGTH: Final = (0.082, 0.047, 0.031)
_RATIO_OFFSET: Final = (2.45, 3.45, 4.40)
_RATIO_CHARGE: Final = (6.0, 8.0, 26.0)
_RATIO_FACTOR: Final = (-0.76, -0.41, 1.00)
_LARGEST_RATIO: Final = 4.0


@cache
def _fragments() -> dict[tuple[str, str], Curve]:
    """(parent, daughter) -> production on hydrogen."""
    curves = {}
    for row in rows("fragments.csv"):
        nodes = [(float(key), float(cell)) for key, cell in row.items() if key[0].isdigit() and cell]
        energy, values = np.array(nodes).T
        curves[row["parent"], row["daughter"]] = Curve(energy, values)
    return curves


def on_hydrogen(parent: Species, daughter: Species, kinetic_energy: FloatArray) -> FloatArray | None:
    """(energy,) cumulative production on hydrogen [mb] at T [GeV/n], or None where there is no such channel."""
    curve = _fragments().get((parent.name, daughter.name))
    return None if curve is None else curve(kinetic_energy)


def helium_ratio(parent: Species, daughter: Species, kinetic_energy: FloatArray) -> FloatArray:
    """(energy,) production on helium over that on hydrogen.

    exp(mu |Z_parent - Z_daughter - f delta|^1.43), with mu and delta of the energy and f of the parent's charge
    (Ferrando et al. 1988, Phys. Rev. C 37, 1490, measured at 0.4-1.5 GeV/n for fragments near the parent; constant
    outside these energies). Light fragments of heavy parents are an extrapolation: there the four nucleons of the
    target count as independent at most. The break-up of helium follows its reaction cross section, so that no more is
    made than is destroyed.
    """
    if parent.charge <= 2:
        return np.full_like(kinetic_energy, reaction_ratio(parent.mass_number))
    log_energy = np.log(kinetic_energy)
    strength = np.interp(log_energy, np.log(_RATIO_ENERGY), _RATIO_STRENGTH)
    offset = np.interp(log_energy, np.log(_RATIO_ENERGY), _RATIO_OFFSET)
    factor = np.interp(parent.charge, _RATIO_CHARGE, _RATIO_FACTOR)
    ratio = np.exp(strength * np.abs(parent.charge - daughter.charge - factor * offset) ** 1.43)
    return np.minimum(ratio, _LARGEST_RATIO)


def production(parent: Species, daughter: Species, kinetic_energy: FloatArray) -> FloatArray | None:
    """(energy,) production in mb per hydrogen atom of the gas, with its helium; None: no such channel."""
    hydrogen = on_hydrogen(parent, daughter, kinetic_energy)
    if hydrogen is None:
        return None
    return hydrogen * (1.0 + HELIUM_PER_HYDROGEN * helium_ratio(parent, daughter, kinetic_energy))
