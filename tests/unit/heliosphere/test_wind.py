"""The solar wind against the numbers that papers/000 eq. (5) gives, and its derivatives against differences."""

from __future__ import annotations

import math

import numpy as np
import pytest

from propmat.constants import AU_PER_DAY_IN_M_S
from propmat.heliosphere.kernels.constants import RunConstants, run_constants, wind_at_earth
from propmat.heliosphere.model import Heliosphere
from propmat.heliosphere.wind import wind

KM_S = AU_PER_DAY_IN_M_S / 1e3
PAPER = Heliosphere.preset("paper")


def constants(tilt: float, model: Heliosphere = PAPER) -> RunConstants:
    return run_constants(model, {"B0": 5.0, "tilt": tilt, "K0": 0.3, "a": 0.5, "b": 2.0}, 0.938272, 1)


@pytest.mark.parametrize(("tilt", "speed", "digit"), [(0.0, 438.8, 0.1), (15.0, 430.3, 0.1)])
def test_speed_at_earth(tilt: float, speed: float, digit: float) -> None:
    assert wind(constants(tilt), 1.0, 0.0)[0] * KM_S == pytest.approx(speed, abs=0.5 * digit)
    assert wind_at_earth(PAPER, math.radians(tilt)) == pytest.approx(wind(constants(tilt), 1.0, 0.0)[0], rel=1e-12)


@pytest.mark.parametrize(("tilt", "speed"), [(0.0, 750.0), (60.0, 741.0), (75.0, 590.0)])
def test_speed_at_the_poles(tilt: float, speed: float) -> None:
    assert wind(constants(tilt), 1.0, 0.5 * math.pi)[0] * KM_S == pytest.approx(speed, abs=0.5)


@pytest.mark.parametrize("latitude", [0.0, 0.6, 1.5])
def test_the_shock_divides_the_speed_by_its_ratio(latitude: float) -> None:
    c = constants(20.0)
    before, at, beyond = (wind(c, r, latitude)[0] for r in (70.0, 90.0, 110.0))
    assert beyond == pytest.approx(before / 2.5, rel=1e-9)
    assert at == pytest.approx(0.5 * (before + beyond), rel=1e-9)


def test_without_latitude_dependence_and_shock_the_wind_is_uniform() -> None:
    c = constants(20.0, PAPER.replace(wind_latitude_dependence=False, shock_ratio=1.0))
    for r, latitude in ((0.3, 0.0), (90.0, 0.7), (120.0, 1.5)):
        np.testing.assert_allclose(wind(c, r, latitude), (400.0 / KM_S, 0.0, 0.0), rtol=1e-12, atol=1e-15)


def test_derivatives_are_those_of_the_speed() -> None:
    random = np.random.default_rng(2)
    step = 1e-5
    for _ in range(50):
        c = constants(random.uniform(0.0, 75.0))
        r, latitude = random.uniform(85.0, 95.0), random.uniform(0.01, 1.55)
        _, along, across = wind(c, r, latitude)
        radial = math.log(wind(c, r + step, latitude)[0] / wind(c, r - step, latitude)[0])
        polar = math.log(wind(c, r, latitude + step)[0] / wind(c, r, latitude - step)[0])
        assert along == pytest.approx(radial / (2.0 * step), abs=1e-5)
        assert across == pytest.approx(polar / (2.0 * step), abs=1e-5)
