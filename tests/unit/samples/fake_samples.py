"""A simulation that takes no time: exit energies from a seeded lognormal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from propmat.samples import Design, StoreHeader
from propmat.transfer import TransferGrid

GRID = TransferGrid.relative([0.5, 2.0, 10.0], np.linspace(-0.2, 2.0, 12))


@dataclass(frozen=True)
class FakeRun:
    exit_kinetic_energy: np.ndarray
    propagation_time: np.ndarray
    truncated: np.ndarray


def fake_simulate(
    *,
    species: str,
    polarity: int,
    kinetic_energy: np.ndarray,
    parameters: Mapping[str, float],
    particles: int,
    seed: int,
) -> FakeRun:
    generator = np.random.default_rng([seed, polarity + 1])
    shape = (len(kinetic_energy), particles)
    gain = generator.lognormal(np.log(0.1 * parameters["B0"] / kinetic_energy[:, None]), 0.5, shape)
    return FakeRun(
        exit_kinetic_energy=kinetic_energy[:, None] + gain,
        propagation_time=generator.lognormal(4.0, 0.5, shape),
        truncated=generator.random(shape) < 0.02,
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
