"""The distance to the wavy sheet against a brute-force search of its surface, and its lower bound."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
from numba import njit

from propmat.heliosphere.current_sheet import nearest_sheet, sheet_distance_bound, sheet_winding, wound_radius
from propmat.heliosphere.kernels.constants import RunConstants, Switches, run_constants, switches
from propmat.heliosphere.model import Heliosphere
from propmat.heliosphere.wind import wind

PRESETS = ("paper", "consistent")


def constants(preset: str, tilt: float, field: float = 5.0) -> RunConstants:
    parameters = {"B0": field, "tilt": tilt, "K0": 0.3, "a": 0.5, "b": 2.0}
    return run_constants(Heliosphere.preset(preset), parameters, 0.938272, 1)


class Compiled:
    """The functions of one preset."""

    def __init__(self, s: Switches) -> None:
        self.nearest = njit(lambda c, r, sine, cosine, phase: nearest_sheet(c, s, r, sine, cosine, phase))
        self.bound = njit(lambda c, r, sine, cosine, phase: sheet_distance_bound(c, s, r, sine, cosine, phase))
        self.winding = njit(lambda c, r, latitude: sheet_winding(c, s, r, latitude))
        self.brute_force = brute_force(s)


def brute_force(s: Switches):  # type: ignore[no-untyped-def]
    """Least distance to the points of the sheet within about ``reach`` [AU]: every dip of a grid over them, refined.

    A point has phase phi0 + delta and a longitude ``turn`` from the particle's; its radius follows.
    """

    @njit
    def vector(c, r, latitude, phase, delta, turn):  # type: ignore[no-untyped-def]
        sheet = math.atan(c.tan_tilt * math.sin(phase + delta))
        winding = sheet_winding(c, s, r, abs(latitude)) + delta - turn
        radius = max(winding * c.sheet_length, 0.0)
        if s.sheet_follows_field:
            speed = wind(c, 0.0, abs(sheet))[0]
            wound = max(winding * speed / c.rotation, 0.0)
            radius = wound
            for _ in range(12):
                radius -= (wound_radius(c, radius) - wound) * wind(c, radius, abs(sheet))[0] / speed
        half, across = math.sin(0.5 * turn), 0.5 * (sheet - latitude)
        outward = radius - r - 2.0 * radius * (math.sin(across) ** 2 + math.cos(sheet) * math.cos(latitude) * half**2)
        aside = radius * math.cos(sheet) * math.sin(turn)
        north = radius * (math.sin(2.0 * across) + 2.0 * math.cos(sheet) * math.sin(latitude) * half**2)
        return outward, aside, north

    @njit
    def refined(c, r, latitude, phase, delta, turn):  # type: ignore[no-untyped-def]
        """Levenberg-Marquardt descent from a point of the grid."""
        x, y, z = vector(c, r, latitude, phase, delta, turn)
        damping, h = 1e-3, 1e-6
        for _ in range(60):
            x1, y1, z1 = vector(c, r, latitude, phase, delta + h, turn)
            x2, y2, z2 = vector(c, r, latitude, phase, delta, turn + h)
            a, b, d = (x1 - x) / h, (y1 - y) / h, (z1 - z) / h
            e, f, g = (x2 - x) / h, (y2 - y) / h, (z2 - z) / h
            g1, g2 = a * x + b * y + d * z, e * x + f * y + g * z
            h11, h22 = (a * a + b * b + d * d) * (1.0 + damping), (e * e + f * f + g * g) * (1.0 + damping)
            h12 = a * e + b * f + d * g
            det = h11 * h22 - h12 * h12 + 1e-30
            to, turned = delta - (g1 * h22 - g2 * h12) / det, turn - (g2 * h11 - g1 * h12) / det
            x3, y3, z3 = vector(c, r, latitude, phase, to, turned)
            if x3 * x3 + y3 * y3 + z3 * z3 < x * x + y * y + z * z:
                delta, turn, x, y, z, damping = to, turned, x3, y3, z3, max(0.2 * damping, 1e-12)
            else:
                damping *= 6.0
        return math.sqrt(x * x + y * y + z * z)

    @njit
    def search(c, r, latitude, phase, reach):  # type: ignore[no-untyped-def]
        wide = min(1.5 * reach / (r * math.cos(latitude)), math.pi)
        pitch = wind(c, r + reach, 0.0)[0] / c.rotation if s.sheet_follows_field else c.sheet_length
        span = wide + reach / pitch
        if s.sheet_follows_field:
            here = sheet_winding(c, s, r, min(abs(latitude), c.tilt))
            span += max(sheet_winding(c, s, r, 0.0) - here, here - sheet_winding(c, s, r, c.tilt))
        rows, columns = min(max(301, int(40.0 * span)), 3001), 41
        square, at = np.full(rows + 2, np.inf), np.zeros(rows + 2)
        for i in range(rows):
            delta = span * (2.0 * i / (rows - 1) - 1.0)
            for j in range(columns):
                turn = wide * (2.0 * j / (columns - 1) - 1.0)
                x, y, z = vector(c, r, latitude, phase, delta, turn)
                if x * x + y * y + z * z < square[i + 1]:
                    square[i + 1], at[i + 1] = x * x + y * y + z * z, turn
        best = math.sqrt(square.min())
        for i in range(1, rows + 1):
            if square[i] <= square[i - 1] and square[i] <= square[i + 1] and square[i] < 9.0 * square.min() + 1e-3:
                delta = span * (2.0 * (i - 1) / (rows - 1) - 1.0)
                best = min(best, refined(c, r, latitude, phase, delta, at[i]))
        return best

    return search


@pytest.fixture(scope="module", params=PRESETS)
def preset(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def sheet(preset: str) -> Compiled:
    return Compiled(switches(Heliosphere.preset(preset)))


class Near(NamedTuple):
    """Errors of the distance at random points, in gyroradii, with the gyroradius over the spacing of the folds."""

    error: float
    folds: float


def near_points(sheet: Compiled, preset: str, count: int, tilts: tuple[float, float] = (0.0, 75.0)) -> list[Near]:
    random = np.random.default_rng(5)
    points: list[Near] = []
    while len(points) < count:
        c = constants(preset, random.uniform(*tilts), random.uniform(3.0, 9.0))
        r, phase = float(np.exp(random.uniform(math.log(0.3), math.log(120.0)))), random.uniform(-math.pi, math.pi)
        rigidity = float(np.exp(random.uniform(math.log(0.1), math.log(30.0))))
        latitude = math.atan(c.tan_tilt * math.sin(phase))
        speed = wind(c, r, abs(latitude))[0]
        gamma = r * math.cos(latitude) * c.rotation / speed
        gyroradius = c.gyroradius * rigidity * r * r / math.sqrt(1.0 + gamma**2)
        latitude += random.uniform(-3.0, 3.0) * gyroradius / r
        if abs(latitude) > 1.4:
            continue
        exact = sheet.brute_force(c, r, latitude, phase, 2.7 * gyroradius)
        if exact < 2.5 * gyroradius:
            found, _ = sheet.nearest(c, r, math.sin(latitude), math.cos(latitude), phase)
            spacing = math.pi * (speed if preset == "consistent" else c.sheet_wind) / c.rotation
            points.append(Near((found - exact) / gyroradius, gyroradius / spacing))
    return points


def test_near_the_sheet_the_distance_is_the_least_chord(sheet: Compiled, preset: str) -> None:
    """At d < 2.5 r_g: 90 % within 1e-5 (5e-4) r_g; all within 0.02 (0.1) r_g while the folds are 2 r_g apart.

    Where the gyroradius exceeds half their spacing several folds compete and the nearest one need not be found.
    """
    points = near_points(sheet, preset, 400)
    error = np.array([point.error for point in points])
    apart = np.array([point.folds < 0.5 for point in points])
    assert np.quantile(np.abs(error), 0.9) < (1e-5 if preset == "paper" else 5e-4)
    assert np.quantile(np.abs(error), 0.98) < 5e-3
    assert np.abs(error[apart]).max() < (0.02 if preset == "paper" else 0.1)
    assert np.abs(error).max() < 0.2


def test_the_bound_is_never_above_the_distance_and_tight(sheet: Compiled, preset: str) -> None:
    """Anywhere; the mean of bound / distance says what it is worth."""
    random = np.random.default_rng(6)
    ratios = []
    for _ in range(200):
        c = constants(preset, random.choice([0.0, 1.0, 75.0, random.uniform(0.0, 75.0)]))
        r, phase = float(np.exp(random.uniform(math.log(0.1), math.log(121.0)))), random.uniform(-math.pi, math.pi)
        latitude = math.asin(random.uniform(-0.99, 0.99))
        found, _ = sheet.nearest(c, r, math.sin(latitude), math.cos(latitude), phase)
        exact = sheet.brute_force(c, r, latitude, phase, 1.05 * found + 1e-3)
        ratios.append(sheet.bound(c, r, math.sin(latitude), math.cos(latitude), phase) / exact)
    assert max(ratios) < 1.0 + 1e-6
    assert np.mean(ratios) > (0.7 if preset == "paper" else 0.5)


@pytest.mark.parametrize("latitude", [-1.5, -0.2, -0.01, 0.0, 0.05, 0.3])
def test_a_flat_sheet_is_the_equator(sheet: Compiled, preset: str, latitude: float) -> None:
    """d = r |sin(latitude)| at any phase; the bound is the distance itself."""
    c = constants(preset, 0.0)
    for r in (0.3, 1.0, 50.0, 110.0):
        for phase in (0.0, 2.0, -3.0):
            found, _ = sheet.nearest(c, r, math.sin(latitude), math.cos(latitude), phase)
            assert found == pytest.approx(r * abs(math.sin(latitude)), rel=1e-6, abs=1e-9)
            bound = sheet.bound(c, r, math.sin(latitude), math.cos(latitude), phase)
            assert bound == pytest.approx(r * abs(math.sin(latitude)), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("tilt", [5.0, 40.0, 75.0])
def test_a_point_of_the_sheet_is_at_distance_zero_from_itself(sheet: Compiled, preset: str, tilt: float) -> None:
    c = constants(preset, tilt)
    for r in (0.3, 5.0, 89.0, 110.0):
        for phase in np.linspace(-3.0, 3.0, 13):
            latitude = math.atan(c.tan_tilt * math.sin(phase))
            found, displacement = sheet.nearest(c, r, math.sin(latitude), math.cos(latitude), phase)
            assert found < 3e-7 * r
            assert math.remainder(displacement, 2.0 * math.pi) == pytest.approx(0.0, abs=3e-6)
            assert sheet.bound(c, r, math.sin(latitude), math.cos(latitude), phase) < 1e-9 * r


def test_the_sheet_is_symmetric_under_reflection_and_half_a_rotation(sheet: Compiled, preset: str) -> None:
    c = constants(preset, 30.0)
    random = np.random.default_rng(7)
    for _ in range(50):
        r, latitude, phase = random.uniform(0.3, 120.0), random.uniform(-1.4, 1.4), random.uniform(-3.1, 3.1)
        here, _ = sheet.nearest(c, r, math.sin(latitude), math.cos(latitude), phase)
        there, _ = sheet.nearest(c, r, -math.sin(latitude), math.cos(latitude), phase + math.pi)
        assert there == pytest.approx(here, rel=1e-6, abs=1e-6 * r)


def test_the_winding_is_the_integral_of_the_rotation_over_the_wind() -> None:
    """Phi = Omega int dr/V(r, theta), any shock; as heliosphere.md has it for s = 2.5."""
    for ratio, width in ((2.5, 1.2), (4.0, 0.5), (1.5, 3.0), (1.0, 1.2), (2.5, 0.01)):
        model = Heliosphere.preset("consistent").replace(shock_ratio=ratio, shock_width=width)
        c = run_constants(model, {"B0": 5.0, "tilt": 20.0, "K0": 0.3, "a": 0.5, "b": 2.0}, 0.938272, 1)
        winding = Compiled(switches(model)).winding
        for latitude in (0.0, 0.6, 1.4):
            nodes, weights = np.polynomial.legendre.leggauss(40)
            total, edge = 0.0, 0.0
            for r in [*np.linspace(10.0, 80.0, 3), *(90.0 + width * np.linspace(-6.0, 6.0, 13)), 121.0]:
                radii = edge + 0.5 * (r - edge) * (nodes + 1.0)
                slowness = np.array([1.0 / wind(c, radius, latitude)[0] for radius in radii])
                total, edge = total + c.rotation * 0.5 * (r - edge) * float(weights @ slowness), float(r)
                assert winding(c, r, latitude) == pytest.approx(total, rel=1e-9, abs=1e-8)
        if ratio == 2.5 and width == 1.2:
            shock = math.log((1.0 + 0.4 * math.exp(62.0 / 1.2)) / (1.0 + 0.4 * math.exp(-180.0 / 1.2)))
            expected = c.rotation / wind(c, 1.0, 0.3)[0] * (121.0 + 0.75 * 1.2 * shock)
            assert winding(c, 121.0, 0.3) == pytest.approx(expected, rel=1e-10)
