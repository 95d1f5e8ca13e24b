"""One step of the backward process, of weak order two where coefficients are smooth: Strang's splitting.

Equations: docs/heliosphere.md. The generator is a first-order part (the smooth flow: wind, drift, co-rotation,
energy, and what the divergence of K leaves) and half the squares of the noise directions. One step is

    smooth flow for half the last step and half this one, radial noise for half of this step,
    noise in theta and phi for all of it, radial noise for its other half,

each a flow along one direction, solved to a higher order than the splitting. Before it, the sheet is searched, where
it can matter.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from propmat.heliosphere.current_sheet import nearest_sheet, sheet_distance_bound, sheet_winding
from propmat.heliosphere.diffusion import beta, polar_diffusion, radial_diffusion, rigidity_factor, spiral
from propmat.heliosphere.drift import gradient_drift, sheet_drift_profile, sheet_gyroradius, slide_along_sheet
from propmat.heliosphere.kernels.constants import RunConstants, Switches
from propmat.heliosphere.kernels.primitives import compiled, exp, sin_cos, turned
from propmat.heliosphere.wind import latitude_profile, wind

_HALF_PI = 0.5 * math.pi
_TWO_PI = 2.0 * math.pi


class Place(NamedTuple):
    """What a step needs to know of the place where it begins.

    Attributes:
        sin_theta, cos_theta: of the colatitude.
        phase: of the current sheet, phi0.
        rigidity: [GV].
        beta: v/c.
        amplitude: A of K_par [AU^2/day].
        drift_strength: q A H 2 beta R / (3 B_n) [1/day].
        gyroradius: [AU].
        rate_r, rate_theta: of the smooth flow [1/day].
        across: the larger 2 K_perp [AU^2/day].
        length: how far a step may go across the field, the sheet aside [AU].
        step: dt [day], the sheet aside.
    """

    sin_theta: float
    cos_theta: float
    phase: float
    rigidity: float
    beta: float
    amplitude: float
    drift_strength: float
    gyroradius: float
    rate_r: float
    rate_theta: float
    across: float
    length: float
    step: float


@compiled
def survey(c: RunConstants, s: Switches, r: float, theta: float, phi: float, log_rigidity: float) -> Place:
    """The place of a particle at r [AU], theta, phi [rad], ln R [GV]."""
    sin_theta, cos_theta = sin_cos(theta)
    rigidity = exp(log_rigidity)
    velocity = beta(c, rigidity)
    amplitude = rigidity_factor(c, log_rigidity, rigidity) * c.field_ratio
    phase = phi + sheet_winding(c, s, r, abs(_HALF_PI - theta))
    sin_phase, _ = sin_cos(phase)
    hemisphere = 1.0 if cos_theta >= c.tan_tilt * sin_phase * sin_theta else -1.0
    strength = hemisphere * c.gradient_drift * velocity * rigidity
    rate_r, rate_theta, _, _, radial, polar, root_q, inverse_q, speed = smooth_flow(
        c, s, r, theta, sin_theta, cos_theta, amplitude, strength
    )
    square = r * r
    across = 2.0 * square * max(polar, c.perpendicular * amplitude * root_q * inverse_q)
    pitch = speed * (1.0 / c.rotation)
    length = c.step_size * min(c.k_pole * max(r * sin_theta, pitch), c.k_across * r)
    step = c.fixed_step
    if c.fixed_step == 0.0:
        step = free_step(c, r, 2.0 * square * radial, across, length, r * abs(rate_r), r * abs(rate_theta))
    return Place(
        sin_theta,
        cos_theta,
        phase,
        rigidity,
        velocity,
        amplitude,
        strength,
        c.gyroradius * rigidity * square * root_q * inverse_q,
        rate_r,
        rate_theta,
        across,
        length,
        step,
    )


@compiled
def free_step(
    c: RunConstants, r: float, radial: float, across: float, length: float, drift_r: float, drift_theta: float
) -> float:
    """dt [day], the sheet aside: each displacement stays below the length on which the coefficients change.

    ``radial`` is 2 K_rr and ``across`` the larger 2 K_perp [AU^2/day], ``length`` the one across the field [AU], drifts
    are magnitudes [AU/day]. ``k_radial`` to ``k_along`` of the run's constants set each length, ``step_size`` all.
    """
    near_shock = max(abs(r - c.shock_radius) * c.k_shock_far, c.k_shock * c.shock_width)
    near_edge = max((c.r_hp - r) * 0.3, c.k_edge)
    length_r = c.step_size * min(c.k_radial * r, min(near_shock, near_edge))
    inverse = 1.0 / (length_r * length)
    per_r = length * inverse
    per_length = length_r * inverse
    rate = max(per_r * max(radial * per_r, drift_r), per_length * max(across * per_length, drift_theta))
    return 1.0 / rate


@compiled
def far_from_sheet(c: RunConstants, s: Switches, r: float, place: Place) -> bool:
    """Whether the sheet is certainly so far away that it neither moves the particle nor limits its step."""
    bound = sheet_distance_bound(c, s, r, place.cos_theta, place.sin_theta, place.phase)
    clear = bound - 2.5 * place.gyroradius
    length = c.step_size * c.k_sheet_far * clear
    slow = r * abs(place.rate_theta) * place.step <= length and place.across * place.step <= length * length
    return c.sheet_drift == 0.0 or (clear > 0.0 and slow)


@compiled
def near_sheet(
    c: RunConstants, s: Switches, r: float, place: Place, pending: float
) -> tuple[float, float, float, float]:
    """(dt [day], dr [AU], dtheta, dphi [rad]): the step and the displacement along the sheet in its smooth flow."""
    distance, nearest = nearest_sheet(c, s, r, place.cos_theta, place.sin_theta, place.phase)
    layer = sheet_gyroradius(c, s, place.rigidity, r, place.phase, nearest, place.gyroradius)
    speed = c.sheet_drift * place.beta * sheet_drift_profile(distance, layer)
    fast = abs(c.sheet_drift) * place.beta * 0.457
    slow = min(place.across * c.k_layer, c.k_sheet_most * c.k_sheet_most * place.gyroradius * fast)
    within = max(c.k_sheet * place.gyroradius, math.sqrt(slow * place.gyroradius / fast))
    clear = max(within, c.k_sheet_far * (distance - 2.0 * place.gyroradius))
    length = min(c.step_size * clear, place.length)
    per_length = 1.0 / length
    reach = min(c.step_size * c.k_along * place.gyroradius, place.length)
    rate = per_length * max(place.across * per_length, r * abs(place.rate_theta))
    rate = max(rate, abs(speed) / reach)
    dt = min(place.step, 1.0 / rate) if c.fixed_step == 0.0 else c.fixed_step
    time = smooth_time(place, pending, dt)
    slide_r, slide_theta, slide_phi = slide_along_sheet(
        c, s, r, place.sin_theta, place.cos_theta, place.phase, nearest, -speed * time
    )
    return dt, slide_r, slide_theta, slide_phi


@compiled
def smooth_time(place: Place, pending: float, dt: float) -> float:
    """Time of the smooth flow [day]: half the last step and half this; less after a leap to where steps are short.

    :func:`smooth_step` cuts it once more, by the rates halfway.
    """
    return min(pending + 0.5 * dt, 0.5 / (abs(place.rate_r) + abs(place.rate_theta)))


@compiled
def smooth_flow(
    c: RunConstants,
    s: Switches,
    r: float,
    theta: float,
    sin_theta: float,
    cos_theta: float,
    amplitude: float,
    drift_strength: float,
) -> tuple[float, float, float, float, float, float, float, float, float]:
    """The first-order part of the generator, and the medium it is made of.

    Returns the rates [1/day] of ln r, theta, phi and ln R, then K_rr / r^2 and K_theta_theta / r^2 [1/day], sqrt q and
    1/q for q = 1 + Gamma^2, and V [AU/day].
    """
    north = 1.0 if cos_theta >= 0.0 else -1.0
    latitude = abs(_HALF_PI - theta)
    speed, dlnv_dr, dlnv_dlat = wind(c, r, latitude)
    inverse = 1.0 / (r * sin_theta * speed)
    inverse_r = sin_theta * speed * inverse
    inverse_sin = r * speed * inverse
    r_over_speed = r * r * sin_theta * inverse
    cotangent = cos_theta * inverse_sin
    gamma = c.spiral * sin_theta * r_over_speed
    root_q, inverse_q, inverse_wide = spiral(c, gamma)
    k_r = 1.0 - c.wind_gradient * r * dlnv_dr
    k_theta = cotangent + c.wind_gradient * north * dlnv_dlat
    radial, slope, _, _ = radial_diffusion(c, amplitude, root_q, inverse_q, inverse_wide, k_r)
    polar, polar_slope, _ = polar_diffusion(c, amplitude, latitude, root_q, inverse_q, north, k_theta, 0.0)
    winding = longitude_slope(c, r_over_speed) * inverse_wide
    bending = (k_r - 1.0) * (2.0 * inverse_wide - 1.0)  # the radial noise keeps V along its way
    if c.uniform_diffusion != 0.0:
        radial = amplitude * (1.0 / c.field_ratio) * inverse_r * inverse_r
        polar = radial
        slope, polar_slope, winding = -1.0, 0.0, 0.0
    drift_vr, drift_vt, drift_vp = gradient_drift(
        c, s, drift_strength, r, gamma, inverse_q, cotangent, 1.0 - r * dlnv_dr, cotangent + north * dlnv_dlat
    )
    diffusive = radial * (3.0 + slope)
    rate_r = diffusive - (speed + drift_vr) * inverse_r
    rate_theta = polar * polar_slope - drift_vt * inverse_r
    rate_phi = winding * (diffusive + radial * bending) + c.corotation - drift_vp * inverse_r * inverse_sin
    gain = speed * (2.0 * inverse_r + dlnv_dr) * (1.0 / 3.0) if r >= c.loss_radius else 0.0
    return rate_r, rate_theta, rate_phi, gain, radial, polar, root_q, inverse_q, speed


@compiled
def longitude_slope(c: RunConstants, r_over_speed: float) -> float:
    """(1 + 0.02 Gamma^2) dphi / dln r along the radial noise, where dphi / dln r = K_r_phi / (K_rr sin(theta))."""
    return c.spiral_sign * (c.perpendicular - 1.0) * c.spiral * r_over_speed


@compiled
def flow_series(e: float, slope: float, bend: float, twist: float) -> float:
    """Displacement x along d/dx' of strength sigma(x) for a parameter that gives ``e`` at constant sigma.

    ``slope``, ``bend``, ``twist``: first to third derivative of ln sigma. Taylor's series to the fourth order; the
    clamp is for deviates of many sigma.
    """
    square = slope * slope
    third = (2.0 * square + bend) * (1.0 / 6.0)
    fourth = (slope * (6.0 * square + 7.0 * bend) + twist) * (1.0 / 24.0)
    stretch = 1.0 + e * (0.5 * slope + e * (third + e * fourth))
    return e * min(max(stretch, 0.3), 3.0)


@compiled
def smooth_step(
    c: RunConstants, s: Switches, r: float, theta: float, phi: float, log_rigidity: float, place: Place, time: float
) -> tuple[float, float, float, float]:
    """(r, theta, phi, ln R) after the smooth flow for ``time`` [day], by the midpoint rule."""
    half = 0.5 * time
    turned_by = place.rate_theta * half
    sin_theta, cos_theta = turned(place.sin_theta, place.cos_theta, turned_by)
    grown = place.rate_r * half
    middle_r = r * (1.0 + grown * (1.0 + 0.5 * grown))
    rate_r, rate_theta, rate_phi, gain, _, _, _, _, _ = smooth_flow(
        c, s, middle_r, theta + turned_by, sin_theta, cos_theta, place.amplitude, place.drift_strength
    )
    time = min(time, 0.5 / (abs(rate_r) + abs(rate_theta)))
    return r * exp(rate_r * time), theta + rate_theta * time, phi + rate_phi * time, log_rigidity + gain * time


@compiled
def radial_noise(
    c: RunConstants, r: float, theta: float, phi: float, amplitude: float, path: float
) -> tuple[float, float]:
    """(r, phi) after the radial noise; ``path`` = normal deviate * sqrt(2 dt) [day^1/2].

    The longitude is Simpson's rule along the way.
    """
    sin_theta, _ = sin_cos(theta)
    speed, dlnv_dr, _ = wind(c, r, abs(_HALF_PI - theta))
    length = r / speed
    gamma = c.spiral * sin_theta * length
    root_q, inverse_q, inverse_wide = spiral(c, gamma)
    k_r = 1.0 - c.wind_gradient * r * dlnv_dr
    diffusion, slope, bend, twist = radial_diffusion(c, amplitude, root_q, inverse_q, inverse_wide, k_r)
    winding = longitude_slope(c, length)
    if c.uniform_diffusion != 0.0:
        diffusion = amplitude * (1.0 / c.field_ratio) / (r * r)
        slope, bend, twist, winding = -1.0, 0.0, 0.0, 0.0
    e = min(max(path * math.sqrt(diffusion), -1.0), 1.0)
    ratio = exp(flow_series(e, slope, bend, twist))
    squared = c.perpendicular * gamma * gamma
    there = 1.0 + squared * ratio * ratio
    halfway = 1.0 + squared * 0.25 * (1.0 + ratio) * (1.0 + ratio)
    mean = (inverse_wide + (4.0 * there + halfway) / (there * halfway)) * (1.0 / 6.0)
    return r * ratio, phi + winding * mean * (ratio - 1.0)


@compiled
def sideways_noise(
    c: RunConstants,
    r: float,
    theta: float,
    phi: float,
    amplitude: float,
    root_time: float,
    along: float,
    aside: float,
    around: float,
) -> tuple[float, float]:
    """(theta, phi) after the noise in theta and phi; ``root_time`` = sqrt(2 dt) [day^1/2], then normal deviates.

    They are along the meridian, aside from it (see :func:`turn`), and in phi.
    """
    sin_theta, cos_theta = sin_cos(theta)
    north = 1.0 if cos_theta >= 0.0 else -1.0
    latitude = abs(_HALF_PI - theta)
    speed, _, dlnv_dlat = wind(c, r, latitude)
    inverse = 1.0 / (sin_theta * speed)
    inverse_sin = speed * inverse
    root_q, inverse_q, inverse_wide = spiral(c, c.spiral * r * sin_theta * sin_theta * inverse)
    _, _, wind_bend = latitude_profile(c, latitude)
    k_theta = cos_theta * inverse_sin + c.wind_gradient * north * dlnv_dlat
    dk_theta = -inverse_sin * inverse_sin - c.wind_gradient * wind_bend
    polar, slope, bend = polar_diffusion(c, amplitude, latitude, root_q, inverse_q, north, k_theta, dk_theta)
    rest = c.perpendicular * amplitude * root_q * inverse_wide
    if c.uniform_diffusion != 0.0:
        polar = amplitude * (1.0 / c.field_ratio) / (r * r)
        rest = polar
        slope, bend = 0.0, 0.0
    strength = math.sqrt(polar) * root_time
    outward = flow_series(strength * along, slope, bend, 0.0)
    sidestep = strength * (1.0 + 0.5 * slope * outward) * aside
    phi += math.sqrt(rest) * inverse_sin * root_time * around
    return turn(theta, sin_theta, cos_theta, outward, sidestep), phi


@compiled
def noise_step(
    c: RunConstants,
    r: float,
    theta: float,
    phi: float,
    amplitude: float,
    dt: float,
    odd: int,
    n1: float,
    n2: float,
    n3: float,
    n4: float,
) -> tuple[float, float, float]:
    """(r, theta, phi) after the noise of a step; for ``odd`` and n1 to n4 see :func:`step`."""
    root_time = math.sqrt(2.0 * dt)
    if odd:
        theta, phi = sideways_noise(c, r, theta, phi, amplitude, root_time, n2, n3, n4)
        r, phi = radial_noise(c, r, theta, phi, amplitude, root_time * n1)
    else:
        r, phi = radial_noise(c, r, theta, phi, amplitude, root_time * n1)
        theta, phi = sideways_noise(c, r, theta, phi, amplitude, root_time, n2, n3, n4)
    r = max(r, c.inner_radius * c.inner_radius / r)
    return r, theta, phi - _TWO_PI * math.floor(phi * (1.0 / _TWO_PI))


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
    extra = aside * aside / (math.sqrt(radius * radius + aside * aside) + abs(radius) + 1e-30)
    moved = max(abs(pole_distance + outward) + extra, 1e-9)
    return moved if north else math.pi - moved


@compiled
def step(
    c: RunConstants,
    s: Switches,
    r: float,
    theta: float,
    phi: float,
    log_rigidity: float,
    pending: float,
    odd: int,
    n1: float,
    n2: float,
    n3: float,
    n4: float,
) -> tuple[float, float, float, float, float]:
    """(r [AU], theta, phi [rad], ln R [GV], dt [day]) after one step back in time.

    ``pending`` is half the last step, ``odd`` 1 for every other one. n1 to n4 are standard normal deviates: of the
    radial noise, along the meridian, aside from it, and in phi.
    """
    place = survey(c, s, r, theta, phi, log_rigidity)
    dt, slide_r, slide_theta, slide_phi = place.step, 0.0, 0.0, 0.0
    if not far_from_sheet(c, s, r, place):
        dt, slide_r, slide_theta, slide_phi = near_sheet(c, s, r, place, pending)
    r, theta, phi, log_rigidity = advance(
        c, s, r, theta, phi, log_rigidity, pending, place, dt, slide_r, slide_theta, slide_phi
    )
    r, theta, phi = noise_step(c, r, theta, phi, place.amplitude, dt, odd, n1, n2, n3, n4)
    return r, theta, phi, log_rigidity, dt


@compiled
def advance(
    c: RunConstants,
    s: Switches,
    r: float,
    theta: float,
    phi: float,
    log_rigidity: float,
    pending: float,
    place: Place,
    dt: float,
    slide_r: float,
    slide_theta: float,
    slide_phi: float,
) -> tuple[float, float, float, float]:
    """(r, theta, phi, ln R) after the smooth flow of a step and the displacement along the sheet."""
    time = smooth_time(place, pending, dt)
    end, theta, phi, log_rigidity = smooth_step(c, s, r, theta, phi, log_rigidity, place, time)
    theta = abs(theta + slide_theta)
    theta = theta if theta <= math.pi else _TWO_PI - theta
    return max(end + slide_r, 0.5 * end), theta, phi + slide_phi, log_rigidity
