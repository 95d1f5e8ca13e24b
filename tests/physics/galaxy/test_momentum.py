"""Losses and reacceleration alone, against closed solutions, and the order at which either scheme approaches them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from direct import energy_matrices, energy_solution
from toy_tables import POINT

from propmat.galaxy.momentum import SPEED_OF_LIGHT_CM_S, momentum_diffusion, momentum_loss, spatial_diffusion
from propmat.galaxy.schemes import Coefficients, fourth_order_scheme, galprop_scheme
from propmat.species import FloatArray, get_species, kinetic_energy_from_rigidity, momentum_from_kinetic_energy

Scheme = Callable[..., Coefficients]
PROTON = get_species("proton")
GAS = (0.7, 0.02, 0.02 * np.log(0.02))
ORDERS = [(fourth_order_scheme, 4.0), (galprop_scheme, 1.0)]


def power(energy: FloatArray, exponent: float) -> FloatArray:
    """p^exponent."""
    return np.asarray(momentum_from_kinetic_energy(energy, PROTON) ** exponent)


def order(errors: list[float]) -> float:
    """Slope of ln(error) against ln(step) for steps halved twice."""
    return float(np.polyfit(np.log([4.0, 2.0, 1.0]), np.log(errors), 1)[0])


def losses_alone(scheme: Scheme, count: int) -> float:
    """Largest error of N = (1/b) int_p Q dp for Q = p^-3 between 10 MeV and 10 GeV."""
    energy = np.geomspace(1e-3, 1e6, count)
    found = scheme(PROTON, energy, POINT | {"v_A": 0.0}, np.zeros((count, 5)))
    density = energy_solution(found, GAS, power(energy, -3.0))
    loss = momentum_loss(PROTON, energy) @ np.array([0.0, *GAS, 0.0])
    exact = (power(energy, -2.0) - power(energy[-1:], -2.0)) / 2.0 / loss
    kept = (energy > 0.01) & (energy < 10.0)
    return float(np.abs(density[kept] / exact[kept] - 1.0).max())


@pytest.mark.parametrize(("scheme", "expected"), ORDERS)
def test_losses_alone_have_the_closed_solution_at_the_order_of_the_scheme(scheme: Scheme, expected: float) -> None:
    errors = [losses_alone(scheme, count) for count in (201, 401, 801)]
    assert order(errors) == pytest.approx(expected, abs=0.25)
    assert errors[-1] < (1e-3 if scheme is fourth_order_scheme else 5e-2)


def reacceleration_alone(scheme: Scheme, count: int) -> float:
    """Largest error of the operator on N = p^-2 where D_pp = K p^(2 - delta), far above the mass."""
    energy = np.geomspace(1e4, 1e6, count)
    delta = POINT["delta"]
    matrix = sum(energy_matrices(scheme(PROTON, energy, POINT, np.zeros((count, 5))), (0.0, 0.0, 0.0)))
    strength = momentum_diffusion(PROTON, energy, POINT) / power(energy, 2.0 - delta)
    np.testing.assert_allclose(strength, strength[0], rtol=1e-6)
    exact = -strength * -4.0 * (-1.0 - delta) * power(energy, -2.0 - delta)
    return float(np.abs((matrix @ power(energy, -2.0))[4:-4] / exact[4:-4] - 1.0).max())


@pytest.mark.parametrize(("scheme", "expected"), ORDERS)
def test_reacceleration_of_a_power_law_at_the_order_of_the_scheme(scheme: Scheme, expected: float) -> None:
    """-d/dp[p^2 K p^(2-delta) d/dp p^(a-2)] = -K (a - 2) (a + 1 - delta) p^(a - delta), here a = -2."""
    errors = [reacceleration_alone(scheme, count) for count in (101, 201, 401)]
    assert order(errors) == pytest.approx(expected, abs=0.25)
    assert errors[-1] < (1e-3 if scheme is fourth_order_scheme else 5e-2)


def test_minimum_ionising_protons_lose_what_the_particle_data_group_says() -> None:
    """4.103 (H2) and 1.937 (He) MeV cm^2/g at beta gamma = 3.5; helium counts half (its Z^2 is absent, galaxy.md)."""
    energy = kinetic_energy_from_rigidity(np.array([3.5 * PROTON.mass]), PROTON)
    per_length = momentum_loss(PROTON, energy)[0, 1] / SPEED_OF_LIGHT_CM_S  # dp/dt = dE/dt / beta = c dE/dx
    expected = 1.6735e-24 * 1.0e-3 * (4.103 + 0.11 * 3.971 * 0.5 * 1.937)
    assert per_length == pytest.approx(expected, rel=0.01)


def test_diffusion_is_the_power_law_it_is_said_to_be() -> None:
    """D0 = 6.45e28 cm^2/s at 4 GV times beta^eta, R^delta; D_pp D_xx = 0.2032 p^2 v_A^2 for delta = 1/2 (galaxy.md)."""
    parameters = POINT | {"delta": 0.5, "v_A": 20.0}
    for name in ("proton", "carbon12", "antiproton"):
        species = get_species(name)
        energy = kinetic_energy_from_rigidity(np.array([4.0, 16.0]), species)
        momentum = momentum_from_kinetic_energy(energy, species)
        beta = momentum / np.hypot(momentum, species.mass)
        diffusion = spatial_diffusion(species, energy, parameters) * (3.0856776e21) ** 2
        np.testing.assert_allclose(diffusion, 6.45e28 * beta**0.22 * np.array([1.0, 2.0]), rtol=1e-6)
        product = momentum_diffusion(species, energy, parameters) * diffusion
        np.testing.assert_allclose(product, 0.203175 * (momentum * 20.0e5) ** 2, rtol=1e-5)
