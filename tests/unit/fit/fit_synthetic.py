"""Synthetic data: drawn at known parameters with the errors of the real data, for closure tests."""

import dataclasses

import numpy as np
import torch
from fit_toy_emulator import ToyEmulator

from propmat.fit import FitConfig
from propmat.fit.likelihood import ErrorModel, LisConstraint
from propmat.fit.posterior import Posterior
from propmat.fit.problem import build_problem
from propmat.measurements import voyager_proton_lis

CONFIG = FitConfig(emulator_error=0.002)
TRUTH = np.array([np.log(0.2), 0.6, 1.6, np.log(0.15), 0.5, 1.8, 0.02, -0.1, -0.05, -0.1, -0.05, 0.1])


def synthetic(generator: np.random.Generator) -> Posterior:
    """The posterior of data drawn at TRUTH: AMS-02 with its nuisances, Voyager, and the prior's own pull."""
    problem = build_problem(CONFIG, ToyEmulator())
    posterior = problem.posterior
    with torch.no_grad():
        flux = posterior.model.flux(*posterior.split(torch.from_numpy(TRUTH))).numpy()
    scale = flux / problem.protons.flux
    data = dataclasses.replace(
        problem.protons,
        flux=flux,
        uncorrelated=problem.protons.uncorrelated * scale,
        correlated=problem.protons.correlated * scale,
    )
    spread = ErrorModel(data, CONFIG.systematics, CONFIG.emulator_error)
    noise = generator.standard_normal(flux.shape) * spread.uncorrelated
    noise += generator.standard_normal(flux.shape[1]) * spread.correlated
    voyager = voyager_proton_lis()
    true_lis = problem.lis.spectrum(TRUTH[6:])(voyager.kinetic_energy)
    measured = dataclasses.replace(voyager, flux=true_lis + generator.standard_normal(true_lis.size) * voyager.total)
    return Posterior(
        CONFIG.rotations,
        posterior.model,
        ErrorModel(dataclasses.replace(data, flux=flux + noise), CONFIG.systematics, CONFIG.emulator_error),
        LisConstraint(problem.lis, measured, CONFIG.lis_width),
        problem.lis.names,
    )
