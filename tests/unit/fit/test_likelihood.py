"""Integrating the nuisances out equals minimising over them, and the covariance is that of simulated data."""

import numpy as np
import pytest
import torch

from propmat.fit.likelihood import ErrorModel
from propmat.fit.observations import Fluxes

EDGES = np.array([1.0, 2.0, 4.0, 8.0])
FLUX = np.array([[100.0, 40.0, 10.0], [110.0, 42.0, 10.5]])
DATA = Fluxes(EDGES, FLUX, 0.004 * FLUX, 0.02 * FLUX)
PREDICTION = FLUX * np.array([[1.02, 0.99, 1.0], [1.03, 0.985, 1.01]])


def chi_square(errors: ErrorModel, prediction: np.ndarray) -> float:
    return float(errors.residuals(torch.from_numpy(prediction)).square().sum())


def test_best_nuisances_give_the_marginal_chi_square() -> None:
    errors = ErrorModel(DATA, "nuisance", 0.01)
    parts = errors.breakdown(PREDICTION)
    assert parts.total == pytest.approx(chi_square(errors, PREDICTION), rel=1e-10)
    for shift in (0.1, -0.1):
        moved = np.array(parts.nuisances) + shift
        left = (FLUX - PREDICTION - moved * errors.correlated) / errors.uncorrelated
        assert np.sum(left**2) + np.sum(moved**2) > parts.total


def test_a_common_shift_costs_one_nuisance_and_not_one_a_rotation() -> None:
    shifted = FLUX + DATA.correlated
    shared = chi_square(ErrorModel(DATA, "nuisance", 0.0), shifted)
    independent = chi_square(ErrorModel(DATA, "quadrature", 0.0), shifted)
    assert shared == pytest.approx(3.0, rel=0.05)
    assert independent == pytest.approx(6.0, rel=0.05)


def test_opposite_shifts_are_not_forgiven() -> None:
    shifted = FLUX + DATA.correlated * np.array([[1.0], [-1.0]])
    assert chi_square(ErrorModel(DATA, "nuisance", 0.0), shifted) > 100.0


def test_residuals_of_simulated_data_are_unit_normals() -> None:
    generator = np.random.default_rng(3)
    errors = ErrorModel(DATA, "nuisance", 0.0)
    count = 4000
    noise = generator.standard_normal((count, *FLUX.shape)) * DATA.uncorrelated
    noise += generator.standard_normal((count, 1, FLUX.shape[1])) * DATA.correlated
    residuals = errors.residuals(torch.from_numpy(FLUX + noise)).numpy()
    covariance = residuals.T @ residuals / count
    assert np.allclose(covariance, np.eye(FLUX.size), atol=5.0 * np.sqrt(2.0 / count))


def test_emulator_error_adds_in_quadrature() -> None:
    assert np.allclose(ErrorModel(DATA, "nuisance", 0.003).uncorrelated, 0.005 * FLUX)
