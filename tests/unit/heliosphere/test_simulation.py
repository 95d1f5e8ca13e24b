"""What simulate refuses before work, what its random numbers depend on, and what a run can be asked."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from propmat.errors import InputError, TruncationWarning
from propmat.heliosphere import Heliosphere, HeliosphereRun, simulate, tracing
from propmat.species import SPECIES, Species, momentum_from_kinetic_energy
from propmat.spectra import proton_lis
from propmat.transfer import TransferGrid, fold

PAPER = Heliosphere.preset("paper")
POINT = {"B0": 5.0, "tilt": 15.0, "K0": 1.0, "a": 0.5, "b": 2.0}
ARGUMENTS: dict[str, Any] = {
    "species": "proton",
    "polarity": 1,
    "kinetic_energy": [1.0, 10.0],
    "parameters": POINT,
    "particles": 150,
    "seed": 7,
}
ARRAYS = ("exit_kinetic_energy", "propagation_time", "exit_radius", "exit_colatitude", "exit_longitude", "steps")


@pytest.fixture(scope="module")
def run() -> HeliosphereRun:
    return simulate(PAPER, **ARGUMENTS)


def assert_same(one: HeliosphereRun, other: HeliosphereRun, rows: slice = slice(None)) -> None:
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name)[rows], getattr(other, name), err_msg=name)


# Input errors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"species": "protn"}, r"'protn'.*Did you mean 'proton'"),
        ({"polarity": 0}, "polarity = 0"),
        ({"device": "cuda:7"}, r"device 'cuda:7'"),
        ({"device": "cpus"}, r"Did you mean 'cpu'"),
        ({"kinetic_energy": [1.0, math.nan]}, "kinetic_energy"),
        ({"kinetic_energy": 0.0}, "kinetic_energy"),
        ({"kinetic_energy": 2e4}, "kinetic_energy"),
        ({"kinetic_energy": []}, "kinetic_energy"),
        ({"kinetic_energy": [[1.0]]}, "kinetic_energy"),
        ({"particles": 0}, "particles = 0"),
        ({"seed": -1}, "seed = -1"),
        ({"seed": 2**63}, "seed"),
        ({"threads": 0}, "threads = 0"),
        ({"parameters": POINT | {"B0": 31.0}}, "B0 = 31"),
        ({"parameters": POINT | {"B0": math.nan}}, "B0"),
        ({"parameters": POINT | {"tilt": 80.0}}, "tilt"),
        ({"parameters": POINT | {"K0": math.nan}}, "K0"),
        ({"parameters": POINT | {"K0": 0.0}}, "K0"),
        ({"parameters": POINT | {"a": 0.9, "b": 0.8}}, "b"),
        ({"parameters": POINT | {"K0": [0.1, 0.2]}}, "one value of each parameter"),
        ({"parameters": {"B0": 5.0}}, "tilt"),
        ({"parameters": POINT | {"tillt": 5.0}}, "tillt"),
        ({"species": Species("triton", 3, 1, 2.809)}, r"A/\|Z\| of 'triton' = 3 is outside .*\[1, 2.5\]"),
        ({"species": Species("neutrino", 0, 0, 0.1)}, "charge 0"),
        ({"species": Species("photon", 0, 1, 0.0)}, "mass"),
    ],
)
def test_wrong_input_is_refused_by_name_before_work(
    change: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_work(*_: object) -> None:
        raise AssertionError("work has begun")

    monkeypatch.setattr(tracing, "tracer", no_work)
    with pytest.raises(InputError, match=message):
        simulate(PAPER, **(ARGUMENTS | change))


def test_fields_beyond_table_ii_are_accepted() -> None:
    quick = PAPER.replace(r_hp=2.0)
    for field in (0.5, 30.0):
        assert simulate(quick, **(ARGUMENTS | {"parameters": POINT | {"B0": field}, "particles": 1})).steps.min() > 0


def test_every_species_there_is_can_be_simulated() -> None:
    for name in SPECIES:
        assert tracing.checked_species(name).name == name


# Random numbers


def test_the_result_does_not_depend_on_threads(run: HeliosphereRun) -> None:
    assert run.steps.size > tracing.SEGMENT  # more than one piece of work
    for threads in (1, 2, 3):
        assert_same(simulate(PAPER, threads=threads, **ARGUMENTS), run)


def test_the_result_does_not_depend_on_progress_and_progress_counts_up(run: HeliosphereRun) -> None:
    calls: list[tuple[int, int]] = []
    assert_same(simulate(PAPER, progress=lambda done, total: calls.append((done, total)), **ARGUMENTS), run)
    assert calls[-1] == (300, 300)
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})


def test_further_energies_leave_the_first_ones_unchanged(run: HeliosphereRun) -> None:
    """Trajectory number energy * particles + particle: it holds for the same ``particles`` only."""
    assert_same(run, simulate(PAPER, **(ARGUMENTS | {"kinetic_energy": 1.0})), slice(0, 1))


def test_more_particles_leave_those_of_the_first_energy_unchanged(run: HeliosphereRun) -> None:
    fewer = simulate(PAPER, **(ARGUMENTS | {"particles": 40, "kinetic_energy": [1.0]}))
    np.testing.assert_array_equal(fewer.exit_kinetic_energy[0], run.exit_kinetic_energy[0, :40])


@pytest.mark.parametrize("seed", [8, 7 + 2**32])
def test_every_bit_of_the_seed_counts(run: HeliosphereRun, seed: int) -> None:
    other = simulate(PAPER, **(ARGUMENTS | {"seed": seed}))
    assert not np.any(other.exit_kinetic_energy == run.exit_kinetic_energy)


def test_only_the_product_of_charge_sign_and_polarity_enters(run: HeliosphereRun) -> None:
    assert_same(simulate(PAPER, **(ARGUMENTS | {"species": "antiproton", "polarity": -1})), run)
    other = simulate(PAPER, **(ARGUMENTS | {"species": "antiproton"}))
    assert not np.any(other.exit_kinetic_energy == run.exit_kinetic_energy)


# What a run says


def test_trajectories_end_beyond_the_boundary_in_the_heliosphere(run: HeliosphereRun) -> None:
    assert not run.truncated.any()
    assert np.all(run.exit_radius >= PAPER.r_hp)
    assert np.all((run.exit_colatitude > 0.0) & (run.exit_colatitude < math.pi))
    assert np.all((run.exit_longitude >= 0.0) & (run.exit_longitude <= 2.0 * math.pi))
    assert np.all((run.propagation_time > 0.0) & (run.steps > 0))
    assert np.all(run.exit_kinetic_energy > 0.0)


def test_a_spectrum_of_constant_phase_space_density_is_not_modulated(run: HeliosphereRun) -> None:
    flux, error = run.modulate(lambda energy: momentum_from_kinetic_energy(np.asarray(energy), "proton") ** 2)
    np.testing.assert_allclose(flux, momentum_from_kinetic_energy(run.kinetic_energy, "proton") ** 2, rtol=1e-13)
    np.testing.assert_allclose(error / flux, 0.0, atol=1e-13)


def test_the_transfer_matrix_has_rows_of_sum_one_and_folds_to_the_flux(run: HeliosphereRun) -> None:
    grid = TransferGrid.relative(run.kinetic_energy, np.linspace(-0.5, 4.0, 20_001))
    matrix = run.transfer_matrix(grid)
    assert matrix.shape == grid.shape
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, rtol=1e-12)
    flux, _ = run.modulate(proton_lis())
    np.testing.assert_allclose(fold(matrix, grid, proton_lis(), run.species), flux, rtol=1e-3)


def test_a_matrix_needs_the_energies_of_the_run(run: HeliosphereRun) -> None:
    for rows in ([1.0, 9.0], [1.0, 10.0, 20.0]):
        with pytest.raises(InputError, match="rows"):
            run.transfer_matrix(TransferGrid.relative(rows, np.linspace(-0.5, 4.0, 10)))


def test_a_standard_error_needs_two_particles() -> None:
    run = simulate(PAPER.replace(r_hp=2.0), **(ARGUMENTS | {"particles": 1}))
    with pytest.raises(InputError, match="2 particles"):
        run.modulate(proton_lis())


def test_truncated_trajectories_are_counted_and_give_no_flux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "STEP_CAP", 200)
    with pytest.warns(TruncationWarning, match="6 of 6 trajectories hit the cap of 200 steps"):
        run = simulate(PAPER, **(ARGUMENTS | {"particles": 3}))
    assert run.truncated.all()
    assert np.all(run.steps == 200)
    assert np.all(run.exit_radius < PAPER.r_hp)
    with pytest.raises(InputError, match="6 of 6 trajectories"):
        run.modulate(proton_lis())
    with pytest.raises(InputError, match="6 of 6 trajectories"):
        run.transfer_matrix(TransferGrid.relative(run.kinetic_energy, [-1.0, 0.0, 1.0]))


def test_a_run_is_frozen(run: HeliosphereRun) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.seed = 1  # type: ignore[misc]
