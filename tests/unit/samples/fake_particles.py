"""A simulation of particles that takes no time: a particle's gain follows from its number, seed, point and channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from propmat.samples import GainCode, ParticleDesign, ParticleHeader


@dataclass(frozen=True)
class FakeRun:
    log_gain: np.ndarray
    truncated: np.ndarray


def uniform(numbers: np.ndarray, seed: int) -> np.ndarray:
    """(n,) in (0, 1), each from its number alone: two rounds of a 64-bit mixer."""
    words = numbers.astype(np.uint64) + np.uint64(seed)
    for _ in range(2):
        words = (words ^ (words >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
    return ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def fake_simulate_many(
    *, species, polarity, kinetic_energy, parameters, numbers, seed, progress=None, device="cpu", threads=None
):
    """A force-field-like loss of 0.5 GeV / K0-ish spread; 1 % of the particles are truncated, without a gain."""
    field, _, diffusion = parameters[:, 0], parameters[:, 1], parameters[:, 2]
    spread = -np.log(uniform(numbers, seed + polarity + 1))
    log_gain = np.log1p(0.01 * field / diffusion**0.5 * spread / kinetic_energy)
    truncated = uniform(numbers, seed + 17) < 0.01
    if progress is not None:
        progress(numbers.size, numbers.size)
    return FakeRun(np.where(truncated, np.inf, log_gain), truncated)


def tiny_particles(**design) -> ParticleHeader:
    settings = {"count": 1000, "seed": 3, "shard_size": 300} | design
    return ParticleHeader(
        simulator="fake",
        simulator_version="1",
        model={"r_hp": 122.0, "name": "paper", "drift": True},
        grid=GainCode(),
        space="heliosphere",
        design=ParticleDesign(**settings),
        provenance={"command": "pytest"},
    )


def columns(table):
    return {name: getattr(table, name) for name in vars(table)}


def assert_same(first, second):
    for name, values in columns(first).items():
        np.testing.assert_array_equal(values, getattr(second, name), err_msg=name)
