"""The magnetic field, as the constants of a run hold it: B0 is the magnitude at Earth."""

from __future__ import annotations

import math

import pytest

from propmat.heliosphere.kernels.constants import RunConstants, run_constants
from propmat.heliosphere.model import Heliosphere

PAPER = Heliosphere.preset("paper")


def constants(field: float, tilt: float, model: Heliosphere = PAPER) -> RunConstants:
    return run_constants(model, {"B0": field, "tilt": tilt, "K0": 0.3, "a": 0.5, "b": 2.0}, 0.938272, 1)


@pytest.mark.parametrize(("field", "tilt"), [(3.0, 0.0), (5.0, 15.0), (9.0, 75.0)])
def test_the_magnitude_at_earth_is_B0(field: float, tilt: float) -> None:
    c = constants(field, tilt)
    spiral = c.rotation / c.sheet_wind  # Gamma at 1 AU in the equator
    assert c.field_constant * math.sqrt(1.0 + spiral**2) == pytest.approx(field, rel=1e-14)
    assert c.field_ratio == pytest.approx(math.sqrt(1.0 + spiral**2), rel=1e-14)


def test_the_gyroradius_at_earth_is_R_over_cB() -> None:
    """r_g = 0.022297 AU R[GV]/|B|[nT], for the local |B|."""
    c = constants(5.0, 15.0)
    at_earth = c.gyroradius / math.sqrt(1.0 + (c.rotation / c.sheet_wind) ** 2)  # of 1 GV
    assert at_earth == pytest.approx(0.022297 / 5.0, rel=5e-5)


def test_the_spiral_angle_at_earth() -> None:
    """Omega = 2 pi/27.5 d (2.644e-6 rad/s) and 430.3 km/s make tan(psi) = 0.919 at 1 AU."""
    c = constants(5.0, 15.0)
    assert c.rotation / 86_400.0 == pytest.approx(2.644e-6, rel=2e-4)
    assert c.rotation / c.sheet_wind == pytest.approx(2.644e-6 * 1.495978707e8 / 430.3, rel=3e-4)


def test_without_spiral_the_field_is_radial() -> None:
    c = constants(5.0, 15.0, PAPER.replace(spiral=False))
    assert (c.spiral, c.field_constant, c.field_ratio) == (0.0, 5.0, 1.0)
