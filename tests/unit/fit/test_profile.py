"""Synthetic data made from known parameters give them back within their errors."""

import dataclasses

import numpy as np
import pytest
import torch
from fit_synthetic import CONFIG, TRUTH, synthetic
from fit_toy_emulator import ToyEmulator

from propmat.fit.likelihood import ErrorModel
from propmat.fit.lis import LisModel
from propmat.fit.problem import build_problem
from propmat.fit.profile import best_fit, fit_force_field, force_field_flux
from propmat.spectra import proton_lis


def test_closure_with_pulls() -> None:
    generator = np.random.default_rng(11)
    trials, pulls, chi_squares = 6, [], []
    for _ in range(trials):
        posterior = synthetic(generator)
        fit = best_fit(posterior, seed=1)
        slope = posterior.jacobian(torch.from_numpy(fit.cube)).numpy()
        stretch = torch.func.jacrev(posterior.from_unit)(torch.from_numpy(fit.cube)).numpy()
        covariance = stretch @ np.linalg.inv(slope.T @ slope) @ stretch.T
        pulls.append((fit.theta - TRUTH) / np.sqrt(np.diag(covariance)))
        chi_squares.append(fit.chi_square)
    # The mean square of 12 correlated pulls in 6 trials scatters by sqrt(2/6) at most, were all 12 one and the same.
    assert np.mean(np.square(pulls)) < 1.0 + 3.0 * np.sqrt(2.0 / trials)
    assert np.max(np.abs(pulls)) < 4.0
    # 22 AMS + 15 Voyager points; the LIS values add a prior each, 12 parameters are fitted; TRUTH costs the prior < 1.
    dof = 22 + 15 + 6 - 12
    assert abs(np.mean(chi_squares) - dof) < 4.0 * np.sqrt(2.0 * dof / trials)


def test_unit_cube_covers_the_prior_domain_and_only_it() -> None:
    posterior = build_problem(CONFIG, ToyEmulator()).posterior
    cube = np.random.default_rng(2).random((500, posterior.size))
    theta = posterior.theta_of(cube)
    assert posterior.inside(theta).all()
    theta[:, 1] = theta[:, 2] + 0.01
    assert not posterior.inside(theta).any()
    assert np.isneginf(posterior.log_probability(theta)).all()


def test_force_field_data_give_back_the_potentials() -> None:
    lis = LisModel(proton_lis(), 1.0)
    problem = build_problem(CONFIG, ToyEmulator())
    truth = np.array([0.35, 0.6])
    flux = force_field_flux(lis.spectrum(np.zeros(len(lis.names))), problem.protons.edges, truth, "proton")
    data = dataclasses.replace(problem.protons, flux=flux, uncorrelated=0.005 * flux, correlated=0.01 * flux)
    errors = ErrorModel(data, CONFIG.systematics, 0.0)
    fit = fit_force_field(data.edges, 2, lis, errors, problem.posterior.constraint)
    assert np.all(np.abs(fit.potential - truth) < 2.0 * fit.potential_error)
    assert errors.breakdown(fit.flux).total == pytest.approx(0.0, abs=1.0)
