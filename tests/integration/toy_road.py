"""A toy heliosphere, fast and smooth, to make stores and emulators for tests of what is built on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from propmat.samples import Design, SampleStore, StoreHeader, produce
from propmat.species import FloatArray, get_species
from propmat.transfer import TransferGrid


@dataclass(frozen=True)
class ToyHistograms:
    counts: NDArray[np.int64]
    truncated: NDArray[np.int64]
    propagation_time_mean: FloatArray


def toy_simulate(
    *,
    species: str,
    polarity: int,
    grid: TransferGrid,
    parameters: Mapping[str, float],
    particles: int,
    seed: int,
) -> ToyHistograms:
    """Particles gain energy like in a force field whose potential depends on the parameters, with a spread."""
    kinetic_energy = grid.toa
    sign = get_species(species).drift_sign(polarity)
    potential = 0.06 * parameters["B0"] / 5.0 * (0.15 / parameters["K0"]) ** 0.5 * (1.0 + 0.2 * sign)
    spread = np.random.default_rng(seed).gamma(8.0, 1.0 / 8.0, size=(kinetic_energy.size, particles))
    gain = 5.0 * potential * (1.0 + 0.1 * parameters["b"] * np.log1p(kinetic_energy))[:, None] * spread
    counts = grid.counts(kinetic_energy[:, None] + gain).astype(np.int64)
    return ToyHistograms(counts, np.zeros(len(counts), np.int64), np.full(len(counts), 50.0))


def toy_store(path: Path, *, count: int, particles: int, seed: int) -> SampleStore:
    """A finished store of toy samples on a small grid."""
    header = StoreHeader(
        simulator="heliosphere",
        simulator_version="toy",
        model={"name": "toy"},
        grid=TransferGrid.relative(np.geomspace(0.3, 50.0, 12), 0.004 * np.sinh(np.linspace(-1.0, 7.0, 41))),
        space="heliosphere",
        design=Design(count=count, particles=particles, seed=seed),
        provenance={"command": "toy"},
    )
    store = SampleStore.create(path, header)
    produce(store, progress=False, simulate=toy_simulate)
    return store
