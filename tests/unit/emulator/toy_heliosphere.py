"""A heliosphere whose transfer matrix is known: ln(T_exit/T) is lognormal, smooth in the parameters."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from propmat.emulator import (
    NetworkConfig,
    OptimizerConfig,
    ScheduleFreeConfig,
    SGDConfig,
    TrainerConfig,
    TrainingConfig,
)
from propmat.parameters import HELIOSPHERE
from propmat.samples import Design, SampleTable, StoreHeader
from propmat.species import FloatArray
from propmat.transfer import TransferGrid

GRID = TransferGrid.relative(np.geomspace(0.08, 50.0, 10), 0.01 * np.sinh(np.linspace(-1.0, 6.5, 41)))


def lognormal(points: FloatArray, energy: FloatArray, drift_sign: int | FloatArray) -> tuple[FloatArray, FloatArray]:
    """Median of ln(ln(T_exit/T)) and its standard deviation; points (…, 5), energy (…) [GeV/n]."""
    field, tilt, diffusion, a, b = np.moveaxis(np.asarray(points), -1, 0)
    drift = 1.0 - 0.3 * drift_sign * np.cos(np.deg2rad(tilt))
    potential = 0.12 * (field / 5.0) * (0.15 / diffusion) ** 0.6 * drift
    gain = potential * (1.0 + 0.1 * a) / energy ** (0.7 + 0.1 * b)
    return np.log(np.log1p(gain)), 0.35 + 0.1 * a


def exact_matrix(points: FloatArray, drift_sign: int, grid: TransferGrid = GRID) -> FloatArray:
    """(…, toa, lis) of points (…, 5)."""
    median, width = lognormal(np.asarray(points)[..., None, :], grid.toa, drift_sign)
    edges = np.log(grid.lis_edges / grid.toa[:, None])
    below = norm.cdf((np.log(np.maximum(edges, 1e-12)) - median[..., None]) / width[..., None])
    below[..., 0], below[..., -1] = 0.0, 1.0
    return np.diff(below, axis=-1)


def toy_samples(points: int, particles: int, seed: int) -> tuple[StoreHeader, SampleTable]:
    """A store's header, and its samples: draws from the exact matrices at Sobol points, both drift signs."""
    design = Design(count=points, particles=particles, seed=seed, shard_size=points)
    header = StoreHeader("toy", "1", {}, GRID, HELIOSPHERE.name, design)
    plan = header.plan
    generator = np.random.default_rng(seed)
    pairs = zip(plan.parameters, plan.drift_sign, strict=True)
    counts = np.array([generator.multinomial(particles, exact_matrix(point, int(sign))) for point, sign in pairs])
    return header, SampleTable(
        **vars(plan),
        counts=counts.astype(np.uint32),
        truncated=np.zeros(counts.shape[:2], dtype=np.uint32),
        propagation_time_mean=np.zeros(counts.shape[:2], dtype=np.float32),
    )


def toy_config(epochs: int, refinement: int, seed: int = 0, loss: str = "multinomial") -> TrainingConfig:
    """A small network, one thread."""
    return TrainingConfig(
        NetworkConfig(n_basis=12, latent=16, hidden=32, layers=2),
        OptimizerConfig(ScheduleFreeConfig(epochs=epochs, lr=0.01, warmup_steps=10), SGDConfig(epochs=refinement)),
        TrainerConfig(loss=loss, batch_size=32, seed=seed, threads=1),
    )


SPACE = HELIOSPHERE
