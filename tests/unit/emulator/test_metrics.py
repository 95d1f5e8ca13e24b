from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from toy_heliosphere import GRID, SPACE, exact_matrix, toy_samples

from propmat.emulator import Accuracy, Emulator, FoldedErrors, folded_errors, summarise
from propmat.errors import InputError
from propmat.samples import SampleTable
from propmat.transfer import TransferGrid


class Exact(SimpleNamespace):
    """Stands for an emulator that knows the truth, up to a factor in the flux."""

    grid = GRID
    parameters = SPACE

    def check_channel(self, nucleons_per_charge: float, drift_sign: int) -> None:
        assert nucleons_per_charge == 1.0

    def log_matrix(self, points: torch.Tensor, _ratio: float, drift_sign: int) -> torch.Tensor:
        return torch.from_numpy(np.log(self.factor * exact_matrix(points.numpy(), drift_sign) + 1e-300))


TABLE = toy_samples(points=128, particles=400, seed=11)[1]


def test_error_of_the_exact_matrix_is_the_noise_of_the_truth() -> None:
    """Errors divided by their standard error have mean 0 and mean square 1, within four of their own sigmas."""
    errors = folded_errors(Exact(factor=1.0), TABLE, GRID)  # type: ignore[arg-type]
    pull = errors.relative_error / errors.truth_standard_error
    pull = pull[np.isfinite(pull)]
    assert pull.size >= 2000
    assert abs(np.mean(pull**2) - 1.0) < 4.0 * np.std(pull**2) / np.sqrt(pull.size)
    assert abs(np.mean(pull)) < 4.0 / np.sqrt(pull.size)


def test_samples_with_every_third_row_compare_with_those_rows() -> None:
    by_row = ("counts", "truncated", "propagation_time_mean")
    thin = SampleTable(**(vars(TABLE) | {name: getattr(TABLE, name)[:, ::3] for name in by_row}))
    errors = folded_errors(Exact(factor=1.0), thin, GRID.every(3))  # type: ignore[arg-type]
    whole = folded_errors(Exact(factor=1.0), TABLE, GRID)  # type: ignore[arg-type]
    np.testing.assert_allclose(errors.relative_error, whole.relative_error[:, ::3])
    with pytest.raises(InputError, match="rows"):
        folded_errors(Exact(factor=1.0), TABLE, TransferGrid(GRID.toa * 1.01, GRID.lis_edges))  # type: ignore[arg-type]


def test_a_wrong_flux_is_reported_as_such() -> None:
    right, wrong = (folded_errors(Exact(factor=factor), TABLE, GRID) for factor in (1.0, 1.25))  # type: ignore[arg-type]
    np.testing.assert_allclose(1.0 + wrong.relative_error, 1.25 * (1.0 + right.relative_error))
    np.testing.assert_array_equal(wrong.truth_standard_error, right.truth_standard_error)


def test_summary_has_the_quantiles_of_each_band() -> None:
    energy = np.array([0.05, 0.5, 2.0, 3.0, 20.0, 45.0])
    error = np.linspace(-1.0, 1.0, 201)[:, None] * np.array([9.0, 0.1, 0.2, 0.2, 0.3, 9.0])
    accuracy = summarise(FoldedErrors(energy, error, np.full_like(error, 0.01)), "a test")
    assert [(band.low, band.high, band.number) for band in accuracy.bands] == [
        (0.1, 1.0, 201),
        (1.0, 5.0, 402),
        (5.0, 40.0, 201),
    ]
    for band, scale in zip(accuracy.bands, (0.1, 0.2, 0.3), strict=True):
        np.testing.assert_allclose([band.median, band.percentile_95], [0.5 * scale, 0.95 * scale], atol=0.01 * scale)
        assert band.percentile_95 < band.percentile_99 <= scale
        assert band.truth_standard_error == pytest.approx(0.01)
    assert Accuracy.from_dict(json.loads(json.dumps(accuracy.as_dict()))) == accuracy


def test_rows_without_particles_are_left_out() -> None:
    counts, truncated = TABLE.counts.copy(), TABLE.truncated.copy()
    counts[0, 3], truncated[0, 3] = 0, TABLE.particles[0]
    table = SampleTable(**(vars(TABLE) | {"counts": counts, "truncated": truncated}))
    errors = folded_errors(Exact(factor=1.0), table, GRID)  # type: ignore[arg-type]
    assert np.isnan(errors.relative_error[0, 3])
    assert np.all(np.isfinite(np.delete(errors.relative_error.ravel(), 3)))
    assert sum(band.number for band in summarise(errors).bands) < errors.relative_error.size


def test_samples_must_fit_the_emulator(emulator: Emulator) -> None:
    with pytest.raises(InputError, match="or there are none"):
        folded_errors(emulator, TABLE.select(slice(0, 0)), GRID)
    with pytest.raises(InputError, match=r"A/\|Z\|"):
        folded_errors(emulator, SampleTable(**(vars(TABLE) | {"nucleons_per_charge": np.full(len(TABLE), 2.0)})), GRID)
    with pytest.raises(InputError, match="B0"):
        folded_errors(emulator, SampleTable(**(vars(TABLE) | {"parameters": TABLE.parameters + 50.0})), GRID)
