"""Compiled elementary functions against numpy: the bounds their docstrings state."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numba import njit

from propmat.heliosphere.kernels import primitives

RANDOM = np.random.default_rng(1)


def test_exp_has_a_relative_error_below_1e_11() -> None:
    x = np.concatenate([RANDOM.uniform(-700.0, 700.0, 20_000), RANDOM.uniform(-2.0, 2.0, 20_000), [0.0, -700.0, 700.0]])
    value = np.array([primitives.exp(v) for v in x])
    np.testing.assert_allclose(value, np.exp(x), rtol=1e-11)


@pytest.mark.parametrize(("x", "clamped"), [(1e4, 700.0), (-1e4, -700.0), (np.inf, 700.0)])
def test_exp_is_clamped_where_it_would_overflow(x: float, clamped: float) -> None:
    assert primitives.exp(x) == pytest.approx(np.exp(clamped), rel=1e-11)


def test_exp_of_a_small_displacement_is_exact_to_rounding() -> None:
    """A step multiplies r by exp of what it moved: no error may add up over many short steps."""
    x = RANDOM.uniform(-0.01, 0.01, 5000)
    value = np.array([primitives.exp(v) for v in x])
    np.testing.assert_allclose(value, np.exp(x), rtol=3e-16)
    assert primitives.exp(0.0) == 1.0


def test_log_has_an_absolute_error_below_1e_11() -> None:
    x = np.concatenate(
        [np.exp(RANDOM.uniform(-700.0, 700.0, 20_000)), RANDOM.uniform(0.5, 2.0, 20_000), [1.0, 2.0**-33]]
    )
    value = np.array([primitives.log(v) for v in x])
    np.testing.assert_allclose(value, np.log(x), rtol=1e-13, atol=1e-11)


def test_sin_cos_has_an_absolute_error_below_1e_10() -> None:
    x = np.concatenate(
        [RANDOM.uniform(-1e5, 1e5, 20_000), RANDOM.uniform(-7.0, 7.0, 20_000), np.pi / 4 * np.arange(-9, 10)]
    )
    value = np.array([primitives.sin_cos(v) for v in x])
    np.testing.assert_allclose(value[:, 0], np.sin(x), rtol=0, atol=1e-10)
    np.testing.assert_allclose(value[:, 1], np.cos(x), rtol=0, atol=1e-10)


def test_tanh_has_an_absolute_error_below_1e_11() -> None:
    x = np.concatenate([RANDOM.uniform(-30.0, 30.0, 20_000), RANDOM.uniform(-1.0, 1.0, 20_000), [0.0, 1e4, -1e4]])
    value = np.array([primitives.tanh(v) for v in x])
    np.testing.assert_allclose(value, np.tanh(x), rtol=0, atol=1e-11)


def test_turned_is_off_by_less_than_the_sixth_power_of_the_angle_over_720() -> None:
    """The first terms left out, angle^7/5040 of the sine and angle^6/720 of the versine, and the rounding of 1."""
    start = RANDOM.uniform(-4.0, 4.0, 5000)
    angle = RANDOM.choice([-1.0, 1.0], 5000) * np.exp(RANDOM.uniform(-16.0, math.log(0.8), 5000))
    value = np.array([primitives.turned(math.sin(x), math.cos(x), a) for x, a in zip(start, angle, strict=True)])
    allowed = angle**6 / 720.0 + np.abs(angle) ** 7 / 5040.0 + 4e-16
    assert np.all(np.abs(value[:, 0] - np.sin(start + angle)) < allowed)
    assert np.all(np.abs(value[:, 1] - np.cos(start + angle)) < allowed)


def test_fma_rounds_once() -> None:
    @njit
    def call(a: float, b: float, c: float) -> float:
        return primitives.fma(a, b, c)

    small = 2.0**-30
    assert call(1.0 + small, 1.0 - small, -1.0) == -(small**2)  # two roundings give 0
