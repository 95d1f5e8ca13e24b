"""Best fits by least squares: the emulator's with exact derivatives, and the force field's beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from scipy.optimize import least_squares
from scipy.stats import qmc

from propmat.fit.likelihood import ErrorModel, LisConstraint
from propmat.fit.lis import LisModel
from propmat.fit.posterior import Posterior
from propmat.heliosphere.forcefield import force_field
from propmat.species import FloatArray, kinetic_energy_from_rigidity
from propmat.spectra import Spectrum, bin_quadrature, flux_per_rigidity

SCANNED_STARTS: Final = 64
"""Points of the unit cube, the same for every rotation, whose chi^2 is looked at."""
REFINED_STARTS: Final = 4
"""Of these, the best ones that are refined."""
POTENTIAL_RANGE: Final = (0.01, 3.0)
"""Force-field potentials looked at [GV]."""


@dataclass(frozen=True, eq=False)
class BestFit:
    """A least-squares minimum of the posterior.

    Attributes:
        cube: (parameter,) the point in the coordinates of :meth:`Posterior.from_unit`.
        theta: (parameter,) the same in sampled coordinates.
        covariance: (parameter, parameter) Gaussian approximation in ``cube`` coordinates; a flat direction of the
            unit cube keeps the width of the prior.
        chi_square: sum of all squared residuals, priors included.
    """

    cube: FloatArray
    theta: FloatArray
    covariance: FloatArray
    chi_square: float


def best_fit(posterior: Posterior, seed: int) -> BestFit:
    """The best of several minima, each from one of the best of :data:`SCANNED_STARTS` Sobol points."""
    flat = 3 * len(posterior.rotations)
    cubes = torch.zeros(SCANNED_STARTS, posterior.size, dtype=torch.float64)
    sobol = qmc.Sobol(3, rng=np.random.default_rng(seed)).random(SCANNED_STARTS)
    cubes[:, :flat] = torch.from_numpy(np.tile(0.02 + 0.96 * sobol, len(posterior.rotations)))
    with torch.no_grad():
        scores = posterior.residuals(posterior.from_unit(cubes)).square().sum(-1)
    starts = cubes[torch.argsort(scores)[:REFINED_STARTS]]
    return min((_refine(posterior, start.numpy()) for start in starts), key=lambda fit: fit.chi_square)


def _refine(posterior: Posterior, start: FloatArray) -> BestFit:
    def residuals(cube: FloatArray) -> FloatArray:
        with torch.no_grad():
            return np.asarray(posterior.residuals(posterior.from_unit(torch.from_numpy(cube))).numpy())

    def jacobian(cube: FloatArray) -> FloatArray:
        return np.asarray(posterior.jacobian(torch.from_numpy(cube)).detach().numpy())

    in_cube = np.arange(start.size) < 3 * len(posterior.rotations)
    bounds = (np.where(in_cube, 0.0, -np.inf), np.where(in_cube, 1.0, np.inf))
    solution = least_squares(residuals, start, jacobian, bounds, x_scale="jac", ftol=1e-10, xtol=1e-10, max_nfev=200)
    slope = jacobian(solution.x)
    width_of_cube = np.where(in_cube, np.sqrt(12.0), 0.0)
    return BestFit(
        cube=solution.x,
        theta=posterior.theta_of(solution.x),
        covariance=np.asarray(np.linalg.inv(slope.T @ slope + np.diag(width_of_cube**2)), dtype=np.float64),
        chi_square=float(2.0 * solution.cost),
    )


@dataclass(frozen=True, eq=False)
class ForceFieldFit:
    """The force-field fit of the same data with the same freedom of the LIS.

    Attributes:
        potential: (rotation,) [GV].
        potential_error: (rotation,) from the curvature [GV].
        lis: (value,) LIS values.
        flux: (rotation, bin) predicted protons [m^-2 s^-1 sr^-1 GV^-1].
    """

    potential: FloatArray
    potential_error: FloatArray
    lis: FloatArray
    flux: FloatArray


def fit_force_field(
    edges: FloatArray, rotations: int, lis: LisModel, errors: ErrorModel, constraint: LisConstraint
) -> ForceFieldFit:
    """One potential per rotation and the LIS values, by least squares; arguments as of the emulator's fit."""

    def residuals(point: FloatArray) -> FloatArray:
        potential, values = point[:rotations], point[rotations:]
        flux = force_field_flux(lis.spectrum(values), edges, potential, "proton")
        measured = errors.residuals(torch.from_numpy(flux))
        return np.asarray(torch.cat([measured, constraint.residuals(torch.from_numpy(values))]).numpy())

    is_potential = np.arange(rotations + len(lis.names)) < rotations
    bounds = (np.where(is_potential, POTENTIAL_RANGE[0], -np.inf), np.where(is_potential, POTENTIAL_RANGE[1], np.inf))
    solution = least_squares(residuals, np.where(is_potential, 0.5, 0.0), bounds=bounds, x_scale="jac")
    covariance = np.linalg.pinv(solution.jac.T @ solution.jac)
    potential, values = solution.x[:rotations], solution.x[rotations:]
    return ForceFieldFit(
        potential=potential,
        potential_error=np.sqrt(np.diag(covariance)[:rotations]),
        lis=values,
        flux=force_field_flux(lis.spectrum(values), edges, potential, "proton"),
    )


def force_field_flux(lis: Spectrum, edges: FloatArray, potential: FloatArray, species: str) -> FloatArray:
    """(rotation, bin) bin averages [m^-2 s^-1 sr^-1 GV^-1] behind potentials (rotation,) [GV]."""
    nodes, weights = bin_quadrature(edges)
    energy = kinetic_energy_from_rigidity(nodes, species)
    flux = force_field(lis, energy, potential[:, None, None], species)
    return np.asarray(np.sum(weights * flux_per_rigidity(flux, energy, species), axis=-1))
