"""Gradient, curvature and sheet drift on their own; tests/physics/test_generator.py has them inside the step.

What the preset "consistent" promises of them is in tests/physics/test_drift_consistency.py.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from numba import njit

from propmat.heliosphere.current_sheet import sheet_winding
from propmat.heliosphere.drift import (
    bent_path,
    gradient_drift,
    sheet_drift_profile,
    sheet_gyroradius,
    slide_along_sheet,
)
from propmat.heliosphere.kernels.constants import RunConstants, Switches, run_constants, switches
from propmat.heliosphere.model import Heliosphere

PAPER = Heliosphere.preset("paper")
MODELS = {
    "paper": PAPER,
    "sheet_follows_field": PAPER.replace(sheet_follows_field=True),
    "nearest_direction": PAPER.replace(nearest_direction=True),
    "consistent": Heliosphere.preset("consistent"),
}


def constants(tilt: float, sign: int = 1, model: Heliosphere = PAPER) -> RunConstants:
    parameters = {"B0": 5.0, "tilt": tilt, "K0": 0.3, "a": 0.5, "b": 2.0}
    return run_constants(model, parameters, 0.938272, sign)


def drift(
    c: RunConstants, strength: float, r: float, theta: float, gamma: float, exact: int = 0
) -> tuple[float, float, float]:
    """In a uniform wind."""
    s = Switches(exact_drift=exact)
    cotangent, inverse_q = math.cos(theta) / math.sin(theta), 1.0 / (1.0 + gamma**2)
    velocity: tuple[float, float, float] = gradient_drift(
        c, s, strength, r, gamma, inverse_q, cotangent, 1.0, cotangent
    )
    return velocity


def test_the_gradient_drift_is_free_of_divergence_in_a_uniform_wind() -> None:
    """Eq. (11) is the curl of B/B^2 where Gamma = r sin(theta) times a constant."""
    c, step = constants(15.0), 1e-5
    for r, theta in ((0.5, 0.3), (1.0, 1.2), (3.0, 2.4)):

        def flow(r: float, theta: float, component: int) -> float:
            return float(drift(c, 1.0, r, theta, 0.9 * r * math.sin(theta))[component])

        radial = ((r + step) ** 2 * flow(r + step, theta, 0) - (r - step) ** 2 * flow(r - step, theta, 0)) / r**2
        polar = math.sin(theta + step) * flow(r, theta + step, 1) - math.sin(theta - step) * flow(r, theta - step, 1)
        total = (radial + polar / (r * math.sin(theta))) / (2.0 * step)
        assert abs(total) < 1e-6 * abs(radial / (2.0 * step))


def test_in_a_uniform_wind_the_exact_drift_is_that_of_the_paper() -> None:
    c = constants(15.0)
    for r, theta, gamma in ((0.5, 0.3, 0.1), (1.0, 1.2, 1.0), (60.0, 2.4, 40.0)):
        assert drift(c, 1.3, r, theta, gamma, exact=1) == pytest.approx(drift(c, 1.3, r, theta, gamma), rel=1e-12)


def test_positive_channels_drift_from_the_poles_to_the_equator_and_inward_at_high_latitudes() -> None:
    """q A > 0, in the north (H = 1)."""
    c = constants(15.0)
    assert c.gradient_drift > 0.0
    v_r, v_theta, _ = drift(c, c.gradient_drift, 2.0, 0.5, 0.8)
    assert v_theta > 0.0
    assert v_r < 0.0


def test_the_drift_speed_of_a_gv_proton_at_earth() -> None:
    """2 beta R r/(3 B_n (1+G^2)^2) (2+G^2) G in SI for R = 1 GV, |B| = 5 nT, at the equator."""
    c = constants(0.0)
    gamma = c.rotation / c.sheet_wind
    au, day = 1.495978707e11, 86_400.0
    field = 5e-9 * au**2 / math.sqrt(1.0 + gamma**2)
    expected = 2.0 * 1e9 * au / (3.0 * field * (1.0 + gamma**2) ** 2) * (2.0 + gamma**2) * gamma * day / au
    _, v_theta, _ = drift(c, c.gradient_drift * 1.0, 1.0, 0.5 * math.pi, gamma)
    assert v_theta == pytest.approx(expected, rel=1e-12)


def test_the_sheet_drift_profile_is_positive_inside_two_gyroradii_and_zero_outside() -> None:
    x = np.linspace(0.0, 3.0, 301)
    profile = np.array([sheet_drift_profile(d * 0.02, 0.02) for d in x])
    assert profile[0] == 0.457
    assert np.all(np.diff(profile) <= 0.0)
    assert np.all(profile >= 0.0)
    assert np.all(profile[x >= 2.0] == 0.0)
    assert sheet_drift_profile(0.02, 0.02) == pytest.approx(0.457 - 0.412 + 0.0915, rel=1e-12)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("tilt", [0.0, 5.0, 30.0, 70.0])
def test_a_slide_from_the_sheet_ends_on_the_sheet_and_is_as_long_as_asked(tilt: float, name: str) -> None:
    """In sign and length, and of second order in the path: F = latitude - arctan(tan(tilt) sin(phi0)) stays zero."""
    model = MODELS[name]
    c, s = constants(tilt, model=model), switches(model)
    winding = njit(lambda r, latitude: sheet_winding(c, s, r, latitude))
    slide = njit(lambda r, sine, cosine, phase, path: slide_along_sheet(c, s, r, sine, cosine, phase, 0.0, path, 0.0))
    random = np.random.default_rng(3)
    for _ in range(50):
        r, phase = float(np.exp(random.uniform(-1.0, 4.5))), random.uniform(0.0, 6.28)
        latitude = math.atan(c.tan_tilt * math.sin(phase))
        path = random.choice([-1.0, 1.0]) * 1e-4 * min(r, 1.0)
        dr, dtheta, dphi = slide(r, math.cos(latitude), math.sin(latitude), phase, path)
        arrived = phase + dphi + winding(r + dr, abs(latitude - dtheta)) - winding(r, abs(latitude))
        moved = math.atan(c.tan_tilt * math.sin(arrived))
        assert latitude - dtheta == pytest.approx(moved, abs=1e-9)
        assert dr == 0.0 or math.copysign(1.0, dr) == math.copysign(1.0, path) or s.sheet_follows_field
        length = math.sqrt(dr**2 + (r * dtheta) ** 2 + (r * math.cos(latitude) * dphi) ** 2)
        assert length == pytest.approx(abs(path), rel=0.02)


def test_the_layer_has_the_gyroradius_of_the_particle_or_of_the_nearest_point() -> None:
    """R / (c |B|) with the local wind; at Earth's orbit in the equator 0.022297 AU nT/GV / 5 nT."""
    c = constants(0.0)
    at_sheet, local = Switches(nearest_direction=1), Switches()
    assert sheet_gyroradius(c, local, 2.0, 1.0, 0.3, 0.0, 0.7) == 0.7
    assert sheet_gyroradius(c, at_sheet, 2.0, 1.0, 0.3, 0.0, 0.7) == pytest.approx(2.0 * 0.022297 / 5.0, rel=1e-4)


@pytest.mark.parametrize("steep", [-30.0, -2.0, -0.3, 0.0, 0.5, 8.0])
@pytest.mark.parametrize("turn", [0.0, 0.4, 3.0, 20.0])
@pytest.mark.parametrize("path", [-1.0, -0.05, 0.01, 0.3])
def test_a_bent_path_has_its_length_over_a_crest_too(steep: float, turn: float, path: float) -> None:
    """x and the rise of a curve of slope f = steep + turn x, whose arc, of sqrt(1 + f^2) dx, is the path within 5 %."""
    x, rise = bent_path(steep, turn, path, 0.0)
    along = np.linspace(0.0, x, 2001)
    slope = steep + turn * along
    assert rise == pytest.approx(np.trapezoid(slope, along), abs=1e-6 * (1.0 + abs(steep)))
    assert np.trapezoid(np.sqrt(1.0 + slope**2), along) == pytest.approx(path, rel=0.05)


def test_where_diffusion_blurs_a_crest_a_slide_keeps_its_direction() -> None:
    """Over starts on both sides of a crest, the mean of x is that of path / sqrt(1 + f^2)."""
    turn, path = 20.0, 1.0
    steep = np.linspace(-40.0, 40.0, 4001)
    straight = float(np.mean(path / np.sqrt(1.0 + steep**2)))
    blurred, followed = (
        float(np.mean([bent_path(float(f), turn, path, blur)[0] for f in steep])) for blur in (1e3, 0.0)
    )
    assert blurred == pytest.approx(straight, rel=1e-3)
    assert followed < 0.95 * straight
