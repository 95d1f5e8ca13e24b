"""Strang's splitting: the mean over one step of length h against that over two steps of h/2, by quadrature.

Both begin and end with half a smooth flow, so that one is exp(hL) to the order of the scheme. Twice their difference
is the local error of the longer one up to the next order: h^3 where the scheme is of weak order two.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import njit

from propmat.heliosphere.current_sheet import nearest_sheet
from propmat.heliosphere.kernels.constants import RunConstants, Switches, run_constants, switches
from propmat.heliosphere.model import Heliosphere
from propmat.heliosphere.stepper import Place, advance, noise_step, survey
from propmat.species import FloatArray

MODELS = [Heliosphere.preset("paper"), Heliosphere.preset("consistent")]
NODE, WEIGHTS = math.sqrt(3.0), (1.0 / 6.0, 2.0 / 3.0, 1.0 / 6.0)
LOG_RIGIDITY = 0.3
R, THETA, PHI = 0, 1, 2
PRODUCTS = ((R, R), (R, THETA), (R, PHI), (THETA, PHI), (THETA, THETA), (PHI, PHI))
SECOND_ORDER = [0, 2, 3, 4, 5, 6]
"""Of ln r, theta, phi and PRODUCTS: all but theta, theta^2 and phi^2."""


class Point(NamedTuple):
    """[AU, rad, deg], and the drift sign."""

    r: float
    theta: float
    tilt: float
    sign: int


POINTS = [
    Point(1.0, 1.0, 10.0, 1),
    Point(3.0, 0.6, 10.0, -1),
    Point(10.0, 0.3, 20.0, 0),
    Point(30.0, 2.2, 5.0, 1),
    Point(60.0, 1.2, 3.0, -1),
]


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def strang(
    c: RunConstants, s: Switches, start: Any, dt: float, odd: int, n1: float, n2: float, n3: float, n4: float
) -> FloatArray:
    """(r, theta, phi, ln R) after half the smooth flow, the noise, and the other half."""
    r, theta, phi, x = start[0], start[1], start[2], start[3]
    place = survey(c, s, r, theta, phi, x)
    r, theta, phi, x = advance(c, s, r, theta, phi, x, 0.0, place, dt, 0.0, 0.0, 0.0)
    r, theta, phi = noise_step(c, r, theta, phi, place.amplitude, dt, odd, n1, n2, n3, n4)
    place = survey(c, s, r, theta, phi, x)
    return np.array(advance(c, s, r, theta, phi, x, 0.0, place, dt, 0.0, 0.0, 0.0))


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def deviate(choice: int, i: int) -> tuple[float, float]:
    """Node and weight of deviate ``i`` at the quadrature's point ``choice`` (of 81)."""
    k = choice // 3**i % 3
    return NODE * (k - 1), WEIGHTS[k]


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def step_from(c: RunConstants, s: Switches, start: Any, dt: float, odd: int, choice: int) -> tuple[Any, float]:
    """End and weight of the step with the deviates of ``choice``."""
    n1, w1 = deviate(choice, 0)
    n2, w2 = deviate(choice, 1)
    n3, w3 = deviate(choice, 2)
    n4, w4 = deviate(choice, 3)
    return strang(c, s, start, dt, odd, n1, n2, n3, n4), w1 * w2 * w3 * w4


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def add(total: Any, weight: float, end: Any, start: Any) -> None:
    """Add a path's displacements in ln r, theta, phi and their products."""
    phi = end[2] - start[2]
    move = (math.log(end[0] / start[0]), end[1] - start[1], phi - 2.0 * math.pi * math.floor(phi / 2.0 / math.pi + 0.5))
    for i in range(3):
        total[i] += weight * move[i]
    for k in range(len(PRODUCTS)):
        total[3 + k] += weight * move[PRODUCTS[k][0]] * move[PRODUCTS[k][1]]


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def means(c: RunConstants, s: Switches, start: Any, dt: float) -> tuple[FloatArray, FloatArray]:
    """(9,) after one step and after two of half of it, averaged over both orders of the noise."""
    one, two = np.zeros(9), np.zeros(9)
    for odd in range(2):
        for choice in range(81):
            end, weight = step_from(c, s, start, dt, odd, choice)
            add(one, 0.5 * weight, end, start)
            middle, first = step_from(c, s, start, 0.5 * dt, odd, choice)
            for other in range(81):
                end, weight = step_from(c, s, middle, 0.5 * dt, 1 - odd, other)
                add(two, 0.5 * first * weight, end, start)
    return one, two


def local_errors(model: Heliosphere, p: Point, halvings: list[int], loss: bool) -> tuple[FloatArray, FloatArray]:
    """(halving, 9) errors of the means in units of standard deviations of a step, and (halving, 9) the means."""
    c, s = constants(model, p), switches(model)
    c = c if loss else c._replace(loss_radius=1e9)
    start = np.array([p.r, p.theta, 2.0, LOG_RIGIDITY])
    full = survey(c, s, *start).step
    errors, values = [], []
    for halving in halvings:
        one, two = means(c, s, start, full / 2**halving)
        sigma = np.sqrt(two[[3, 7, 8]])  # of ln r, theta and phi
        scale = np.array([*sigma, *(sigma[i] * sigma[j] for i, j in PRODUCTS)])
        errors.append(2.0 * (one - two) / scale)
        values.append(two)
    return np.array(errors), np.array(values)


def constants(model: Heliosphere, p: Point) -> RunConstants:
    return run_constants(model, {"B0": 5.0, "tilt": p.tilt, "K0": 0.3, "a": 0.5, "b": 1.5}, 0.938272, p.sign)


@pytest.mark.parametrize("p", POINTS)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_position_is_of_weak_order_two_away_from_sheet_and_shock(model: Heliosphere, p: Point) -> None:
    """In ln r, phi and the products of ln r and of theta with phi, at one rigidity: the error of a step ~ h^3.

    Errors are in standard deviations, ~ h^1/2 for a displacement and h for a product, hence one unit of order less
    for products than the 3 of the local error, 1/2 for displacements. theta, theta^2 and phi^2 are in the next test.
    """
    errors, _ = local_errors(model, p, [3, 4], loss=False)
    gained = np.array([0.5, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    unscaled = errors * 2.0 ** (-np.array([[3], [4]]) * gained)
    coarse, fine = np.linalg.norm(unscaled[:, SECOND_ORDER], axis=1)
    assert math.log2(coarse / fine) > 2.5
    assert np.abs(errors[0][SECOND_ORDER]).max() < 1e-3


@pytest.mark.parametrize("p", POINTS)
def test_latitude_has_first_order_terms_but_small_ones(p: Point) -> None:
    """The third derivative of ln sigma, the sphere beyond the pole's plane and sin(theta) in the noise in phi.

    A step that is as long as they get errs by less than 2 % of a standard deviation in theta, and 10 % in the
    spreads; the error of a step falls like h^2, the mean's faster than its own first order.
    """
    errors, _ = local_errors(MODELS[0], p, [0, 4, 5], loss=False)
    theta, spread, around = errors[:, 1], errors[:, 7], errors[:, 8]
    assert abs(theta[0]) < 0.02
    assert abs(spread[0]) < 0.1 and abs(around[0]) < 0.1
    assert abs(theta[2]) < 0.5 * abs(theta[1]) + 1e-9  # h^2 / h^(1/2) would be 0.35
    assert abs(around[2]) < 0.6 * abs(around[1]) + 1e-9


@pytest.mark.parametrize("p", POINTS)
def test_a_rigidity_frozen_during_a_step_is_a_small_error(p: Point) -> None:
    """K and drift take the rigidity at a step's start: of first order, a step errs by less than 0.2 % of a sigma."""
    with_loss, _ = local_errors(MODELS[0], p, [0], loss=True)
    without, _ = local_errors(MODELS[0], p, [0], loss=False)
    assert np.abs(with_loss - without).max() < 2e-3


def test_the_points_are_away_from_the_sheet() -> None:
    for model in MODELS:
        for p in POINTS:
            c, s = constants(model, p), switches(model)
            place = Place(*survey(c, s, p.r, p.theta, 2.0, LOG_RIGIDITY))
            away = nearest_sheet(c, s, p.r, place.cos_theta, place.sin_theta, place.phase)[0]
            assert away > 2.5 * place.gyroradius + 2.0 * math.sqrt(place.across * place.step)
