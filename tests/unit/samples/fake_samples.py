"""A simulation that takes no time: exit energies from a seeded lognormal, counted by numpy's own histogram."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from propmat.samples import Design, StoreHeader
from propmat.transfer import TransferGrid

GRID = TransferGrid.relative([0.5, 2.0, 10.0], np.linspace(-0.2, 2.0, 12))


@dataclass(frozen=True)
class FakeHistograms:
    counts: np.ndarray
    truncated: np.ndarray
    propagation_time_mean: np.ndarray


def fake_simulate(
    *,
    species: str,
    polarity: int,
    grid: TransferGrid,
    parameters: Mapping[str, float],
    particles: int,
    seed: int,
) -> FakeHistograms:
    kinetic_energy = grid.toa
    generator = np.random.default_rng([seed, polarity + 1])
    shape = (len(kinetic_energy), particles)
    gain = generator.lognormal(np.log(0.1 * parameters["B0"] / kinetic_energy[:, None]), 0.5, shape)
    time = generator.lognormal(4.0, 0.5, shape)
    left = generator.random(shape) >= 0.02
    counts = []
    for row in range(len(kinetic_energy)):
        edges = grid.lis_edges[row].copy()
        edges[0], edges[-1] = 0.0, np.inf  # the end columns take what is beyond them
        counts.append(np.histogram((kinetic_energy[row] + gain[row])[left[row]], edges)[0])
    return FakeHistograms(
        counts=np.array(counts),
        truncated=(~left).sum(axis=1),
        propagation_time_mean=np.where(left, time, 0.0).sum(axis=1) / np.maximum(left.sum(axis=1), 1),
    )


def tiny_header(**design: int) -> StoreHeader:
    settings = {"count": 5, "particles": 20, "seed": 3, "shard_size": 4} | design
    return StoreHeader(
        simulator="fake",
        simulator_version="1",
        model={"r_hp": 122.0, "name": "paper", "drift": True, "order": 2},
        grid=GRID,
        space="heliosphere",
        design=Design(**settings),
        provenance={"command": "pytest"},
    )
