"""simulate_counts says what simulate says, in memory that does not grow, whatever the threads."""

from __future__ import annotations

import dataclasses
import math
import tracemalloc
from typing import Any

import numpy as np
import pytest

from propmat.errors import InputError, TruncationWarning
from propmat.heliosphere import Heliosphere, HeliosphereCounts, HeliosphereRun, simulate, simulate_counts, tracing
from propmat.heliosphere.reduce import Moments
from propmat.species import FloatArray, momentum_from_kinetic_energy
from propmat.spectra import proton_lis
from propmat.transfer import TransferGrid, fold

PAPER = Heliosphere.preset("paper")
QUICK = PAPER.replace(r_hp=1.5)
GRID = TransferGrid.default([1.0, 10.0, 40.0])
PARTICLES = 190
ARGUMENTS: dict[str, Any] = {
    "species": "proton",
    "polarity": 1,
    "parameters": {"B0": 5.0, "tilt": 15.0, "K0": 1.0, "a": 0.5, "b": 2.0},
    "seed": 7,
}


def flat(energy: Any) -> FloatArray:
    """A spectrum that no modulation changes: J = p^2."""
    return momentum_from_kinetic_energy(np.asarray(energy), "proton") ** 2


def same(one: HeliosphereCounts, other: HeliosphereCounts) -> None:
    """Bit for bit."""
    for name in ("counts", "truncated", "steps"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    pairs = [(one.log_gain, other.log_gain), (one.propagation_time, other.propagation_time)]
    pairs += [(one.exit_latitude, other.exit_latitude), *zip(one.flux, other.flux, strict=True)]
    for first, second in pairs:
        for item in dataclasses.fields(Moments):
            np.testing.assert_array_equal(getattr(first, item.name), getattr(second, item.name), err_msg=item.name)


@pytest.fixture(scope="module")
def run() -> HeliosphereRun:
    return simulate(PAPER, kinetic_energy=GRID.toa, particles=PARTICLES, **ARGUMENTS)


@pytest.fixture(scope="module")
def counts() -> HeliosphereCounts:
    return simulate_counts(PAPER, grid=GRID, particles=PARTICLES, lis=[proton_lis(), flat], **ARGUMENTS)


def test_histograms_are_those_of_the_trajectories(run: HeliosphereRun, counts: HeliosphereCounts) -> None:
    np.testing.assert_array_equal(counts.counts, GRID.counts(run.exit_kinetic_energy))
    np.testing.assert_array_equal(counts.steps, run.steps.sum(axis=1))
    np.testing.assert_array_equal(counts.transfer_matrix(), run.transfer_matrix(GRID))
    assert not counts.truncated.any() and counts.counts.dtype == np.int64


def test_moments_are_those_of_the_trajectories(run: HeliosphereRun, counts: HeliosphereCounts) -> None:
    pairs = (
        (counts.log_gain, np.log(run.exit_kinetic_energy / run.kinetic_energy[:, None])),
        (counts.propagation_time, run.propagation_time),
        (counts.exit_latitude, np.abs(0.5 * math.pi - run.exit_colatitude)),
    )
    for moments, values in pairs:
        np.testing.assert_allclose(moments.mean, values.mean(axis=1), rtol=1e-12)
        np.testing.assert_allclose(moments.variance, values.var(axis=1, ddof=1), rtol=1e-11)
        assert np.all(moments.number == PARTICLES)


def test_the_flux_and_its_error_are_those_of_the_run(run: HeliosphereRun, counts: HeliosphereCounts) -> None:
    flux, error = counts.modulated()
    expected, expected_error = run.modulate(proton_lis())
    np.testing.assert_allclose(flux[0], expected, rtol=1e-12)
    np.testing.assert_allclose(error[0], expected_error, rtol=1e-10)
    np.testing.assert_allclose(flux[1], flat(GRID.toa), rtol=1e-13)
    np.testing.assert_allclose(error[1] / flux[1], 0.0, atol=1e-13)
    np.testing.assert_allclose(fold(counts.transfer_matrix(), GRID, proton_lis(), counts.species), flux[0], rtol=0.02)


def test_neither_threads_nor_progress_change_a_bit(counts: HeliosphereCounts, monkeypatch: pytest.MonkeyPatch) -> None:
    """570 trajectories are one piece or several; a segment is 128 of them, and rows begin within segments."""
    calls: list[tuple[int, int]] = []
    arguments = ARGUMENTS | {"grid": GRID, "particles": PARTICLES, "lis": [proton_lis(), flat]}
    for threads in (1, 2, 3):
        same(simulate_counts(PAPER, threads=threads, **arguments), counts)
    same(simulate_counts(PAPER, progress=lambda done, total: calls.append((done, total)), **arguments), counts)
    assert calls[-1] == (570, 570) and calls == sorted(calls)
    monkeypatch.setattr(tracing, "LARGEST_PIECE", 2 * tracing.SEGMENT)
    same(simulate_counts(PAPER, threads=1, **arguments), counts)


def test_memory_does_not_grow_with_the_particles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "LARGEST_PIECE", 8 * tracing.SEGMENT)

    def peak(particles: int) -> int:
        tracemalloc.start()
        simulate_counts(QUICK, grid=GRID.every(2), particles=particles, threads=2, lis=[proton_lis()], **ARGUMENTS)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(10)
    # Both threads have pieces of LARGEST_PIECE trajectories from 8192 particles on.
    assert peak(100_000) < 2.0 * peak(10_000)


def test_particles_at_the_cap_are_counted_told_and_bias_nothing(
    run: HeliosphereRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    cap = int(np.median(run.steps))
    monkeypatch.setattr(tracing, "STEP_CAP", cap)
    arguments = ARGUMENTS | {"particles": 40}
    with pytest.warns(TruncationWarning, match=f"of 120 trajectories hit the cap of {cap} steps"):
        found = simulate_counts(PAPER, grid=GRID, lis=[proton_lis()], **arguments)
    with pytest.warns(TruncationWarning):
        short = simulate(PAPER, kinetic_energy=GRID.toa, **arguments)
    np.testing.assert_array_equal(found.truncated, short.truncated.sum(axis=1))
    np.testing.assert_array_equal(found.counts.sum(axis=1) + found.truncated, 40)
    assert 0 < found.truncated.sum() < 120  # some leave and some do not, else this test says nothing
    for row in range(3):
        left = ~short.truncated[row]
        assert found.propagation_time.number[row] == left.sum()
        expected = short.propagation_time[row][left].mean() if left.any() else math.nan
        np.testing.assert_allclose(found.propagation_time.mean[row], expected, rtol=1e-12)
    for refused in (found.transfer_matrix, found.modulated):
        with pytest.raises(InputError, match="of 120 trajectories"):
            refused()


def test_what_cannot_be_said_is_refused() -> None:
    with pytest.raises(InputError, match="no spectrum"):
        simulate_counts(QUICK, grid=GRID, particles=2, **ARGUMENTS).modulated()
    with pytest.raises(InputError, match="2 particles"):
        simulate_counts(QUICK, grid=GRID, particles=1, lis=[flat], **ARGUMENTS).modulated()
    for change, message in (
        ({"species": "protn"}, "'proton'"),
        ({"particles": 0}, "particles = 0"),
        ({"seed": -1}, "seed"),
    ):
        with pytest.raises(InputError, match=message):
            simulate_counts(QUICK, **(ARGUMENTS | {"grid": GRID, "particles": 2} | change))
    with pytest.raises(InputError, match="kinetic_energy"):
        simulate_counts(QUICK, grid=TransferGrid.default([1.0, 2e4]), particles=2, **ARGUMENTS)


# Species


def test_nuclei_of_one_ratio_have_nearly_the_same_rows() -> None:
    """4He and d differ by 0.65 % in the mass of a nucleon; with one seed they differ by less than the noise of 100."""
    deuteron, helium, proton = (
        simulate_counts(PAPER, grid=GRID, particles=100, **(ARGUMENTS | {"species": name}))
        for name in ("deuteron", "helium4", "proton")
    )
    noise = np.sqrt(deuteron.log_gain.variance / 100)
    assert np.all(np.abs(deuteron.log_gain.mean - helium.log_gain.mean) < 2.0 * noise)
    assert proton.log_gain.mean[0] > deuteron.log_gain.mean[0] + 3.0 * noise[0]


def test_electrons_gain_like_light_and_like_protons_where_those_are_fast() -> None:
    """At one T >> m the rigidities differ by m/T, and so do the diffusion and p^2/(E T) = 1 + m/(T + m)."""
    arguments = ARGUMENTS | {"particles": 150, "grid": TransferGrid.default([10.0, 40.0])}
    electron = simulate_counts(PAPER, **(arguments | {"species": "electron", "polarity": -1}))
    positron = simulate_counts(PAPER, **(arguments | {"species": "positron"}))
    same(electron, positron)
    proton = simulate_counts(PAPER, **arguments)
    noise = np.sqrt((electron.log_gain.variance + proton.log_gain.variance) / 150)
    bound = 4.0 * noise + 4.0 * 0.938272 / arguments["grid"].toa * proton.log_gain.mean
    assert np.all(np.abs(electron.log_gain.mean - proton.log_gain.mean) < bound)
    assert np.all(electron.log_gain.mean > 5.0 * np.sqrt(electron.log_gain.variance / 150))
