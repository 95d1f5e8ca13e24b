"""What galaxy_speed.py compares with: the same equations without reduction, and GALPROP's own times."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from propmat.galaxy import Galaxy
from propmat.galaxy.domain import build_domain
from propmat.galaxy.network import Reactions, System
from propmat.galaxy.prepared import prepare
from propmat.galaxy.solver import Point
from propmat.galaxy.space import Basis, Domain
from propmat.galaxy.threads import one_blas_thread
from propmat.species import FloatArray

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "galprop_reference.h5"
COARSE = {"radial_step": 0.85, "radius": 19.55, "heights": 12}


class Reduction(NamedTuple):
    """Seconds of protons in the reduced space and without reduction; unknowns at one energy; largest deviation."""

    reduced: float
    full: float
    shapes: int
    cells: int
    deviation: float


def cell_basis(domain: Domain) -> Basis:
    """Every cell a shape of its own: no reduction."""
    radial, vertical = domain.radial, domain.vertical
    laplacian = np.kron(radial.stiffness, np.diag(vertical.volume)) + np.kron(
        np.diag(radial.volume), vertical.stiffness
    )
    root = np.sqrt(np.outer(radial.volume, vertical.volume)).ravel()
    fields = [np.diag(field.ravel()) for field in domain.gas]
    sun = np.zeros(domain.gas.shape[1:])
    sun[domain.sun, 0] = 1.0
    operators = np.ascontiguousarray(np.stack([laplacian / np.outer(root, root), *fields]))
    return Basis(operators, domain.sources.reshape(len(domain.sources), -1) * root, sun.ravel() / root)


def reduction(galaxy: Galaxy, parameters: dict[str, float]) -> Reduction:
    """Primary protons with and without reduction on the same coarse grid."""
    tables = prepare(galaxy.replace(**COARSE))
    _ = tables.radial, tables.reactions

    def reduced() -> tuple[FloatArray, int]:
        point = Point(tables, parameters, ["proton"])
        return sun_of(point.system, point), point.system.basis.sun.size

    def full() -> tuple[FloatArray, int]:
        point = Point(tables, parameters, ["proton"])
        basis = cell_basis(build_domain(tables.galaxy, tables.interactions.gas, parameters["z_h"]))
        primary = {"proton": Reactions({}, {}, {})}
        return sun_of(System(basis, point.system.coefficients, primary), point), basis.sun.size

    def sun_of(system: System, point: Point) -> FloatArray:
        right = np.einsum("e,m->em", point.injected["proton"], system.basis.sources[0])[:, :, None]
        return np.asarray(system.propagate({"proton": right})["proton"][:, :, 0] @ system.basis.sun)

    with one_blas_thread():
        reduced()
        (few, shapes), quick = clocked(reduced)
        (many, cells), slow = clocked(full)
    energy = tables.energy
    judged = (energy >= 0.05) & (energy <= 1000.0)
    return Reduction(quick, slow, shapes, cells, float(np.max(np.abs(few / many - 1.0)[judged])))


def clocked(call: Callable[[], tuple[FloatArray, int]]) -> tuple[tuple[FloatArray, int], float]:
    """A result and the CPU seconds it took."""
    start = time.process_time()
    found = call()
    return found, time.process_time() - start


def galprop_seconds() -> dict[str, float]:
    """Run -> CPU seconds that the reference file states; nothing where it is absent."""
    if not REFERENCE.is_file():
        return {}
    with h5py.File(REFERENCE) as file:
        runs = {f"{name}, exact": point["exact"] for name, point in file["points"].items() if "exact" in point}
        runs |= {f"{name}, stock": point["stock"] for name, point in file["points"].items() if "stock" in point}
        runs |= {name: file["variants"][name] for name in ("P0z14", "P0e11", "tX2") if name in file["variants"]}
        return {name: float(group.attrs["cpu_s_1thread"]) for name, group in runs.items()}
