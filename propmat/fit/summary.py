"""From a best fit and a chain to a :class:`~propmat.fit.results.FitResult`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Final, cast

import numpy as np
import torch

from propmat.fit import results
from propmat.fit.chains import ChainFile
from propmat.fit.likelihood import ErrorModel
from propmat.fit.observations import Fluxes
from propmat.fit.problem import Problem
from propmat.fit.profile import BestFit, ForceFieldFit, force_field_flux
from propmat.fit.results import Band, Comparison, Contrast, Curves, Estimate, FitResult, Quality, RotationResult
from propmat.fit.sampler import integrated_time
from propmat.heliosphere.forcefield import force_field
from propmat.parameters import Parameter
from propmat.species import FloatArray

BAND_DRAWS: Final = 200
"""Posterior points from which the bands of predictions are made."""
QUANTILES: Final = (0.16, 0.5, 0.84)


def summarise(problem: Problem, best: BestFit, baseline: ForceFieldFit, chain: ChainFile) -> FitResult:
    """Parameters, chi^2, predictions with bands, and contrasts between rotations."""
    burn = problem.config.sampler.burn
    samples = chain.chain(discard=burn)
    flat = samples.reshape(-1, samples.shape[-1])
    generator = np.random.default_rng(problem.config.sampler.seed)
    draws = np.concatenate([best.theta[None], flat[generator.integers(len(flat), size=BAND_DRAWS)]])
    protons, antiprotons = _predict(problem, draws)
    estimates = dict(zip(problem.posterior.names, _estimates(best.theta, flat), strict=True))
    propmat = _quality(problem, problem.posterior.errors, protons[0], best.theta[-len(problem.lis.names) :], 3)
    plain = _quality(problem, problem.force_field_errors, baseline.flux, baseline.lis, 1)
    return FitResult(
        schema=results.SCHEMA,
        config=json.loads(json.dumps(asdict(problem.config))),
        rigidity_edges=_numbers(problem.protons.edges),
        rotations=_rotations(problem, best, baseline, estimates, protons, antiprotons),
        lis={name: estimates[name] for name in problem.lis.names},
        propmat=propmat,
        force_field=plain,
        contrasts=(
            *_contrasts(problem, "proton", problem.protons, protons, baseline.flux),
            *_contrasts(problem, "antiproton", problem.antiprotons, antiprotons, _plain_antiprotons(problem, baseline)),
        ),
        sampler=_sampler_summary(problem, chain, samples),
    )


def _predict(problem: Problem, draws: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Protons and antiprotons (draw, rotation, bin); the antiprotons take (K0, a, b) of the protons."""
    with torch.no_grad():
        modulation, lis = problem.posterior.split(torch.from_numpy(draws))
        protons = problem.posterior.model.flux(modulation, lis)
        antiprotons = problem.antiproton_model.flux(modulation, torch.zeros(len(draws), 0, dtype=torch.float64))
    return protons.numpy(), antiprotons.numpy()


def _plain_antiprotons(problem: Problem, baseline: ForceFieldFit) -> FloatArray:
    """(rotation, bin) antiprotons behind the potentials of the protons."""
    return force_field_flux(problem.antiproton_lis.base, problem.antiprotons.edges, baseline.potential, "antiproton")


def _estimates(best: FloatArray, flat: FloatArray) -> list[Estimate]:
    low, median, high = np.quantile(flat, QUANTILES, axis=0)
    return [Estimate(*(float(value) for value in row)) for row in np.stack([best, low, median, high], axis=-1)]


def _exp(estimate: Estimate, allowed: Parameter) -> Estimate:
    """The estimate of K0 from that of ln K0, within its range (a rounding error may leave it)."""
    values = {key: float(np.clip(np.exp(value), allowed.low, allowed.high)) for key, value in asdict(estimate).items()}
    return Estimate(**values)


def _quality(problem: Problem, errors: ErrorModel, flux: FloatArray, lis: FloatArray, per_rotation: int) -> Quality:
    """chi^2 in parts, for ``per_rotation`` free parameters in every rotation."""
    constraint = problem.posterior.constraint
    measured = errors.breakdown(flux)
    voyager, prior = constraint.chi_square(lis)
    return Quality(
        chi2=measured.total + voyager + prior,
        dof=flux.size + constraint.points - per_rotation * flux.shape[0],
        rotations=sum(measured.rotations),
        nuisances=measured.penalty,
        voyager=voyager,
        prior=prior,
        pulls=measured.nuisances,
        lis=dict(zip(problem.lis.names, _numbers(lis), strict=True)),
    )


def _rotations(
    problem: Problem,
    best: BestFit,
    baseline: ForceFieldFit,
    estimates: dict[str, Estimate],
    protons: FloatArray,
    antiprotons: FloatArray,
) -> tuple[RotationResult, ...]:
    fitted = problem.posterior.errors.breakdown(protons[0]).rotations
    plain = problem.force_field_errors.breakdown(baseline.flux).rotations
    plain_antiprotons = _plain_antiprotons(problem, baseline)
    curves = _curves(problem, best, baseline)
    bins = problem.protons.flux.shape[1]
    return tuple(
        RotationResult(
            rotation=rotation,
            B0=float(problem.conditions.B0[i]),
            tilt=float(problem.conditions.tilt[i]),
            polarity=problem.conditions.polarity[i],
            K0=_exp(estimates[f"ln_K0_{rotation}"], problem.posterior.model.emulator.parameters["K0"]),
            a=estimates[f"a_{rotation}"],
            b=estimates[f"b_{rotation}"],
            potential=float(baseline.potential[i]),
            potential_error=float(baseline.potential_error[i]),
            dof=bins - 3,
            dof_force_field=bins - 1,
            proton=Comparison(
                **_measured(problem.protons, i),
                propmat=_band(protons[:, i]),
                force_field=_numbers(baseline.flux[i]),
                chi2=fitted[i],
                chi2_force_field=plain[i],
                free_normalisation=1.0,
                chi2_free_normalisation=fitted[i],
            ),
            antiproton=_antiproton_comparison(problem, i, antiprotons[:, i], plain_antiprotons[i]),
            curves=curves[i],
        )
        for i, rotation in enumerate(problem.config.rotations)
    )


def _antiproton_comparison(problem: Problem, i: int, draws: FloatArray, plain: FloatArray) -> Comparison:
    """Rotation number ``i``: predictions (draw, bin) and (bin,) against the antiprotons and their errors."""
    errors = ErrorModel(problem.antiprotons, "quadrature", emulator_error=0.0).uncorrelated[i]
    measured, predicted = problem.antiprotons.flux[i] / errors, draws[0] / errors
    factor = float(predicted @ measured / (predicted @ predicted))
    return Comparison(
        **_measured(problem.antiprotons, i),
        propmat=_band(draws),
        force_field=_numbers(plain),
        chi2=float(np.sum((measured - predicted) ** 2)),
        chi2_force_field=float(np.sum((measured - plain / errors) ** 2)),
        free_normalisation=factor,
        chi2_free_normalisation=float(np.sum((measured - factor * predicted) ** 2)),
    )


def _curves(problem: Problem, best: BestFit, baseline: ForceFieldFit) -> list[Curves]:
    """Spectra of the best fits of each rotation."""
    posterior = problem.posterior
    energy = posterior.model.emulator.grid.toa
    with torch.no_grad():
        modulation, values = posterior.split(torch.from_numpy(best.theta))
        proton = posterior.model.log_rows(modulation, values).exp().numpy()
        antiproton = problem.antiproton_model.log_rows(modulation, torch.zeros(0, dtype=torch.float64)).exp().numpy()
    plain_lis, anti_lis = problem.lis.spectrum(baseline.lis), problem.antiproton_lis.base
    return [
        Curves(
            kinetic_energy=_numbers(energy),
            proton_lis=_numbers(problem.lis.spectrum(values.numpy())(energy)),
            proton_lis_force_field=_numbers(plain_lis(energy)),
            antiproton_lis=_numbers(anti_lis(energy)),
            proton=_numbers(proton[i]),
            antiproton=_numbers(antiproton[i]),
            proton_force_field=_numbers(force_field(plain_lis, energy, potential, "proton")),
            antiproton_force_field=_numbers(force_field(anti_lis, energy, potential, "antiproton")),
        )
        for i, potential in enumerate(baseline.potential)
    ]


def _contrasts(problem: Problem, species: str, data: Fluxes, draws: FloatArray, plain: FloatArray) -> list[Contrast]:
    """Every later rotation over the first, for predictions (draw, rotation, bin) and (rotation, bin)."""
    relative = data.uncorrelated / data.flux
    rotations = problem.config.rotations
    return [
        Contrast(
            species=species,
            rotation=rotations[i],
            reference=rotations[0],
            data=_numbers(data.flux[i] / data.flux[0]),
            error=_numbers(data.flux[i] / data.flux[0] * np.hypot(relative[i], relative[0])),
            propmat=_band(draws[:, i] / draws[:, 0]),
            force_field=_numbers(plain[i] / plain[0]),
        )
        for i in range(1, len(rotations))
    ]


def _sampler_summary(problem: Problem, chain: ChainFile, samples: FloatArray) -> results.SamplerSummary:
    config = problem.config.sampler
    longest = float(np.max(integrated_time(samples)))
    return results.SamplerSummary(
        steps=chain.iteration,
        burn=config.burn,
        walkers=config.walkers,
        acceptance=float(np.mean(chain.acceptance())),
        autocorrelation=longest,
        effective_samples=samples.shape[0] * samples.shape[1] / longest,
    )


def _measured(data: Fluxes, i: int) -> dict[str, results.Numbers]:
    """The measured part of a comparison, of rotation number ``i``."""
    return {key: _numbers(getattr(data, key)[i]) for key in ("flux", "uncorrelated", "correlated")}


def _band(draws: FloatArray) -> Band:
    """From (draw, bin) whose first row is the best fit."""
    low, high = np.quantile(draws[1:], (QUANTILES[0], QUANTILES[2]), axis=0)
    return Band(_numbers(draws[0]), _numbers(low), _numbers(high))


def _numbers(values: FloatArray) -> results.Numbers:
    return tuple(cast("list[float]", np.asarray(values, dtype=np.float64).tolist()))
