"""The compiled step against the generator of the Parker equation, derived here symbolically from the tensor.

The backward process must have the generator L f = div(K grad f) - (V + V_d) . grad f + Omega df/dphi
+ (1/3) div V df/dlnR. L acting on a coordinate is that coordinate's drift; L(xy) - x L(y) - y L(x) is the covariance
of two. Moments of one short step of the compiled code come from a quadrature over its four normal deviates that is
exact to the first order in the step, in a run of equal steps: half the last one is pending. Everything but ``step``
and ``nearest_sheet`` (tested on its own) is written here again, in SI units, from docs/heliosphere.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
import sympy as sp
from numba import njit

from propmat.heliosphere.current_sheet import nearest_sheet, sheet_winding
from propmat.heliosphere.kernels.constants import RunConstants, Switches, run_constants, switches
from propmat.heliosphere.kernels.primitives import sin_cos
from propmat.heliosphere.model import Heliosphere
from propmat.heliosphere.stepper import step
from propmat.species import FloatArray

AU = 1.495978707e11
LIGHT = 299_792_458.0
DAY = 86_400.0
OMEGA = 2.0 * math.pi / (27.5 * DAY)
MASS = 0.938272
PAPER = Heliosphere.preset("paper")
CURL = PAPER.replace(exact_drift=True)
CONSISTENT = Heliosphere.preset("consistent")
VARIANTS = {
    "mirrored spiral": PAPER.replace(mirrored_spiral=True),
    "theta scale": PAPER.replace(theta_scale=0.5),
    "frozen wind": PAPER.replace(frozen_wind=True),
    "no loss inside 1 AU": PAPER.replace(loss_inside_1au=False),
    "all": PAPER.replace(
        mirrored_spiral=True, theta_scale=0.5, frozen_wind=True, loss_inside_1au=False, exact_drift=True
    ),
}


class Point(NamedTuple):
    """A particle [AU, rad, GV] in a heliosphere [nT, deg, 1e23 cm^2/s]."""

    r: float
    theta: float
    phi: float
    rigidity: float
    B0: float
    tilt: float
    K0: float
    a: float
    b: float
    sign: int

    def constants(self, model: Heliosphere = PAPER) -> RunConstants:
        parameters = {name: getattr(self, name) for name in ("B0", "tilt", "K0", "a", "b")}
        return run_constants(model, parameters, MASS, self.sign)

    def phase(self) -> float:
        """Of the current sheet, phi + Omega r / V_eq."""
        return self.phi + OMEGA * self.r * AU / wind_si(1.0, 0.5 * math.pi, self.tilt)

    def wound_phase(self) -> float:
        """phi + Omega times the integral of dr/V at the particle's latitude, of the sheet that follows the field."""
        slowed = (
            0.75
            * 1.2
            * math.log((1.0 + 0.4 * math.exp(2.0 * (self.r - 90.0) / 1.2)) / (1.0 + 0.4 * math.exp(-2.0 * 90.0 / 1.2)))
        )
        return self.phi + OMEGA * AU * (self.r + slowed) / wind_si(0.0, self.theta, self.tilt)

    def north(self, model: Heliosphere = PAPER) -> bool:
        phase = self.wound_phase() if model.sheet_follows_field else self.phase()
        return math.atan(math.tan(math.radians(self.tilt)) * math.sin(phase)) <= 0.5 * math.pi - self.theta


Generator = Callable[[Point, Heliosphere], tuple[FloatArray, FloatArray]]
"""Drift (4,) and covariance (4, 4) of (r, theta, phi, ln R) at a point."""


def wind_si(r: float, theta: float, tilt: float) -> float:
    """V [m/s], papers/000 eq. (5)."""
    side = 1.0 if theta <= 0.5 * math.pi else -1.0
    edge = math.radians(tilt + 15.0)
    across = 1.475 - side * 0.4 * math.tanh(6.8 * (theta - 0.5 * math.pi + side * edge))
    along = 3.5 / 5.0 - 1.5 / 5.0 * math.tanh((r - 90.0) / 1.2)
    return 400e3 * across * along


def random_points(count: int, seed: int) -> list[Point]:
    """Points anywhere in the heliosphere and in Table II."""
    random = np.random.default_rng(seed)
    points = []
    for k in range(count):
        anywhere = float(np.exp(random.uniform(math.log(0.3), math.log(120.0))))
        a = random.uniform(0.0, 1.0)
        points.append(
            Point(
                r=90.0 + random.uniform(-3.0, 3.0) if k % 5 == 0 else anywhere,
                theta=math.acos(random.uniform(-0.98, 0.98)),
                phi=random.uniform(0.5, 6.0),
                rigidity=float(np.exp(random.uniform(np.log(0.3), np.log(40.0)))),
                B0=random.uniform(3.0, 9.0),
                tilt=random.uniform(3.0, 75.0),
                K0=random.uniform(0.03, 1.5),
                a=a,
                b=random.uniform(a, 3.0),
                sign=1 if k % 2 else -1,
            )
        )
    return points


@cache
def symbolic_generator(frozen_wind: bool, exact_drift: bool) -> Callable[..., Any]:
    """Drift (4) and covariance (4 x 4) of (r, theta, phi, ln R) in AU and day, as a function of numbers.

    ``frozen_wind``: K is differentiated at a given V. ``exact_drift``: (beta R / 3) curl(B/B^2), else eq. (11).
    """
    r, theta, phi, log_rigidity = sp.symbols("r theta phi x", real=True)
    wind0, edge, k_par, side, drift, omega, spin = sp.symbols("wind0 edge k_par side drift omega spin", real=True)
    mirror, share, loss, frozen = sp.symbols("mirror share loss frozen", real=True)
    latitude = side * (sp.pi / 2 - theta)
    speed = wind0 * (1.475 - 0.4 * sp.tanh(6.8 * (edge - latitude))) * (0.7 - 0.3 * sp.tanh((r - 90) / 1.2))
    gamma = spin * r * sp.sin(theta) / (frozen if frozen_wind else speed)
    parallel = k_par * r**2 / sp.sqrt(1 + gamma**2)
    perpendicular = parallel / 50
    polar = perpendicular * share * (2 + sp.tanh(8 * (latitude - 35 * sp.pi / 180)))
    cos_psi, sin_psi = 1 / sp.sqrt(1 + gamma**2), gamma / sp.sqrt(1 + gamma**2)
    direction = sp.Matrix([cos_psi, 0, -mirror * sin_psi])
    tensor = sp.diag(perpendicular, polar, perpendicular) + (parallel - perpendicular) * direction * direction.T
    gamma = spin * r * sp.sin(theta) / speed
    if exact_drift:
        radial, around = r**2 / (1 + gamma**2), -gamma * r**2 / (1 + gamma**2)  # B/B^2 times B_n
        drift_speed = sp.Matrix(
            [
                sp.diff(sp.sin(theta) * around, theta) / (r * sp.sin(theta)),
                -sp.diff(r * around, r) / r,
                -sp.diff(radial, theta) / r,
            ]
        )
        drift_speed *= drift / 2
    else:
        drift_speed = sp.Matrix([-gamma / sp.tan(theta), (2 + gamma**2) * gamma, gamma**2 / sp.tan(theta)])
        drift_speed *= drift * r / (1 + gamma**2) ** 2
    scale = sp.Matrix([1, r, r * sp.sin(theta)])
    position = sp.Matrix([r, theta, phi])
    volume = r**2 * sp.sin(theta)

    def divergence(vector: sp.Matrix) -> sp.Expr:
        return sum(sp.diff(volume * vector[i] / scale[i], position[i]) for i in range(3)) / volume

    def generator(f: sp.Expr) -> sp.Expr:
        gradient = sp.Matrix([sp.diff(f, position[i]) / scale[i] for i in range(3)])
        flow = sp.Matrix([speed, 0, 0]) + drift_speed
        gain = loss * divergence(sp.Matrix([speed, 0, 0])) / 3 * sp.diff(f, log_rigidity)
        spread = divergence(tensor * gradient).subs(frozen, speed)
        return spread - flow.dot(gradient) + omega * sp.diff(f, phi) + gain

    unknown = [r, theta, phi, log_rigidity]
    drifts = [generator(x) for x in unknown]
    covariance = [
        [generator(x * y) - x * drifts[j] - y * drifts[i] for j, y in enumerate(unknown)] for i, x in enumerate(unknown)
    ]
    arguments = [r, theta, phi, log_rigidity, wind0, edge, k_par, side, drift, omega, spin, mirror, share, loss]
    compiled: Callable[..., Any] = sp.lambdify(arguments, [drifts, covariance], "math", cse=True)
    return compiled


@pytest.fixture(scope="module")
def generator() -> Generator:
    def at(p: Point, model: Heliosphere = PAPER) -> tuple[FloatArray, FloatArray]:
        spin = OMEGA * DAY if model.spiral else 0.0
        gamma_earth = spin / DAY * AU / wind_si(1.0, 0.5 * math.pi, p.tilt)
        field = p.B0 * 1e-9 * AU**2 / math.sqrt(1.0 + gamma_earth**2)  # T m^2
        beta = p.rigidity / math.hypot(p.rigidity, MASS)
        broken = ((p.rigidity**3 + 27.0) / 28.0) ** ((p.b - p.a) / 3.0)
        kappa = p.K0 * 1e23 * 1e-4 * beta * p.rigidity**p.a * broken  # m^2/s at |B| = B0
        parallel = kappa * (p.B0 * 1e-9 * AU**2 / field) * DAY / AU**2  # K_par = this r^2/sqrt(1 + Gamma^2)
        half = 1.0 if p.north(model) else -1.0
        drift = p.sign * half * 2.0 * beta * p.rigidity * 1e9 / (3.0 * field) * DAY  # times r: AU/day
        side = 1.0 if p.theta <= 0.5 * math.pi else -1.0
        wind, edge = 400e3 * DAY / AU, math.radians(p.tilt + 15.0)
        position = (p.r, p.theta, p.phi, math.log(p.rigidity))
        mirror, loss = -1.0 if model.mirrored_spiral else 1.0, 1.0 if model.loss_inside_1au or p.r >= 1.0 else 0.0
        options = (OMEGA * DAY, spin, mirror, model.theta_scale, loss)
        function = symbolic_generator(model.frozen_wind, model.exact_drift)
        drifts, covariance = function(*position, wind, edge, parallel, side, drift, *options)
        return np.array(drifts, dtype=float), np.array(covariance, dtype=float)

    return at


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def step_moments(
    c: RunConstants, s: Switches, start: FloatArray, pending: float, odd: int, node: float
) -> tuple[FloatArray, FloatArray, float]:
    """Mean (4,) and mean square (4, 4) of the displacement in (r, theta, phi, ln R), and the step [day].

    By Gauss-Hermite quadrature in each normal deviate, with the three points -``node``, 0 and ``node``.
    """
    mean, square, dt = np.zeros(4), np.zeros((4, 4)), 0.0
    deviates = np.empty(4)
    for choice in range(81):
        weight, rest = 1.0, choice
        for i in range(4):
            deviates[i] = node * (rest % 3 - 1)
            weight *= 2.0 / 3.0 if rest % 3 == 1 else 1.0 / 6.0
            rest //= 3
        n1, n2, n3, n4 = deviates
        r, theta, phi, log_rigidity, dt = step(
            c, s, start[0], start[1], start[2], start[3], pending, odd, n1, n2, n3, n4
        )
        move = np.array([r, theta, phi, log_rigidity]) - start
        move[2] -= 2.0 * math.pi * math.floor(move[2] / (2.0 * math.pi) + 0.5)
        mean += weight * move
        square += weight * np.outer(move, move)
    return mean, square, dt


def short_step(c: RunConstants, s: Switches, start: FloatArray, dt: float) -> tuple[RunConstants, float]:
    """Constants with a step control that makes steps of about ``dt``, and the step [day] that it does make."""
    r, theta, phi, log_rigidity = (float(x) for x in start)
    made = 0.0
    for k in range(9):
        made = step(c, s, r, theta, phi, log_rigidity, 0.0, 0, 0.0, 0.0, 0.0, 0.0)[4]
        c = c._replace(step_size=c.step_size * math.sqrt(dt / made)) if k < 8 else c
    return c, made


def compare(
    p: Point,
    drift: FloatArray,
    covariance: FloatArray,
    *,
    sheet: float | FloatArray = 0.0,
    model: Heliosphere = PAPER,
    skip: tuple[int, ...] = (),
) -> None:
    """The step's moments at a point, to 1e-5 of the terms that they are sums of, and rounding.

    ``sheet`` is the forward sheet drift, which comes on top of ``drift``; components in ``skip`` of the sum go unseen.
    """
    scale = np.array([min(p.r, 1.0), math.sin(p.theta), 1.0, 1.0])  # the sheet's phase changes over an AU
    rate = (np.abs(drift) + np.abs(sheet)) / scale + np.diag(covariance) / scale**2
    drift = drift - sheet
    s, start = switches(model), np.array([p.r, p.theta, p.phi, math.log(p.rigidity)])
    c, dt = short_step(p.constants(model), s, start, 1e-6 / float(rate.max()))
    assert 1e-7 < dt * float(rate.max()) < 2e-6
    rounding = 1e-15 * np.array([p.r, 100.0, math.pi, 4.0])  # theta follows a phase of up to 100 rad
    allowed = 1e-5 * rate * scale + rounding / dt
    allowed[1] += 1e-5 * float(np.max(np.abs(sheet)))  # a slide takes theta from the sheet at both of its ends
    sigma = np.sqrt(np.diag(covariance))
    for odd in (0, 1):
        mean, square, made = step_moments(c, s, start, 0.5 * dt, odd, math.sqrt(3.0))
        assert made == dt
        spread = (square - np.outer(mean, mean)) / dt
        mean = mean / dt
        wrong = np.abs(mean - drift) > allowed
        wrong[list(skip)] = False
        assert not wrong.any(), f"drift {mean} of the step, {drift} of the generator at {p}, odd = {odd}"
        error = np.abs(spread - covariance)
        np.testing.assert_array_less(error, 1e-5 * np.outer(sigma, sigma) + 1e-9, err_msg=f"{p}, odd = {odd}")


def gyroradius(p: Point) -> float:
    """r_g [AU] in the local field."""
    gamma_earth = OMEGA * AU / wind_si(1.0, 0.5 * math.pi, p.tilt)
    gamma = OMEGA * p.r * AU * math.sin(p.theta) / wind_si(p.r, p.theta, p.tilt)
    field = p.B0 * 1e-9 / p.r**2 * math.sqrt((1.0 + gamma**2) / (1.0 + gamma_earth**2))
    return p.rigidity * 1e9 / (LIGHT * field) / AU


def distance(p: Point, model: Heliosphere = PAPER) -> float:
    """As the step sees it, to the last bit: the chord to a sheet nearby is a difference of large numbers."""
    c, s = p.constants(model), switches(model)
    sine, cosine = sin_cos(p.theta)
    phase = p.phi + sheet_winding(c, s, p.r, abs(0.5 * math.pi - p.theta))
    return float(nearest_sheet(c, s, p.r, cosine, sine, phase)[0])


def sheet_drift(p: Point, profile: float) -> FloatArray:
    """(dr/dt [AU/day], dtheta/dt, dphi/dt [rad/day], 0) of the sheet drift of a particle on the sheet, forward in time.

    profile * beta c along the unit vector of (r sin(theta_cs) Omega,
    -tan(tilt) sin(theta_cs) cos(phi0) (V^2 + r^2 sin^2(theta_cs) Omega^2) / V, V), papers/000 eqs. (12)-(13).
    """
    phase = p.phase()
    tangent = math.tan(math.radians(p.tilt))
    sine = math.sin(0.5 * math.pi - math.atan(tangent * math.sin(phase)))
    wind = wind_si(1.0, 0.5 * math.pi, p.tilt)
    turn = p.r * AU * sine * OMEGA
    vector = np.array([turn, -tangent * sine * math.cos(phase) * (wind**2 + turn**2) / wind, wind])
    speed = p.sign * p.rigidity / math.hypot(p.rigidity, MASS) * LIGHT * DAY / AU * profile
    drift = speed * vector / np.linalg.norm(vector)
    return np.array([drift[0], drift[1] / p.r, drift[2] / (p.r * math.sin(p.theta)), 0.0])


def test_away_from_the_sheet_a_step_has_the_drift_and_covariance_of_the_parker_equation(generator: Generator) -> None:
    points = [p for p in random_points(300, seed=1) if distance(p) > 2.001 * gyroradius(p)]
    assert len(points) > 100
    for p in points:
        compare(p, *generator(p, PAPER))


def test_the_exact_drift_in_a_step_is_the_curl_of_b_over_b_squared(generator: Generator) -> None:
    """Of the preset "consistent", too, whose sheet and its layer lie elsewhere: keep away by more gyroradii."""
    for model, clearance in ((CURL, 2.001), (CONSISTENT, 4.0)):
        points = [p for p in random_points(120, seed=5) if distance(p, model) > clearance * gyroradius(p)]
        assert len(points) > 30
        for p in points:
            compare(p, *generator(p, model), model=model)


@pytest.mark.parametrize("name", VARIANTS)
def test_named_switches_change_the_generator_as_they_say(generator: Generator, name: str) -> None:
    points = [p for p in random_points(90, seed=6) if distance(p) > 4.0 * gyroradius(p)]
    assert len(points) > 30 and min(p.r for p in points) < 1.0
    for p in points:
        compare(p, *generator(p, VARIANTS[name]), model=VARIANTS[name])


def test_the_generator_without_drift_and_corotation(generator: Generator) -> None:
    for p in random_points(60, seed=2):
        still = p._replace(sign=0)
        drift, covariance = generator(still, PAPER)
        drift[2] -= OMEGA * DAY
        compare(still, drift, covariance, model=PAPER.replace(drift=False, corotation=False))


def test_on_the_sheet_a_step_adds_the_sheet_drift(generator: Generator) -> None:
    for p in random_points(100, seed=3):
        sheet = 0.5 * math.pi - math.atan(math.tan(math.radians(p.tilt)) * math.sin(p.phase()))
        here = p._replace(theta=sheet - 1e-9)
        x = distance(here) / gyroradius(here)
        assert x < 0.06
        drift, covariance = generator(here, PAPER)
        compare(here, drift, covariance, sheet=sheet_drift(here, 0.457 - 0.412 * x + 0.0915 * x**2))


def test_near_the_sheet_the_speed_falls_with_the_distance(generator: Generator) -> None:
    """The profile of eq. (12), zero where it dips below zero; r and phi only, as theta follows the displaced sheet."""
    inside = 0
    for p in random_points(400, seed=4):
        sheet = 0.5 * math.pi - math.atan(math.tan(math.radians(p.tilt)) * math.sin(p.phase()))
        here = p._replace(theta=sheet + (3.0 * p.a if p.phi > 3.0 else -3.0 * p.a) * gyroradius(p) / p.r)
        if not 0.2 < here.theta < math.pi - 0.2:
            continue
        x = distance(here) / gyroradius(here)
        inside += x < 2.0
        profile = max(0.457 - 0.412 * x + 0.0915 * x**2, 0.0) if x < 2.0 else 0.0
        drift, covariance = generator(here, PAPER)
        compare(here, drift, covariance, sheet=sheet_drift(here, profile), skip=(1,))
    assert inside > 100
