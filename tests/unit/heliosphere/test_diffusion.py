"""Diffusion and the wind's profile on their own: values against the tensor, derivatives against differences."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from propmat.heliosphere.diffusion import polar_diffusion, polar_factor, radial_diffusion, spiral
from propmat.heliosphere.kernels.constants import RunConstants, run_constants
from propmat.heliosphere.model import Heliosphere
from propmat.heliosphere.wind import latitude_profile, smooth_change
from propmat.species import FloatArray

PAPER = Heliosphere.preset("paper")
STEP = 1e-3


def constants(tilt: float = 20.0) -> RunConstants:
    return run_constants(PAPER, {"B0": 5.0, "tilt": tilt, "K0": 0.3, "a": 0.5, "b": 2.0}, 0.938272, 1)


def derivative(f: Callable[[float], float], x: float) -> float:
    """By the five-point rule, relative error ~ STEP^4 of the scale on which f changes."""
    near, far = f(x + STEP) - f(x - STEP), f(x + 2.0 * STEP) - f(x - 2.0 * STEP)
    return (8.0 * near - far) / (12.0 * STEP)


def test_smooth_change_is_a_tanh_with_its_logarithmic_derivative() -> None:
    for before, after in ((1.0, 0.4), (1.075, 1.875), (0.5, 1.5), (1.0, 1.0)):
        for x in (-140.0, -3.0, -0.2, 0.0, 0.7, 5.0, 140.0):
            value, slope, profile = smooth_change(x, before, after)
            expected = before + 0.5 * (after - before) * (1.0 + math.tanh(x))
            assert value == pytest.approx(expected, rel=1e-10)
            assert slope == pytest.approx(0.5 * (after - before) / math.cosh(x) ** 2 / expected, rel=1e-10, abs=1e-15)
            assert profile == pytest.approx(math.tanh(x), abs=1e-10)


@pytest.mark.parametrize("tilt", [0.0, 20.0, 75.0])
def test_the_latitude_profile_is_that_of_eq_5_with_two_derivatives(tilt: float) -> None:
    c = constants(tilt)
    for latitude in np.linspace(0.01, 1.56, 40):
        value, slope, bend = latitude_profile(c, latitude)
        edge = math.radians(tilt + 15.0)
        assert value == pytest.approx(1.475 - 0.4 * math.tanh(6.8 * (edge - latitude)), rel=1e-10)
        assert slope == pytest.approx(derivative(lambda x: math.log(latitude_profile(c, x)[0]), latitude), abs=1e-6)
        assert bend == pytest.approx(derivative(lambda x: latitude_profile(c, x)[1], latitude), abs=1e-5)


def test_the_polar_factor_is_that_of_eq_8_with_two_derivatives() -> None:
    c = constants()
    for latitude in np.linspace(0.01, 1.56, 40):
        value, slope, bend = polar_factor(c, latitude)
        assert value == pytest.approx(2.0 + math.tanh(8.0 * (latitude - math.radians(35.0))), rel=1e-10)
        assert slope == pytest.approx(derivative(lambda x: math.log(polar_factor(c, x)[0]), latitude), abs=1e-6)
        assert bend == pytest.approx(derivative(lambda x: polar_factor(c, x)[1], latitude), abs=1e-5)


def test_the_spiral_has_one_division_but_three_quotients() -> None:
    c = constants()
    for gamma in (0.0, 1e-3, 0.9, 7.0, 300.0):
        root, inverse, wide = spiral(c, gamma)
        expected = (math.hypot(1.0, gamma), 1.0 / (1.0 + gamma**2), 1.0 / (1.0 + 0.02 * gamma**2))
        assert (root, inverse, wide) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("g_r", [1.0, 0.4, -2.0])
def test_radial_diffusion_is_k_rr_with_three_derivatives_of_its_root(g_r: float) -> None:
    """Gamma ~ r^g: D = K_rr / r^2 = A (1 + 0.02 Gamma^2) (1 + Gamma^2)^(-3/2), p = dln(sqrt D)/dln r."""
    c, amplitude = constants(), 0.7

    def at(x: float) -> FloatArray:
        return np.array(radial_diffusion(c, amplitude, *spiral(c, math.exp(g_r * x)), g_r))

    for x in np.linspace(-3.0, 5.0, 33) / g_r:
        squared = math.exp(2.0 * g_r * x)
        value, slope, bend, twist = at(x)
        assert value == pytest.approx(amplitude * (1.0 + 0.02 * squared) / (1.0 + squared) ** 1.5, rel=1e-12)
        assert slope == pytest.approx(derivative(lambda y: 0.5 * math.log(at(y)[0]), x), abs=1e-8)
        assert bend == pytest.approx(derivative(lambda y: at(y)[1], x), abs=1e-8)
        assert twist == pytest.approx(derivative(lambda y: at(y)[2], x), abs=1e-7)


@pytest.mark.parametrize("north", [1.0, -1.0])
@pytest.mark.parametrize("r", [0.3, 2.0, 60.0])
def test_polar_diffusion_is_k_theta_theta_with_two_derivatives_of_its_root(north: float, r: float) -> None:
    """Gamma = g sin(theta) in a uniform wind, or with the wind's profile: the derivatives of Gamma are handed in."""
    c, amplitude = constants(), 0.7

    def at(theta: float) -> FloatArray:
        latitude = abs(0.5 * math.pi - theta)
        speed, wind_slope, wind_bend = latitude_profile(c, latitude)
        gamma = 0.9 * r * math.sin(theta) / speed
        g_theta = 1.0 / math.tan(theta) + north * wind_slope
        dg_theta = -1.0 / math.sin(theta) ** 2 - wind_bend
        root, inverse, _ = spiral(c, gamma)
        return np.array(polar_diffusion(c, amplitude, latitude, root, inverse, north, g_theta, dg_theta))

    for latitude in np.linspace(0.02, 1.5, 30):
        theta = 0.5 * math.pi - north * latitude
        value, slope, bend = at(theta)
        speed = latitude_profile(c, latitude)[0]
        q = 1.0 + (0.9 * r * math.sin(theta) / speed) ** 2
        factor = 2.0 + math.tanh(8.0 * (latitude - math.radians(35.0)))
        assert value == pytest.approx(0.02 * amplitude * factor / math.sqrt(q), rel=1e-10)
        assert slope == pytest.approx(derivative(lambda t: 0.5 * math.log(at(t)[0]), theta), abs=2e-6)
        assert bend == pytest.approx(derivative(lambda t: at(t)[1], theta), abs=2e-5)
