"""One step of the backward stochastic differential equation (Ito, spherical), with its adaptive length.

Equations: docs/heliosphere.md. The noise is sqrt(2K) dW, split into a part along the field and two across it. Field
lines are straight in (r, phi), so that the part along the field keeps the phase of the current sheet to second order
in the step, in the slow wind; the step is in ln r, with Ito's -K_rr / r^2, so that r stays positive.
"""

from __future__ import annotations

import math

from propmat.heliosphere.current_sheet import nearest_sheet, sheet_winding
from propmat.heliosphere.diffusion import beta, polar_factor, rigidity_factor
from propmat.heliosphere.drift import gradient_drift, sheet_drift_profile, slide_along_sheet
from propmat.heliosphere.kernels.constants import RunConstants, Switches
from propmat.heliosphere.kernels.primitives import compiled, exp, sin_cos
from propmat.heliosphere.wind import wind

_HALF_PI = 0.5 * math.pi


@compiled
def step(
    c: RunConstants,
    s: Switches,
    r: float,
    theta: float,
    phi: float,
    log_rigidity: float,
    n1: float,
    n2: float,
    n3: float,
    n4: float,
) -> tuple[float, float, float, float, float]:
    """(r [AU], theta, phi [rad], ln R [GV], dt [day]) after one step back in time.

    n1 to n4 are standard normal deviates: along B, across B in the spiral's plane, along theta, and aside from the
    meridian (see :func:`turn`). r, theta, phi and ln R are those before the step.
    """
    sin_theta, cos_theta = sin_cos(theta)
    north = 1.0 if cos_theta >= 0.0 else -1.0
    latitude = abs(_HALF_PI - theta)
    cotangent = cos_theta / sin_theta
    speed, dlnv_dr, dlnv_dlat = wind(c, r, latitude)
    rigidity = exp(log_rigidity)
    kappa = rigidity_factor(c, log_rigidity, rigidity)

    gamma = c.spiral * r * sin_theta / speed
    gamma_r = gamma * (1.0 / r - c.wind_gradient * dlnv_dr)
    gamma_theta = gamma * (cotangent + c.wind_gradient * north * dlnv_dlat)
    q = 1.0 + gamma * gamma
    root_q = math.sqrt(q)
    amplitude = kappa * c.field_ratio
    parallel = amplitude * r * r / root_q
    ratio = c.perpendicular
    polar, dpolar = polar_factor(c, latitude)
    across_theta = ratio * polar * parallel

    drift_r = amplitude * r / (q * root_q)
    drift_r *= 4.0 * (1.0 + ratio * gamma * gamma) + r * gamma_r * gamma * (
        2.0 * ratio - 3.0 * (1.0 + ratio * gamma * gamma) / q
    )
    drift_theta = -ratio * amplitude / root_q * (north * dpolar + polar * gamma * gamma_theta / q)
    drift_phi = -c.spiral_sign * amplitude * (1.0 - ratio) / (sin_theta * q * root_q)
    drift_phi *= 3.0 * gamma + r * gamma_r * (1.0 - 2.0 * gamma * gamma) / q
    cos_psi = 1.0 / root_q
    sin_psi = gamma * cos_psi
    perpendicular = ratio * parallel
    if c.uniform_diffusion != 0.0:
        parallel = kappa
        perpendicular = kappa
        across_theta = kappa
        drift_r = 2.0 * kappa / r
        drift_theta = 0.0
        drift_phi = 0.0

    phase = phi + sheet_winding(c, s, r, latitude)
    sin_phase, _ = sin_cos(phase)
    hemisphere = 1.0 if cos_theta >= c.tan_tilt * sin_phase * sin_theta else -1.0
    velocity = beta(c, rigidity)
    drift_vr, drift_vt, drift_vp = gradient_drift(
        c,
        s,
        hemisphere * c.gradient_drift * velocity * rigidity,
        r,
        sin_theta,
        cos_theta,
        gamma,
        1.0 - r * dlnv_dr,
        cotangent + north * dlnv_dlat,
    )
    gyroradius = c.gyroradius * rigidity * r * r / root_q
    distance, nearest = nearest_sheet(c, s, r, cos_theta, sin_theta, phase)
    along_sheet = c.sheet_drift * velocity * sheet_drift_profile(distance, gyroradius)
    radial = 2.0 * (parallel * cos_psi * cos_psi + perpendicular * sin_psi * sin_psi)
    drift_r -= speed + drift_vr
    drift_theta -= drift_vt / r
    drift_phi += c.corotation - drift_vp / (r * sin_theta)

    across = 2.0 * max(perpendicular, across_theta)
    adaptive = step_length(
        c,
        r,
        sin_theta,
        radial,
        across,
        abs(drift_r),
        abs(drift_theta) * r,
        abs(along_sheet),
        gyroradius,
        distance,
        speed,
    )
    dt = c.fixed_step if c.fixed_step > 0.0 else adaptive
    root_dt = math.sqrt(dt)
    noise_par = math.sqrt(2.0 * parallel) * root_dt * n1
    noise_perp = math.sqrt(2.0 * perpendicular) * root_dt * n2
    noise_theta = math.sqrt(2.0 * across_theta) * root_dt / r
    slide_r, slide_theta, slide_phi = slide_along_sheet(
        c, s, r, sin_theta, cos_theta, phase, nearest, -along_sheet * dt
    )

    log_step = (drift_r * dt + noise_par * cos_psi + noise_perp * c.spiral_sign * sin_psi + slide_r - 0.5 * radial * dt / r) / r
    new_r = r * exp(log_step)
    new_phi = phi + drift_phi * dt + slide_phi + (noise_perp * cos_psi - noise_par * c.spiral_sign * sin_psi) / (r * sin_theta)
    new_theta = turn(theta, sin_theta, cos_theta, drift_theta * dt + slide_theta + noise_theta * n3, noise_theta * n4)
    gain = speed * (2.0 / r + dlnv_dr) * dt / 3.0 if r >= c.loss_radius else 0.0
    new_r = max(new_r, c.inner_radius * c.inner_radius / new_r)
    new_phi -= 2.0 * math.pi * math.floor(new_phi / (2.0 * math.pi))
    return new_r, new_theta, new_phi, log_rigidity + gain, dt


@compiled
def turn(theta: float, sin_theta: float, cos_theta: float, along: float, aside: float) -> float:
    """Colatitude after a step ``along`` the meridian and ``aside`` from it [rad].

    The sidestep gives the term cot(theta) K / r^2 of the generator as the mean of sqrt((tan + along)^2 + aside^2),
    exact for plane Brownian motion about the pole, so that the pole needs neither reflection nor short steps.
    """
    north = cos_theta >= 0.0
    pole_distance = theta if north else math.pi - theta
    outward = along if north else -along
    radius = sin_theta / max(abs(cos_theta), 1e-12) + outward
    root = math.sqrt(radius * radius + aside * aside)
    extra = aside * aside / (root + radius) if radius > 0.0 else root - radius
    moved = max(pole_distance + outward + extra, 1e-9)
    return moved if north else math.pi - moved


@compiled
def step_length(
    c: RunConstants,
    r: float,
    sin_theta: float,
    radial: float,
    across: float,
    drift_r: float,
    drift_theta: float,
    along_sheet: float,
    gyroradius: float,
    distance: float,
    speed: float,
) -> float:
    """dt [day]: each displacement, noise or drift, stays below the length on which the coefficients change.

    ``radial`` and ``across`` are 2K_rr and the larger 2K_perp [AU^2/day]; drifts are magnitudes in AU/day, lengths in
    AU. ``k_radial`` to ``k_along`` of the run's constants set each length; ``step_size`` multiplies them all.
    """
    size = c.step_size
    near_shock = max(abs(r - c.shock_radius) * c.k_shock_far, c.k_shock * c.shock_width)
    near_edge = max((c.r_hp - r) * 0.3, c.k_edge)
    length_r = size * min(min(c.k_radial * r, near_shock), near_edge)
    near_sheet = max(c.k_sheet * gyroradius, c.k_sheet_far * (distance - 2.0 * gyroradius))
    near_sheet = near_sheet if c.sheet_drift != 0.0 else r
    near_pole = c.k_pole * max(r * sin_theta, speed / c.rotation)
    length = size * min(min(near_sheet, near_pole), c.k_radial * r)
    dt = min(length_r * length_r / radial, length * length / across)
    dt = min(dt, length_r / drift_r)
    dt = min(dt, length / drift_theta)
    dt = min(dt, size * c.k_along * gyroradius / max(along_sheet, 1e-30))
    return dt
