"""The lanes: a trajectory is the step repeated, bit for bit, whatever runs beside it and however lanes are packed."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import njit

from propmat.heliosphere import Heliosphere, simulate
from propmat.heliosphere.kernels import cpu
from propmat.heliosphere.kernels.constants import RunConstants, Switches, switches
from propmat.heliosphere.kernels.philox import four_normals, philox, uniform
from propmat.heliosphere.stepper import step
from propmat.heliosphere.tracing import Tracing, prepare
from propmat.species import FloatArray

PRESETS = ["paper", "consistent", "helprop"]
ENERGIES = [0.5, 5.0]
PARTICLES = 60


def tracing(preset: str, polarity: int = -1, **changes: Any) -> Tracing:
    return prepare(
        Heliosphere.preset(preset).replace(r_hp=4.0, **changes),
        species="proton",
        polarity=polarity,
        kinetic_energy=ENERGIES,
        parameters={"B0": 5.0, "tilt": 25.0, "K0": 1.0, "a": 0.5, "b": 2.0},
        particles=PARTICLES,
        seed=2**40 + 3,
        device="cpu",
        threads=1,
    )


# Grouping


@pytest.mark.parametrize("preset", PRESETS)
def test_trajectories_are_the_same_in_one_go_and_in_pieces_of_any_size(preset: str) -> None:
    changes: dict[str, Any] = {"fixed_step": 5000.0} if preset == "helprop" else {}
    run = tracing(preset, **changes)
    trace = run.tracer()
    whole = trace(0, run.total)
    edges = [0, 1, 2, 39, 44, 109, 120]  # pieces of 1 to 65: part of the lanes, all, and one more than there are
    np.testing.assert_array_equal(whole, np.hstack([trace(a, b) for a, b in pairwise(edges)]))
    np.testing.assert_array_equal(whole[:, 7:8], trace(7, 8))


def edited_tracer(folder: Path, lanes: int, pack_below: int, s: Switches) -> Callable[..., None]:
    """The trace compiled from a copy of cpu.py with another number of lanes and another threshold of packing."""
    text = Path(cpu.__file__).read_text()
    for line in ("LANES: Final = 64\n", "_PACK_BELOW: Final = LANES * 13 // 16\n"):
        assert text.count(line) == 1
    text = text.replace("LANES: Final = 64\n", f"LANES: Final = {lanes}\n")
    text = text.replace("_PACK_BELOW: Final = LANES * 13 // 16\n", f"_PACK_BELOW: Final = {pack_below}\n")
    path = folder / f"lanes_{lanes}_{pack_below}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    trace: Callable[..., None] = module.build(1, s)
    return trace


@pytest.mark.parametrize(
    ("preset", "lanes", "pack_below"),
    [
        ("paper", 64, -1),  # never packed
        pytest.param("paper", 64, 64, marks=pytest.mark.slow),  # always packed
        pytest.param("paper", 16, 8, marks=pytest.mark.slow),
        pytest.param("consistent", 64, -1, marks=pytest.mark.slow),
        pytest.param("consistent", 64, 64, marks=pytest.mark.slow),
    ],
)
def test_neither_lanes_nor_packing_change_a_bit(preset: str, lanes: int, pack_below: int, tmp_path: Path) -> None:
    run = tracing(preset)
    trace = edited_tracer(tmp_path, lanes, pack_below, switches(run.model))
    found = np.empty((cpu.RESULTS, run.total))
    key = np.array([run.seed & 0xFFFFFFFF, run.seed >> 32], dtype=np.uint64)
    log_rigidity = np.log(rigidities(run))
    trace(run.constants, log_rigidity, run.particles, 0, run.total, key, 1_000_000, found)
    np.testing.assert_array_equal(found, run.tracer()(0, run.total))


def rigidities(run: Tracing) -> FloatArray:
    """[GV] of protons at the run's energies."""
    mass = run.species.mass
    momentum: FloatArray = np.sqrt(run.kinetic_energy * (run.kinetic_energy + 2.0 * mass))
    return momentum


# One trajectory is the step, repeated

_START: Any = np.uint64(0xFFFFFFFF)


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def one_by_one(c: RunConstants, s: Switches, number: Any, log_rigidity: float, key0: Any, key1: Any, out: Any) -> None:
    """Trajectory ``number`` from Earth to the boundary: parity, pending time and deviates as step's docstring says."""
    zero: Any = np.uint64(0)
    word, _, _, _ = philox(_START, number, zero, zero, key0, key1)
    r, theta, phi = 1.0, 0.5 * math.pi, 2.0 * math.pi * uniform(word)
    time, pending, steps = 0.0, 0.0, 0
    while r < c.r_hp:
        counter: Any = np.uint64(steps)
        w0, w1, w2, w3 = philox(counter, number, zero, zero, key0, key1)
        n1, n2, n3, n4 = four_normals(w0, w1, w2, w3)
        r, theta, phi, log_rigidity, dt = step(c, s, r, theta, phi, log_rigidity, pending, steps % 2, n1, n2, n3, n4)
        pending = 0.5 * dt
        time += dt
        steps += 1
    out[0], out[1], out[2], out[3], out[4], out[5] = log_rigidity, time, r, theta, phi, steps


@pytest.mark.parametrize("preset", ["paper", "consistent"])
def test_a_trajectory_in_the_lanes_is_the_step_repeated(preset: str) -> None:
    run = tracing(preset)
    lanes = run.tracer()(0, run.total)
    one = np.empty(cpu.RESULTS)
    log_rigidity = np.log(rigidities(run))
    key0, key1 = np.uint64(run.seed & 0xFFFFFFFF), np.uint64(run.seed >> 32)
    for number in range(0, run.total, 10):
        start = log_rigidity[number // run.particles]
        one_by_one(run.constants, switches(run.model), np.uint64(number), start, key0, key1, one)
        np.testing.assert_array_equal(lanes[:, number], one)


# Extremes of the domain


@pytest.mark.parametrize("preset", ["paper", "consistent"])
@pytest.mark.parametrize("tilt", [0.0, 75.0])
@pytest.mark.parametrize("polarity", [1, -1])
def test_everything_stays_finite_at_the_extremes_of_the_domain(preset: str, tilt: float, polarity: int) -> None:
    """Weak and strong fields and diffusion, low and high energies, steps as they are and three times as long."""
    for field, diffusion, a, b in ((3.0, 1.5, 0.0, 0.0), (9.0, 1.5, 1.0, 3.0), (3.0, 0.03, 1.0, 1.0)):
        for step_size in (1.0, 3.0):
            model = Heliosphere.preset(preset).replace(step_size=step_size)
            run = simulate(
                model,
                species="proton",
                polarity=polarity,
                kinetic_energy=[0.08, 50.0] if diffusion > 1.0 else [1.0, 50.0],
                parameters={"B0": field, "tilt": tilt, "K0": diffusion, "a": a, "b": b},
                particles=4,
                seed=12,
                threads=1,
            )
            assert np.all((run.exit_radius >= model.r_hp) & np.isfinite(run.exit_radius))
            assert np.all((run.exit_kinetic_energy > 0.0) & np.isfinite(run.exit_kinetic_energy))
            assert np.all((run.exit_colatitude > 0.0) & (run.exit_colatitude < math.pi))
            assert np.all((run.exit_longitude >= 0.0) & (run.exit_longitude <= 2.0 * math.pi))
            assert np.all((run.propagation_time > 0.0) & np.isfinite(run.propagation_time))
            assert not run.truncated.any()
