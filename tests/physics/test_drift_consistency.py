"""What the preset "consistent" promises of its drift: no divergence, a sheet along the field, flux that closes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp
from numba import njit

from propmat.heliosphere.current_sheet import nearest_sheet, sheet_winding
from propmat.heliosphere.drift import gradient_drift, sheet_drift_profile, sheet_gyroradius, slide_along_sheet
from propmat.heliosphere.kernels.constants import RunConstants, Switches, run_constants, switches
from propmat.heliosphere.model import Heliosphere
from propmat.heliosphere.wind import wind
from propmat.species import FloatArray

CONSISTENT = Heliosphere.preset("consistent")
PAPER = Heliosphere.preset("paper")


def constants(model: Heliosphere, tilt: float) -> RunConstants:
    parameters = {"B0": 5.0, "tilt": tilt, "K0": 0.3, "a": 0.5, "b": 2.0}
    return run_constants(model, parameters, 0.938272, 1)


def flow_of(model: Heliosphere) -> Callable[[RunConstants, float, float], tuple[float, float, float]]:
    """The gradient drift at (r, theta) for H = 1, with the local wind."""
    s = switches(model)

    @njit(error_model="numpy")
    def flow(c, r, theta):  # type: ignore[no-untyped-def]
        north = 1.0 if theta <= 0.5 * math.pi else -1.0
        speed, dlnv_dr, dlnv_dlat = wind(c, r, abs(0.5 * math.pi - theta))
        gamma, cotangent = c.rotation * r * math.sin(theta) / speed, 1.0 / math.tan(theta)
        g_r, g_theta = 1.0 - r * dlnv_dr, cotangent + north * dlnv_dlat
        inverse_q = 1.0 / (1.0 + gamma * gamma)
        return gradient_drift(c, s, c.gradient_drift, r, gamma, inverse_q, cotangent, g_r, g_theta)

    return flow  # type: ignore[no-any-return]


def test_the_exact_drift_is_the_curl_derived_symbolically() -> None:
    """V_d = (R/3) curl(B / B^2), B = Bn/r^2 (1, 0, -Gamma), Gamma = Omega r sin(theta) / V(r, theta); div V_d = 0."""
    r, theta, omega, rigidity, normal = sp.symbols("r theta Omega R B_n", positive=True)
    speed = sp.Function("V", positive=True)(r, theta)
    sine = sp.sin(theta)
    gamma = omega * r * sine / speed
    radial, azimuthal = r**2 / normal / (1 + gamma**2), -(r**2) * gamma / normal / (1 + gamma**2)
    curl = [
        sp.diff(sine * azimuthal, theta) / (r * sine),
        -sp.diff(r * azimuthal, r) / r,
        -sp.diff(radial, theta) / r,
    ]
    velocity = [rigidity / 3 * component for component in curl]
    divergence = sp.diff(r**2 * velocity[0], r) / r**2 + sp.diff(sine * velocity[1], theta) / (r * sine)
    assert sp.simplify(divergence) == 0
    cotangent = sp.cos(theta) / sine
    g_r, g_theta = 1 - r * sp.diff(speed, r) / speed, cotangent - sp.diff(speed, theta) / speed
    c = constants(CONSISTENT, 15.0)
    exact, plain = switches(CONSISTENT), switches(PAPER)
    arguments = (c, exact, 2 * rigidity / (3 * normal), r, gamma, 1 / (1 + gamma**2), cotangent, g_r, g_theta)
    coded = gradient_drift.py_func(*arguments)  # type: ignore[attr-defined]
    for want, got in zip(velocity, coded, strict=True):
        assert sp.simplify(want - sp.nsimplify(got)) == 0
    paper = gradient_drift.py_func(c, plain, *arguments[2:])  # type: ignore[attr-defined]
    for want, got in zip(velocity, paper, strict=True):
        uniform = sp.simplify((want - got).subs(speed, sp.Symbol("V_0", positive=True)).doit())
        assert uniform == 0


def divergence(flow: Callable[..., tuple[float, float, float]], c: RunConstants, r: float, theta: float) -> float:
    """Of the flow, in units of its magnitude over r; fourth-order differences."""
    total = 0.0
    for weight, k in ((8.0, 1), (-8.0, -1), (-1.0, 2), (1.0, -2)):
        h_r, h_theta = 1e-3 * min(r, 1.0), 1e-3
        there = r + k * h_r
        total += weight * flow(c, there, theta)[0] * (there / r) ** 2 / (12.0 * h_r)
        there = theta + k * h_theta
        total += weight * flow(c, r, there)[1] * math.sin(there) / (12.0 * h_theta * r * math.sin(theta))
    return total * r / math.sqrt(sum(v * v for v in flow(c, r, theta)))


def test_the_exact_drift_has_no_divergence_where_the_wind_changes_with_latitude_or_at_the_shock() -> None:
    exact, plain = flow_of(CONSISTENT), flow_of(PAPER)
    worst, worst_plain = 0.0, 0.0
    for tilt in (0.0, 15.0, 70.0):
        c = constants(CONSISTENT, tilt)
        for r in (0.5, 1.0, 10.0, 85.0, 88.5, 89.5, 90.0, 90.7, 92.0, 100.0, 120.0):
            for theta in (0.2, 0.7, 1.1, 1.31, 1.5, 2.0, 2.9):
                worst = max(worst, abs(divergence(exact, c, r, theta)))
                worst_plain = max(worst_plain, abs(divergence(plain, c, r, theta)))
    print(f"div V_d r / |V_d|: {worst:.1e} exact, up to {worst_plain:.1f} in eq. (11)")
    assert worst < 1e-5
    assert worst_plain > 1.0


def largest_normal_field(model: Heliosphere) -> float:
    """The largest |b . n| / b_r on the sheet, n from differences of F = tan(latitude) - tan(tilt) sin(phi0)."""
    s = switches(model)
    winding = njit(lambda c, r, latitude: sheet_winding(c, s, r, latitude))
    random = np.random.default_rng(11)
    worst = 0.0
    for _ in range(300):
        c = constants(model, random.uniform(1.0, 75.0))
        r = float(random.choice([random.uniform(0.3, 121.0), random.uniform(86.0, 94.0)]))
        label = random.uniform(-math.pi, math.pi)
        latitude = math.atan(c.tan_tilt * math.sin(label))
        phi = label - winding(c, r, abs(latitude))

        def surface(r: float, latitude: float, phi: float, c: RunConstants = c) -> float:
            return math.tan(latitude) - c.tan_tilt * math.sin(phi + winding(c, r, abs(latitude)))

        h = 1e-5
        radial = (surface(r + h, latitude, phi) - surface(r - h, latitude, phi)) / (2.0 * h)
        polar = (surface(r, latitude + h, phi) - surface(r, latitude - h, phi)) / (2.0 * h * r)
        around = (surface(r, latitude, phi + h) - surface(r, latitude, phi - h)) / (2.0 * h * r * math.cos(latitude))
        gamma = c.rotation * r * math.cos(latitude) / wind(c, r, abs(latitude))[0]
        worst = max(worst, abs(radial - gamma * around) / math.sqrt(radial**2 + polar**2 + around**2))
    return worst


def test_the_sheet_lies_along_the_field() -> None:
    """B.n = 0 at all radii and latitudes; the paper's sheet is crossed by the field, beyond the shock above all."""
    assert largest_normal_field(CONSISTENT) < 1e-6
    assert largest_normal_field(PAPER) > 1.0


@pytest.mark.parametrize("follows", [False, True])
def test_the_direction_at_the_nearest_point_is_normal_cross_field(follows: bool) -> None:
    """n x b, with n by differences at the nearest sheet point and b at the particle, away from the sheet too."""
    model = PAPER.replace(nearest_direction=True, sheet_follows_field=follows)
    s = switches(model)
    winding = njit(lambda c, r, latitude: sheet_winding(c, s, r, latitude))
    slide = njit(lambda c, r, sine, cosine, p, n, path: slide_along_sheet(c, s, r, sine, cosine, p, n, path, 0.0))
    random = np.random.default_rng(12)
    for _ in range(200):
        c = constants(model, random.uniform(1.0, 70.0))
        r, label = random.uniform(0.3, 121.0), random.uniform(-math.pi, math.pi)
        latitude = math.atan(c.tan_tilt * math.sin(label))
        here = latitude + random.uniform(-0.1, 0.1)
        h, cosine = 1e-6, math.cos(latitude)

        def sheet(r: float, phi: float, at: float, c: RunConstants = c) -> float:
            return math.atan(c.tan_tilt * math.sin(phi + winding(c, r, abs(at)))) - at

        phi = label - winding(c, r, abs(latitude))
        normal = np.array(
            [
                -(sheet(r + h, phi, latitude) - sheet(r - h, phi, latitude)) / (2.0 * h),
                (sheet(r, phi, latitude + h) - sheet(r, phi, latitude - h)) / (2.0 * h * r),
                -(sheet(r, phi + h, latitude) - sheet(r, phi - h, latitude)) / (2.0 * h * r * cosine),
            ]
        )
        gamma = c.rotation * r * math.cos(here) / wind(c, r, abs(here))[0]
        want = np.cross(normal, np.array([1.0, 0.0, -gamma]))
        path = 1e-5 * min(r, 1.0)
        dr, dtheta, dphi = slide(c, r, math.cos(here), math.sin(here), label - 0.3, 0.3, path)
        got = np.array([dr, r * dtheta, r * math.cos(here) * dphi]) / path
        assert got == pytest.approx(want / np.linalg.norm(want), abs=2e-3)


def flux_through(s: Switches):  # type: ignore[no-untyped-def]
    """Drift flux through a sphere: gradient, sheet, and half the sum of both magnitudes; midpoint rule."""

    @njit(error_model="numpy")
    def flux(c, r, rigidity, rows, columns):  # type: ignore[no-untyped-def]
        total = np.zeros(4)
        for i in range(rows):
            theta = (i + 0.5) * math.pi / rows
            sine, cosine, latitude = math.sin(theta), math.cos(theta), abs(0.5 * math.pi - theta)
            north = 1.0 if cosine >= 0.0 else -1.0
            speed, dlnv_dr, dlnv_dlat = wind(c, r, latitude)
            gamma = c.rotation * r * sine / speed
            local = c.gyroradius * rigidity * r * r / math.sqrt(1.0 + gamma * gamma)
            cotangent, inverse_q = cosine / sine, 1.0 / (1.0 + gamma * gamma)
            g_r, g_theta = 1.0 - r * dlnv_dr, cotangent + north * dlnv_dlat
            strength = c.gradient_drift * rigidity
            v_r, _, _ = gradient_drift(c, s, strength, r, gamma, inverse_q, cotangent, g_r, g_theta)
            winding = sheet_winding(c, s, r, latitude)
            area = 2.0 * math.pi**2 / (rows * columns) * r * r * sine
            for j in range(columns):
                phase = (j + 0.37) * 2.0 * math.pi / columns + winding
                above = cosine >= c.tan_tilt * math.sin(phase) * sine
                distance, nearest = nearest_sheet(c, s, r, cosine, sine, phase)
                gyroradius = sheet_gyroradius(c, s, rigidity, r, phase, nearest, local)
                along = c.sheet_drift * sheet_drift_profile(distance, gyroradius)
                if along != 0.0:
                    along *= slide_along_sheet(c, s, r, sine, cosine, phase, nearest, 1e-6, 0.0)[0] / 1e-6
                gradient = v_r if above else -v_r
                total += area * np.array([gradient, along, abs(gradient), abs(along)])
        return total

    return flux


RIGIDITIES = (0.5, 2.0, 8.0)


def imbalance(
    flux: Callable[..., FloatArray], c: RunConstants, r: float, rigidity: float, evaluations: float
) -> tuple[float, float]:
    """(net flux over one-way flux, 2 r_g over the spacing of the folds at the latitude of the tilt)."""
    speed = wind(c, r, c.tilt)[0]
    gamma = c.rotation * r * math.cos(c.tilt) / speed
    gyroradius = c.gyroradius * rigidity * r * r / math.sqrt(1.0 + gamma**2)
    spacing = math.pi * speed / c.rotation / math.sqrt(1.0 + gamma**-2)
    rows = int(min(max(24.0 * r / gyroradius, 3000), 60000))
    columns = max(int(evaluations / rows), 40) if c.tilt > 0.0 else 1
    gradient, sheet, gradient_size, sheet_size = flux(c, r, rigidity, rows, columns)
    return (gradient + sheet) / (0.5 * (gradient_size + sheet_size)), 2.0 * gyroradius / spacing


@pytest.mark.parametrize("tilt", [0.0, 15.0, 45.0, 70.0])
def test_the_drift_flux_through_a_sphere_balances(tilt: float) -> None:
    """Gradient and sheet drift close to 0.5 % where 2 r_g is below a quarter of the folds' spacing (marked *).

    0.2 % is the profile: 0.457 - 0.412 x + 0.0915 x^2 integrates to 1.002 of the sheet's current. Beyond, layers of
    neighbouring folds overlap and only the nearest drives the drift.
    """
    flux = flux_through(switches(CONSISTENT))
    c = constants(CONSISTENT, tilt)
    print(f"\ntilt {tilt:g}: net drift flux [%] at {RIGIDITIES} GV")
    for r in (1.0, 5.0, 20.0, 60.0, 91.0, 105.0):
        row = [imbalance(flux, c, r, rigidity, 4e5) for rigidity in RIGIDITIES]
        print(f"  {r:5.0f} AU", *(f"{100.0 * net:8.2f}{'*' if wide < 0.25 else ' '}" for net, wide in row))
        assert all(abs(net) < 0.005 for net, wide in row if wide < 0.25)


def test_the_profile_carries_the_current_of_the_sheet() -> None:
    """Both sides of the layer carry 2/3 beta c r_g."""
    x = (np.arange(200_000) + 0.5) * 1e-5
    profile = np.maximum(0.457 - 0.412 * x + 0.0915 * x * x, 0.0)
    assert 2.0 * profile.sum() * 1e-5 == pytest.approx(2.0 / 3.0, rel=2.5e-3)
    assert sheet_drift_profile(0.5, 1.0) == pytest.approx(0.457 - 0.206 + 0.022875)


@pytest.mark.parametrize("model", [PAPER, CONSISTENT], ids=["paper", "consistent"])
def test_a_slide_of_half_a_gyroradius_stays_in_its_layer(model: Heliosphere) -> None:
    """Finite steps keep the distance to the sheet (the paper's direction less well) and have the length asked for.

    Inside 20 AU: farther out a gyroradius of several GV exceeds the folds and no step of that length can follow them.
    """
    s = switches(model)

    @njit(error_model="numpy")
    def move(c, r, latitude, phi, rigidity):  # type: ignore[no-untyped-def]
        sine, cosine = math.sin(latitude), math.cos(latitude)
        phase = phi + sheet_winding(c, s, r, abs(latitude))
        before, nearest = nearest_sheet(c, s, r, sine, cosine, phase)
        gamma = c.rotation * r * cosine / wind(c, r, abs(latitude))[0]
        gyroradius = c.gyroradius * rigidity * r * r / math.sqrt(1.0 + gamma * gamma)
        path = 0.5 * gyroradius
        dr, dtheta, dphi = slide_along_sheet(c, s, r, cosine, sine, phase, nearest, path, 0.0)
        length = math.sqrt(dr * dr + (r * dtheta) ** 2 + (r * cosine * dphi) ** 2)
        r, latitude = r + dr, latitude - dtheta
        phase = phi + dphi + sheet_winding(c, s, r, abs(latitude))
        after, _ = nearest_sheet(c, s, r, math.sin(latitude), math.cos(latitude), phase)
        return before / gyroradius, after / gyroradius, length / path

    random = np.random.default_rng(3)
    moves = []
    while len(moves) < 1500:
        c = constants(model, float(random.choice([5.0, 15.0, 40.0, 70.0])))
        r, rigidity, phase = random.uniform(0.3, 20.0), math.exp(random.uniform(-1.0, 1.2)), random.uniform(-3.14, 3.14)
        latitude = math.atan(c.tan_tilt * math.sin(phase)) + random.uniform(-0.01, 0.01)
        moved = move(c, r, latitude, random.uniform(0.0, 6.28), rigidity)
        if moved[0] < 1.5:
            moves.append(moved)
    before, after, length = np.array(moves).T
    assert np.quantile(np.abs(after - before), 0.9) < (0.15 if model is PAPER else 0.02)
    assert np.quantile(np.abs(length - 1.0), 0.97) < 0.05
