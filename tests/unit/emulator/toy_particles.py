"""Single particles of the heliosphere of toy_heliosphere, in a store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from toy_heliosphere import lognormal

from propmat.emulator import (
    NetworkConfig,
    OptimizerConfig,
    ParticleTrainerConfig,
    ParticleTrainingConfig,
    ScheduleFreeConfig,
    SGDConfig,
)
from propmat.samples import GainCode, ParticleDesign, ParticleHeader, ParticleStore, make_particles
from propmat.species import FloatArray, get_species


@dataclass(frozen=True)
class Run:
    log_gain: FloatArray
    truncated: NDArray[np.bool_]


def toy_run(
    *,
    species: str,
    polarity: int,
    kinetic_energy: FloatArray,
    parameters: FloatArray,
    numbers: NDArray[np.int64],
    seed: int,
    progress: object,
) -> Run:
    """Draws of the lognormal; every 500th particle never leaves."""
    median, width = lognormal(parameters, kinetic_energy, get_species(species).drift_sign(polarity))
    noise = np.random.default_rng([seed, int(numbers[0])]).standard_normal(numbers.size)
    return Run(np.exp(median + width * noise), numbers % 500 == 250)


def toy_store(folder: Path, count: int, shard_size: int, *, seed: int = 4, start: int = 0) -> ParticleStore:
    """A complete store."""
    design = ParticleDesign(count=count, seed=seed, shard_size=shard_size, start=start)
    store = ParticleStore.create(folder, ParticleHeader("toy", "1", {}, GainCode(), "heliosphere", design))
    for shard in range(design.shards):
        store.write_shard(shard, make_particles(store.header, shard, simulate_many=toy_run))
    return store


def toy_training(epochs: int, refinement: int, **trainer: object) -> ParticleTrainingConfig:
    """A small network, one thread."""
    return ParticleTrainingConfig(
        NetworkConfig(n_basis=12, latent=16, hidden=32, layers=2),
        OptimizerConfig(ScheduleFreeConfig(epochs=epochs, lr=0.01, warmup_steps=10), SGDConfig(epochs=refinement)),
        ParticleTrainerConfig(**{"batch_size": 512, "threads": 1, **trainer}),  # type: ignore[arg-type]
    )
