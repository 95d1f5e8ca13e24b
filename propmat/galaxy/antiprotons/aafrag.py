"""Antiprotons of the Monte Carlo QGSJET-II-04m, through the optional package aafragpy.

The package's tables are its authors' (AAfrag 2.0 is CC BY-NC 4.0): they are read where the user installed them and
nothing of them is shipped. To be cited: Kachelriess, Moskalenko & Ostapchenko, Comput. Phys. Commun. 245 (2019)
106846; Kachelriess, Ostapchenko & Tjemsland, ibid. 287 (2023) 108698; Koldobskiy et al., Phys. Rev. D 104 (2021)
123027.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Final

import numpy as np

from propmat.constants import ATOMIC_MASS_UNIT, PROTON_MASS
from propmat.errors import InputError
from propmat.galaxy.antiprotons.inelastic import AntiprotonDestruction
from propmat.galaxy.antiprotons.kinematics import counts_as_projectile, positive_energies
from propmat.galaxy.interactions import HELIUM_PER_HYDROGEN
from propmat.species import FloatArray, Species

_NODES: Final = ((1, "p"), (4, "He"), (12, "C"), (27, "Al"), (56, "Fe"))
"""Mass number and name of the projectiles that AAfrag tabulates."""
_INSTALL: Final = 'install it with: pip install "aafragpy>=2,<3"'


def load_package() -> ModuleType:
    """The package aafragpy.

    Raises:
        InputError: it is not installed, or too old.
    """
    try:
        package = import_module("aafragpy")
    except ImportError:
        raise InputError(f"antiproton cross sections 'aafrag' need the package aafragpy; {_INSTALL}") from None
    if "outside_bounds" not in inspect.signature(package.get_cross_section).parameters:
        raise InputError(f"antiproton cross sections 'aafrag' need aafragpy 2 or newer; {_INSTALL}")
    return package


@dataclass(frozen=True)
class AafragAntiprotons(AntiprotonDestruction):
    """QGSJET-II-04m: protons, helium, carbon, aluminium and iron; other nuclei between them.

    The yield per nucleon is interpolated in ln A. Projectiles beyond helium are tabulated on hydrogen, and from about
    15 GeV/n, alone: on helium they take the ratio of He He to He p, and below their table they make nothing.

    Attributes:
        name: in the registry.

    Raises:
        InputError: aafragpy is not installed, or too old.
    """

    name: str = "aafrag"

    def __post_init__(self) -> None:
        load_package()

    def production(
        self, projectile: Species, projectile_energy: FloatArray, antiproton_energy: FloatArray
    ) -> FloatArray | None:
        """See :meth:`propmat.galaxy.interactions.AntiprotonCrossSections.production`.

        None for deuterons and for what is no nucleus.

        Raises:
            InputError: an energy is not positive, or a grid not one-dimensional.
        """
        beam = positive_energies("projectile_energy", projectile_energy)
        product = positive_energies("antiproton_energy", antiproton_energy)
        if not counts_as_projectile(projectile):
            return None
        mass_number = projectile.mass_number
        logs = np.log([node for node, _ in _NODES])
        upper = int(np.clip(np.searchsorted(logs, np.log(mass_number)), 1, logs.size - 1))
        weight = float(np.clip((np.log(mass_number) - logs[upper - 1]) / (logs[upper] - logs[upper - 1]), 0.0, 1.0))
        grids = beam.tobytes(), product.tobytes()
        per_nucleon = np.zeros((beam.size, product.size))
        for node, part in ((upper - 1, 1.0 - weight), (upper, weight)):
            if part > 0.0:
                per_nucleon += part / _NODES[node][0] * _with_helium(node, *grids)
        return mass_number * per_nucleon


def _with_helium(node: int, beam: bytes, product: bytes) -> FloatArray:
    """(projectile, antiproton) d sigma/dT of a tabulated projectile per H atom with its helium [mb/GeV]."""
    name = _NODES[node][1]
    on_hydrogen = _table(node, "p", beam, product)
    if name in ("p", "He"):
        return on_hydrogen + HELIUM_PER_HYDROGEN * _table(node, "He", beam, product)
    helium = [_table(1, target, beam, product) for target in ("p", "He")]
    ratio = np.divide(helium[1], helium[0], out=np.zeros_like(on_hydrogen), where=helium[0] > 0.0)
    return on_hydrogen * (1.0 + HELIUM_PER_HYDROGEN * ratio)


@lru_cache(maxsize=16)
def _table(node: int, target: str, beam: bytes, product: bytes) -> FloatArray:
    """(projectile, antiproton) antiprotons plus antineutrons of one pair [mb/GeV], kept by the bytes of its grids.

    aafragpy takes the total energy of the whole projectile and, for nucleons, the kinetic energy of the secondary
    (its docstring says total; the tables' own description, and their reach down to 0.1 MeV, say kinetic).
    """
    mass_number, name = _NODES[node]
    rest = PROTON_MASS if mass_number == 1 else ATOMIC_MASS_UNIT
    total = mass_number * (np.frombuffer(beam) + rest)
    kinetic = np.frombuffer(product)
    yields = np.zeros((total.size, kinetic.size))
    for secondary in ("ap", "an"):
        answer = load_package().get_cross_section(
            secondary, f"{name}-{target}", E_primaries=total, E_secondaries=kinetic, outside_bounds="zeros"
        )
        if answer is None:
            raise InputError(f"aafragpy has no table of {secondary!r} for {name}-{target}; {_INSTALL}")
        yields += np.asarray(answer[0], dtype=np.float64).reshape(yields.shape)
    return yields
