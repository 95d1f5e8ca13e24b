"""Particles with their own parameters: one law with a run of one point, whatever the company."""

from __future__ import annotations

import math
import tracemalloc
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from propmat.errors import InputError, TruncationWarning
from propmat.heliosphere import Heliosphere, ManyRun, many, memory, simulate, simulate_many, tracing
from propmat.heliosphere.kernels.constants import PointConstants, RunConstants, point_constants, run_constants
from propmat.parameters import HELIOSPHERE
from propmat.species import FloatArray

SEED = 2**40 + 3
NAMES = HELIOSPHERE.names
QUICK: dict[str, Heliosphere] = {
    "paper": Heliosphere.preset("paper").replace(r_hp=3.0),
    "consistent": Heliosphere.preset("consistent").replace(r_hp=3.0),
    "helprop": Heliosphere.preset("helprop").replace(r_hp=3.0, fixed_step=5000.0),
}
MODELS = ["paper", pytest.param("consistent", marks=pytest.mark.slow), pytest.param("helprop", marks=pytest.mark.slow)]


def arguments(count: int, **changes: Any) -> dict[str, Any]:
    """A set over the whole domain of emulators; more than a piece of work for two threads if ``count`` is 300."""
    rng = np.random.default_rng(8)
    return {
        "species": "proton",
        "polarity": 1,
        "kinetic_energy": np.exp(rng.uniform(math.log(0.3), math.log(50.0), count)),
        "parameters": HELIOSPHERE.sobol(count, seed=5),
        "numbers": rng.permutation(count) + 2**33,
        "seed": SEED,
        "threads": 1,
    } | changes


def take(run: ManyRun, chosen: Any) -> list[Any]:
    return [getattr(run, name)[chosen] for name in ManyRun.__dataclass_fields__]


def assert_same(one: list[Any], other: list[Any]) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


# One law with simulate


@pytest.mark.parametrize("polarity", [1, -1])
@pytest.mark.parametrize("preset", MODELS)
def test_with_one_point_it_is_the_very_run_of_simulate(preset: str, polarity: int) -> None:
    model, energies, particles = QUICK[preset], [0.5, 5.0], 70
    point = {"B0": 5.0, "tilt": 25.0, "K0": 0.5, "a": 0.5, "b": 2.0}
    common: dict[str, Any] = {"species": "helium4", "polarity": polarity, "seed": SEED, "threads": 1}
    run = simulate(model, kinetic_energy=energies, parameters=point, particles=particles, **common)
    count = run.steps.size
    mixed = simulate_many(
        model,
        kinetic_energy=np.repeat(energies, particles),
        parameters=np.tile([point[name] for name in NAMES], (count, 1)),
        numbers=np.arange(count),
        **common,
    )
    expected = [
        np.log(run.exit_kinetic_energy / run.kinetic_energy[:, None]),
        run.propagation_time,
        run.exit_colatitude,
        run.steps,
        run.truncated,
    ]
    assert_same(take(mixed, slice(None)), [values.ravel() for values in expected])


@pytest.mark.parametrize("polarity", [1, -1])
@pytest.mark.parametrize("preset", MODELS)
def test_each_of_a_mixed_set_is_the_particle_of_its_own_run(preset: str, polarity: int) -> None:
    """Lanes, packing near the sheet and compaction at the end mix up nothing."""
    given = arguments(300, polarity=polarity, numbers=np.arange(300) % 3)
    mixed = simulate_many(QUICK[preset], **given)
    common = {key: given[key] for key in ("species", "polarity", "seed", "threads")}
    for index in range(0, 300, 29):
        run = simulate(
            QUICK[preset],
            kinetic_energy=given["kinetic_energy"][index],
            parameters=dict(zip(NAMES, given["parameters"][index], strict=True)),
            particles=3,
            **common,
        )
        own = run.exit_kinetic_energy[0, index % 3], run.propagation_time[0, index % 3], run.steps[0, index % 3]
        gain = np.log(own[0] / given["kinetic_energy"][index])
        assert (mixed.log_gain[index], mixed.propagation_time[index], mixed.steps[index]) == (gain, *own[1:])


# Company, order, threads


@pytest.fixture(scope="module")
def whole() -> ManyRun:
    return simulate_many(QUICK["paper"], **arguments(300))


def test_the_order_of_the_particles_does_not_matter(whole: ManyRun) -> None:
    order = np.random.default_rng(1).permutation(300)
    given = arguments(300)
    given |= {key: given[key][order] for key in ("kinetic_energy", "parameters", "numbers")}
    assert_same(take(simulate_many(QUICK["paper"], **given), slice(None)), take(whole, order))


def test_a_set_may_be_cut_anywhere(whole: ManyRun) -> None:
    given = arguments(300)
    for first, last in pairwise([0, 1, 40, 104, 300]):
        piece = {key: given[key][first:last] for key in ("kinetic_energy", "parameters", "numbers")}
        assert_same(
            take(simulate_many(QUICK["paper"], **(given | piece)), slice(None)), take(whole, slice(first, last))
        )


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_and_progress_do_not_matter(whole: ManyRun, threads: int) -> None:
    calls: list[tuple[int, int]] = []
    given = arguments(300, threads=threads)
    run = simulate_many(QUICK["paper"], **given, progress=lambda done, total: calls.append((done, total)))
    assert_same(take(run, slice(None)), take(whole, slice(None)))
    assert len(calls) > 1 and calls[-1] == (300, 300)


def test_equal_numbers_share_their_noise_and_other_seeds_do_not(whole: ManyRun) -> None:
    twice = arguments(2)
    twice |= {"numbers": [7, 7], "kinetic_energy": [1.0, 1.0], "parameters": np.tile(twice["parameters"][0], (2, 1))}
    run = simulate_many(QUICK["paper"], **twice)
    assert run.log_gain[0] == run.log_gain[1]
    other = simulate_many(QUICK["paper"], **arguments(300, seed=SEED + 2**32))
    assert not np.any(other.log_gain == whole.log_gain)


# What it says


def test_particles_leave_with_what_the_law_allows(whole: ManyRun) -> None:
    assert not whole.truncated.any()
    assert np.all(np.isfinite(whole.log_gain)) and whole.log_gain.mean() > 0.0
    assert np.all((whole.exit_colatitude > 0.0) & (whole.exit_colatitude < math.pi))
    assert np.all((whole.propagation_time > 0.0) & (whole.steps > 0))


def test_particles_at_the_step_cap_are_marked_and_the_others_are_as_without_it(
    whole: ManyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    cap = int(np.median(whole.steps)) // 2 * 2 + 1  # odd
    monkeypatch.setattr(tracing, "STEP_CAP", cap)
    monkeypatch.setattr(many, "STEP_CAP", cap)
    expected = whole.steps > cap
    with pytest.warns(TruncationWarning, match=f"{expected.sum()} of 300 trajectories hit the cap of {cap} steps"):
        run = simulate_many(QUICK["paper"], **arguments(300))
    np.testing.assert_array_equal(run.truncated, expected)
    assert np.all(run.steps[run.truncated] == cap)
    assert_same(take(run, ~run.truncated), take(whole, ~run.truncated))


def test_when_all_lanes_reach_the_cap_at_once_the_rest_still_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "STEP_CAP", 5)
    with pytest.warns(TruncationWarning, match="300 of 300"):
        run = simulate_many(QUICK["paper"], **arguments(300))
    assert np.all(run.steps == 5)


# Constants


@pytest.mark.parametrize("preset", list(QUICK))
@pytest.mark.parametrize("changes", [{}, {"drift": False}, {"spiral": False}, {"wind_latitude_dependence": False}])
def test_constants_of_arrays_are_those_of_numbers_and_the_first_of_a_run(preset: str, changes: dict[str, Any]) -> None:
    assert RunConstants._fields[: len(PointConstants._fields)] == PointConstants._fields
    model = QUICK[preset].replace(**changes)
    points = HELIOSPHERE.sobol(64, seed=2)
    table = np.array(point_constants(model, dict(zip(NAMES, points.T, strict=True)), -1))
    for column, point in zip(table.T, points.tolist(), strict=True):
        run = run_constants(model, dict(zip(NAMES, point, strict=True)), 0.938272, -1)
        assert tuple(column) == run[: len(column)]
        assert all(type(value) is float for value in run)  # or numba compiles once more


# Refusals


def changed(values: FloatArray, place: Any, value: float | list[float]) -> FloatArray:
    values = np.array(values)
    values[place] = value
    return values


GIVEN = arguments(4)
POINTS: FloatArray = GIVEN["parameters"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"species": "protn"}, "proton"),
        ({"polarity": 0}, "polarity"),
        ({"device": "tpu"}, "device 'tpu'.*cpu"),
        ({"seed": -1}, "seed = -1"),
        ({"threads": 0}, "threads = 0"),
        ({"kinetic_energy": []}, "one or more particles"),
        ({"kinetic_energy": 1.0}, r"kinetic_energy must be \(particle,\)"),
        ({"kinetic_energy": ["fast"] * 4}, "kinetic_energy must be an array of numbers"),
        ({"parameters": POINTS[:, :4]}, r"\(particle, 5\), in the order B0, tilt, K0, a, b"),
        ({"parameters": POINTS[:3]}, r"got \(4,\) and \(3, 5\)"),
        ({"numbers": [0, 1, 2]}, "4 whole numbers"),
        ({"numbers": [0.0, 1.0, 2.0, 3.0]}, "whole numbers.*float64"),
        ({"numbers": [0, 1, -2, 3]}, "numbers of particle 2 = -2"),
        ({"numbers": np.array([0, 2**63, 1, 2], dtype=np.uint64)}, "numbers of particle 1 = 9223372036854775808"),
        ({"kinetic_energy": [1.0, 2.0, 0.0, math.nan]}, r"kinetic_energy of particle 2 = 0.0 GeV/n .*\[0.001, 10000\]"),
        ({"kinetic_energy": [1.0, math.nan, 2e4, 1.0]}, "kinetic_energy of particle 1 = nan"),
        ({"parameters": changed(POINTS, (3, 0), 31.0)}, r"B0 of particle 3 = 31.0 nT .*\[0.5, 30\]"),
        ({"parameters": changed(POINTS, (1, 1), 75.1)}, r"tilt of particle 1 = 75.1 deg .*\[0, 75\]"),
        ({"parameters": changed(POINTS, (slice(2, 4), 2), math.nan)}, "K0 of particle 2 = nan"),
        ({"parameters": changed(POINTS, (0, slice(3, 5)), [0.9, 0.8])}, r"b of particle 0 = 0.8 .*\[0.9, 3\]"),
        (
            {"parameters": changed(POINTS, (3, 1), -1.0), "numbers": [0, 1, -2, 3]},
            "numbers of particle 2",  # the first of them, whatever the argument
        ),
    ],
)
def test_wrong_input_is_refused_with_its_place_before_work(
    change: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_work(*_: object, **__: object) -> None:
        raise AssertionError("work has begun")

    monkeypatch.setattr(many, "tracer", no_work)
    with pytest.raises(InputError, match=message):
        simulate_many(QUICK["paper"], **(GIVEN | change))


def test_fields_beyond_table_ii_are_accepted() -> None:
    given = GIVEN | {"parameters": changed(POINTS, (slice(0, 2), 0), [0.5, 30.0])}
    assert simulate_many(QUICK["paper"].replace(r_hp=1.5), **given).steps.min() > 0


def test_a_set_that_does_not_fit_into_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 200)
    with pytest.raises(InputError, match=r"4 particles need .* simulate at most 2 at a time"):
        simulate_many(QUICK["paper"], **GIVEN)


def test_the_estimate_of_memory_bounds_the_peak_and_is_not_far_above(monkeypatch: pytest.MonkeyPatch) -> None:
    """numpy reports its arrays to tracemalloc. Pieces under way come on top, as many as threads, of limited size."""
    monkeypatch.setattr(tracing, "LARGEST_PIECE", 4 * tracing.SEGMENT)
    model, count = QUICK["paper"].replace(r_hp=1.2), 40_000
    given = arguments(count)
    simulate_many(model, **arguments(1))
    tracemalloc.start()
    simulate_many(model, **given)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.6 < peak / (count * memory.BYTES_A_PARTICLE) <= 1.0
