"""Limits in which the answer is known: spherical symmetry, no modulation, reflection, a small inner sphere."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ks_2samp

from propmat.heliosphere import Heliosphere, simulate
from propmat.heliosphere.finite_difference import power_law_diffusion, shocked_wind, solve_spherical
from propmat.species import FloatArray
from propmat.spectra import proton_lis

PAPER = Heliosphere.preset("paper")
SPHERICAL = PAPER.replace(wind_latitude_dependence=False, drift=False, uniform_diffusion=True, spiral=False)
LIS = proton_lis()


def spherical_flux(energy: list[float], k0: float) -> FloatArray:
    """Of the finite differences, for kappa = K0 beta R/GV and the wind of 400 km/s with its shock."""
    solution = solve_spherical(
        LIS,
        "proton",
        wind=shocked_wind(400.0),
        diffusion=power_law_diffusion(k0, 1.0, "proton"),
        r_inner=SPHERICAL.inner_radius,
    )
    return solution.flux(energy)


def simulated_flux(energy: float, k0: float, particles: int, model: Heliosphere = SPHERICAL) -> tuple[float, float]:
    """Flux and its standard error, for the same diffusion."""
    run = simulate(
        model,
        species="proton",
        polarity=1,
        kinetic_energy=energy,
        parameters={"B0": 5.0, "tilt": 0.0, "K0": k0, "a": 1.0, "b": 1.0},
        particles=particles,
        seed=11,
    )
    flux, error = run.modulate(LIS)
    return float(flux[0]), float(error[0])


# Spherical symmetry


@pytest.mark.slow
@pytest.mark.parametrize(
    ("energy", "particles"), [(0.1, 120_000), (0.3, 60_000), (1.0, 40_000), (3.0, 12_000), (10.0, 4_000)]
)
def test_spherical_modulation_is_that_of_the_finite_differences_to_one_percent(energy: float, particles: int) -> None:
    """|difference| + 2 sigma <= 1 % with sigma <= 0.3 %, where the wind keeps out 5 to 75 %."""
    expected = spherical_flux([energy], 1.5)[0]
    flux, error = simulated_flux(energy, 1.5, particles)
    print(f"{energy} GeV: {100.0 * (flux / expected - 1.0):+.2f} +- {100.0 * error / expected:.2f} %")
    assert 0.2 < expected / LIS(energy) < 0.95
    assert error / expected < 0.003
    assert abs(flux - expected) + 2.0 * error < 0.01 * expected


@pytest.mark.parametrize(("energy", "particles"), [(0.3, 1000), (1.0, 500), (10.0, 200)])
def test_spherical_modulation_is_that_of_the_finite_differences(energy: float, particles: int) -> None:
    expected = spherical_flux([energy], 1.5)[0]
    flux, error = simulated_flux(energy, 1.5, particles)
    assert abs(flux - expected) < 3.5 * error
    assert 0.3 < expected / LIS(energy) < 0.95


@pytest.mark.parametrize("change", [{"spiral": True}, {"corotation": False}, {"rotation_period": 100.0}])
def test_spherical_modulation_ignores_rotation_and_spiral(change: dict[str, float | bool]) -> None:
    one, error = simulated_flux(1.0, 1.5, 300)
    other, other_error = simulated_flux(1.0, 1.5, 300, SPHERICAL.replace(**change))
    assert abs(one - other) < 3.5 * math.hypot(error, other_error)


# No modulation


def test_at_high_energy_the_flux_is_the_lis() -> None:
    """Mean energy gains fall as T rises: 1 - J/J_LIS is below 1 % at 300 GeV and below 0.02 % at 10 TeV."""
    parameters = {"B0": 5.0, "tilt": 15.0, "K0": 1.5, "a": 0.5, "b": 2.0}
    run = simulate(
        PAPER, species="proton", polarity=1, kinetic_energy=[300.0, 1e4], parameters=parameters, particles=40, seed=2
    )
    flux, error = run.modulate(LIS)
    ratio, sigma = flux / LIS(run.kinetic_energy), error / LIS(run.kinetic_energy)
    assert 0.99 < ratio[0] < 1.0 + 4.0 * sigma[0]
    assert 0.9998 < ratio[1] < 1.0 + 4.0 * sigma[1]


def test_modulation_vanishes_in_proportion_to_the_wind() -> None:
    """In the spherical limit ln(J/J_LIS) is linear in V/kappa where modulation is weak."""
    suppression = []
    for speed in (4.0, 40.0):
        flux, error = simulated_flux(1.0, 1.5, 300, SPHERICAL.replace(wind_speed=speed))
        suppression.append(1.0 - flux / float(LIS(1.0)))
        assert 0.0 < suppression[-1] < 0.1
        assert error < 0.15 * suppression[-1] * float(LIS(1.0))
    assert suppression[1] / suppression[0] == pytest.approx(10.0, rel=0.5)


# Symmetry and the inner sphere


@pytest.mark.parametrize("polarity", [1, -1])
def test_north_and_south_are_alike(polarity: int) -> None:
    """The sheet's reflection is its half rotation, and the start is uniform in longitude: exits mirror."""
    parameters = {"B0": 5.0, "tilt": 20.0, "K0": 1.0, "a": 0.5, "b": 2.0}
    run = simulate(
        PAPER, species="proton", polarity=polarity, kinetic_energy=1.0, parameters=parameters, particles=400, seed=4
    )
    colatitude = run.exit_colatitude[0]
    assert ks_2samp(colatitude[:200], math.pi - colatitude[200:]).pvalue > 1e-3
    assert abs(np.cos(colatitude).mean()) < 3.5 * np.cos(colatitude).std() / math.sqrt(colatitude.size)


def test_a_smaller_inner_sphere_changes_nothing() -> None:
    parameters = {"B0": 5.0, "tilt": 20.0, "K0": 1.0, "a": 0.5, "b": 2.0}
    fluxes, errors = [], []
    for radius in (0.05, 0.025):
        run = simulate(
            PAPER.replace(inner_radius=radius),
            species="proton",
            polarity=-1,
            kinetic_energy=1.0,
            parameters=parameters,
            particles=400,
            seed=5,
        )
        flux, error = run.modulate(LIS)
        fluxes.append(float(flux[0]))
        errors.append(float(error[0]))
    assert abs(fluxes[0] - fluxes[1]) < 3.5 * math.hypot(*errors)
