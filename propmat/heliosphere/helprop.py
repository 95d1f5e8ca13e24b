"""One step of the public HELPROP code: Euler-Maruyama in (r, theta, phi) with a fixed step of 500 s.

The rule behind ``helprop_rule``, written anew from the description of that code. Diffusion and drift are the laws of
the other files, differentiated by forward differences and kept as coarse as there: steps are a good part of
1 AU at high rigidity, so that the flux depends on details such as the chord in the energy. The preset is compared
with the code's own output by scripts/studies/helprop_comparison.py.
"""

from __future__ import annotations

import math

from propmat.heliosphere.current_sheet import nearest_sheet, sheet_winding
from propmat.heliosphere.diffusion import beta, polar_factor, rigidity_factor
from propmat.heliosphere.drift import gradient_drift, sheet_drift_profile, slide_along_sheet
from propmat.heliosphere.kernels.constants import RunConstants, Switches
from propmat.heliosphere.kernels.primitives import compiled, exp, log, sin_cos
from propmat.heliosphere.wind import wind

_HALF_PI = 0.5 * math.pi
_DIFFERENCE = 1e-3
"""Forward differences: this times r or theta."""
_POLE = 1e-3
"""Nearest a particle comes to a pole [rad]."""
_TANGENT = 1e-4
"""Path along the sheet [AU] so short that it is straight: HELPROP moves along the tangent, 0.5 AU in a step at most."""


@compiled
def tensor(
    c: RunConstants, kappa: float, r: float, sin_theta: float, latitude: float, speed: float
) -> tuple[float, float, float, float]:
    """(K_rr, K_theta_theta, K_phi_phi, K_r_phi) [AU^2/day] for kappa = K0 beta F(R) and the wind of the field."""
    gamma = c.spiral * r * sin_theta / speed
    q = 1.0 + gamma * gamma
    parallel = kappa * c.field_ratio * r * r / math.sqrt(q)
    polar, _, _ = polar_factor(c, latitude)
    across = c.perpendicular
    if c.uniform_diffusion != 0.0:
        return kappa, kappa, kappa, 0.0
    return (
        parallel * (1.0 + across * gamma * gamma) / q,
        across * polar * parallel,
        parallel * (gamma * gamma + across) / q,
        -c.spiral_sign * parallel * (1.0 - across) * gamma / q,
    )


@compiled
def diffusive_drift(c: RunConstants, kappa: float, r: float, theta: float, speed: float) -> tuple[float, float, float]:
    """(r [AU/day], theta, phi [rad/day]): the divergence of the tensor in (r, theta, phi), by forward differences."""
    sin_theta, cos_theta = sin_cos(theta)
    latitude = abs(_HALF_PI - theta)
    k_rr, k_tt, _, k_rp = tensor(c, kappa, r, sin_theta, latitude, speed)
    step_r, step_theta = _DIFFERENCE * r, _DIFFERENCE * theta
    outside, _, _ = wind(c, r + step_r, latitude)
    outside = speed + c.wind_gradient * (outside - speed)
    out_rr, _, _, out_rp = tensor(c, kappa, r + step_r, sin_theta, latitude, outside)
    south_latitude = abs(_HALF_PI - theta - step_theta)
    south_sin, _ = sin_cos(theta + step_theta)
    south, _, _ = wind(c, r, south_latitude)
    south = speed + c.wind_gradient * (south - speed)
    _, south_tt, _, _ = tensor(c, kappa, r, south_sin, south_latitude, south)
    return (
        2.0 * k_rr / r + (out_rr - k_rr) / step_r,
        (k_tt * cos_theta / sin_theta + (south_tt - k_tt) / step_theta) / (r * r),
        (k_rp / r + (out_rp - k_rp) / step_r) / (r * sin_theta),
    )


@compiled
def drift_rates(
    c: RunConstants, s: Switches, r: float, theta: float, phi: float, rigidity: float
) -> tuple[float, float, float]:
    """(dr/dt [AU/day], dtheta/dt, dphi/dt [rad/day]) of gradient, curvature and sheet drift."""
    sin_theta, cos_theta = sin_cos(theta)
    north = 1.0 if cos_theta >= 0.0 else -1.0
    latitude = abs(_HALF_PI - theta)
    speed, dlnv_dr, dlnv_dlat = wind(c, r, latitude)
    velocity = beta(c, rigidity)
    gamma = c.spiral * r * sin_theta / speed
    phase = phi + sheet_winding(c, s, r, latitude)
    sin_phase, _ = sin_cos(phase)
    hemisphere = 1.0 if cos_theta >= c.tan_tilt * sin_phase * sin_theta else -1.0
    v_r, v_theta, v_phi = gradient_drift(
        c,
        s,
        hemisphere * c.gradient_drift * velocity * rigidity,
        r,
        gamma,
        1.0 / (1.0 + gamma * gamma),
        cos_theta / sin_theta,
        1.0 - r * dlnv_dr,
        cos_theta / sin_theta + north * dlnv_dlat,
    )
    # HELPROP searches the sheet only where r sin(|latitude| - tilt) < 2 r_g: a lower bound, so the drift is the same.
    distance, nearest = nearest_sheet(c, s, r, cos_theta, sin_theta, phase)
    gyroradius = c.gyroradius * rigidity * r * r / math.sqrt(1.0 + gamma * gamma)
    rate = c.sheet_drift * velocity * sheet_drift_profile(distance, gyroradius) / _TANGENT
    slide_r, slide_theta, slide_phi = slide_along_sheet(c, s, r, sin_theta, cos_theta, phase, nearest, _TANGENT, 0.0)
    return v_r + rate * slide_r, v_theta / r + rate * slide_theta, v_phi / (r * sin_theta) + rate * slide_phi


@compiled
def helprop_step(
    c: RunConstants,
    s: Switches,
    r: float,
    theta: float,
    phi: float,
    log_rigidity: float,
    n1: float,
    n2: float,
    n3: float,
) -> tuple[float, float, float, float, float]:
    """(r [AU], theta, phi [rad], ln R [GV], dt [day]) after one step back in time; n1 to n3 standard normal."""
    dt = c.fixed_step
    root_dt = math.sqrt(dt)
    sin_theta, _ = sin_cos(theta)
    latitude = abs(_HALF_PI - theta)
    speed, dlnv_dr, _ = wind(c, r, latitude)
    rigidity = exp(log_rigidity)
    kappa = rigidity_factor(c, log_rigidity, rigidity)
    k_rr, k_tt, k_pp, k_rp = tensor(c, kappa, r, sin_theta, latitude, speed)
    diffusive_r, diffusive_theta, diffusive_phi = diffusive_drift(c, kappa, r, theta, speed)
    drift_r, drift_theta, drift_phi = drift_rates(c, s, r, theta, phi, rigidity)

    common = math.sqrt(2.0 / k_pp) * root_dt * n3
    radial = math.sqrt(max(2.0 * (k_rr - k_rp * k_rp / k_pp), 0.0)) * root_dt * n1
    new_r = r + (diffusive_r - speed - drift_r) * dt + radial + k_rp * common
    new_theta = theta + (diffusive_theta - drift_theta) * dt + math.sqrt(2.0 * k_tt) * root_dt * n2 / r
    new_phi = phi + (diffusive_phi - drift_phi + c.corotation) * dt + k_pp * common / (r * sin_theta)
    new_r = 2.0 * c.inner_radius - new_r if new_r < c.inner_radius else new_r

    gain = adiabatic_gain(c, r, new_r, latitude, speed, dlnv_dr) * dt
    velocity = beta(c, rigidity)
    square = 1.0 + gain * (2.0 + gain * velocity * velocity)  # of p'/p where the total energy grows by gain p^2 / E
    new_theta -= 2.0 * math.pi * math.floor(new_theta / (2.0 * math.pi))
    beyond_pole = new_theta > math.pi
    new_theta = 2.0 * math.pi - new_theta if beyond_pole else new_theta
    new_theta = min(max(new_theta, _POLE), math.pi - _POLE)
    new_phi = new_phi + math.pi if beyond_pole else new_phi
    new_phi -= 2.0 * math.pi * math.floor(new_phi / (2.0 * math.pi))
    return new_r, new_theta, new_phi, log_rigidity + 0.5 * log(square), dt


@compiled
def adiabatic_gain(c: RunConstants, r: float, new_r: float, latitude: float, speed: float, dlnv_dr: float) -> float:
    """(1/3) div V [1/day]: at the particle, or HELPROP's, where energy does not change inside ``loss_radius``.

    HELPROP's is the slope of r^2 V along the step's chord over the square of the chord's outer radius, and zero when
    either end is inside 1 AU. The two belong together, so that ``loss_inside_1au`` corrects both.
    """
    if c.loss_radius == 0.0:
        return speed * (2.0 / r + dlnv_dr) / 3.0
    beyond, _, _ = wind(c, new_r, latitude)
    outer = max(r, new_r)
    gap = new_r - r if new_r != r else 1.0
    chord = (new_r * new_r * beyond - r * r * speed) / (3.0 * gap * outer * outer)
    return chord if min(r, new_r) >= c.loss_radius else 0.0
