"""The kernel on a GPU: the trajectories of the CPU to rounding, and their law."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp

from propmat.errors import InputError
from propmat.heliosphere import Heliosphere, simulate, simulate_counts, simulate_many
from propmat.heliosphere.kernels import cuda
from propmat.heliosphere.kernels.cuda import check_cuda
from propmat.parameters import HELIOSPHERE_TABLE_II
from propmat.transfer import TransferGrid

pytestmark = pytest.mark.gpu
POINT = {"B0": 5.0, "tilt": 25.0, "K0": 0.5, "a": 0.5, "b": 2.0}


@pytest.fixture(autouse=True)
def gpu() -> None:
    try:
        check_cuda()
    except InputError as error:
        pytest.skip(str(error))


def many(device: str, particles: int, seed: int = 5, **changes: Any) -> Any:
    """Particles all over the domain but where diffusion is slowest, one channel."""
    low, high = np.array([[3.0, 0.0, 0.3, 0.0, 1.0], [8.0, 75.0, 1.5, 1.0, 2.0]])
    assert len(HELIOSPHERE_TABLE_II.names) == low.size
    random = np.random.default_rng(seed)
    arguments: dict[str, Any] = {
        "species": "proton",
        "polarity": -1,
        "kinetic_energy": np.exp(random.uniform(np.log(0.3), np.log(20.0), particles)),
        "parameters": random.uniform(low, high, (particles, 5)),
        "numbers": np.arange(particles),
        "seed": seed,
    }
    return simulate_many(Heliosphere.preset("paper").replace(**changes), device=device, **arguments)


@pytest.mark.parametrize("preset", ["paper", "consistent", "helprop"])
def test_trajectories_are_those_of_the_cpu_to_rounding(preset: str) -> None:
    """A comparison that rounding turns over sends a trajectory elsewhere; few may meet one on a short way."""
    changes: dict[str, Any] = {"fixed_step": 5000.0} if preset == "helprop" else {}
    model = Heliosphere.preset(preset).replace(r_hp=3.0, **changes)
    arguments: dict[str, Any] = {
        "species": "proton",
        "polarity": 1,
        "kinetic_energy": [0.5, 5.0],
        "parameters": POINT,
        "particles": 1000,
        "seed": 3,
    }
    here, there = (simulate(model, device=device, **arguments) for device in ("cpu", "cuda"))
    same = here.steps == there.steps
    assert same.mean() > 0.99
    for name in ("exit_kinetic_energy", "propagation_time", "exit_radius", "exit_colatitude"):
        ours, theirs = (getattr(run, name)[same] for run in (here, there))
        assert np.quantile(np.abs(theirs / ours - 1.0), 0.99) < 1e-7, name


@pytest.mark.parametrize("quantity", ["log_gain", "propagation_time", "exit_colatitude"])
def test_the_law_is_that_of_the_cpu(quantity: str) -> None:
    """Whole trajectories of other noise: two samples of one distribution (the seeds are fixed, the level is 0.1 %)."""
    here, there = many("cpu", 4000, seed=11), many("cuda", 40000, seed=12)
    assert ks_2samp(getattr(here, quantity), getattr(there, quantity)).pvalue > 1e-3


def test_trajectories_do_not_depend_on_how_they_are_launched(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = many("cuda", 5000)
    monkeypatch.setattr(cuda, "LAUNCH", 700)
    pieces = many("cuda", 5000)
    np.testing.assert_array_equal(whole.log_gain, pieces.log_gain)
    np.testing.assert_array_equal(whole.steps, pieces.steps)


def test_counts_are_those_of_the_trajectories() -> None:
    grid = TransferGrid.default([0.5, 2.0])
    arguments: dict[str, Any] = {"species": "proton", "polarity": 1, "parameters": POINT, "particles": 3000, "seed": 4}
    model = Heliosphere.preset("paper")
    counts = simulate_counts(model, grid=grid, device="cuda", **arguments)
    run = simulate(model, kinetic_energy=grid.toa, device="cuda", **arguments)
    np.testing.assert_array_equal(counts.counts, grid.counts(run.exit_kinetic_energy))
    np.testing.assert_array_equal(counts.steps, run.steps.sum(axis=1))
