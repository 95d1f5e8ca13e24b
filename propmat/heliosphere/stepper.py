"""One step of the backward process, of weak order two where coefficients are smooth: Strang's splitting.

Equations: docs/heliosphere.md. The generator is a first-order part (the smooth flow: wind, drift, co-rotation,
energy, and what the divergence of K leaves) and half the squares of the noise directions. One step is

    the smooth flow for half the last step and half this one, then radial and sideways noise in alternate order,

each a flow along one direction, solved to a higher order than the splitting. Before it, the sheet is searched, where
it can matter: it adds a displacement along it to the smooth flow, and may shorten the step.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from propmat.heliosphere.current_sheet import nearest_sheet, sheet_distance_bound, sheet_winding
from propmat.heliosphere.diffusion import beta, medium, polar_terms, radial_diffusion, rigidity_factor, spiral
from propmat.heliosphere.drift import gradient_drift, sheet_drift_profile, sheet_gyroradius, slide_along_sheet
from propmat.heliosphere.kernels.constants import RunConstants, Switches
from propmat.heliosphere.kernels.primitives import compiled, exp, fma, sin_cos, turned
from propmat.heliosphere.wind import wind_and_slowness

_HALF_PI = 0.5 * math.pi
_TWO_PI = 2.0 * math.pi


class Place(NamedTuple):
    """What a step needs to know of the place where it begins; what the sheet does not ask for comes first.

    Attributes:
        amplitude: A of K_par [AU^2/day].
        drift_strength: q A H 2 beta R / (3 B_n) [1/day].
        rate_r, rate_theta: of the smooth flow [1/day].
        sin_theta, cos_theta: of the colatitude.
        phase: of the current sheet, phi0.
        rigidity: [GV].
        beta: v/c.
        gyroradius: [AU].
        across: the larger 2 K_perp [AU^2/day].
        length: how far a step may go across the field, the sheet aside [AU].
        longest: time that the smooth flow may take [day].
        step: dt [day], the sheet aside.
    """

    amplitude: float
    drift_strength: float
    rate_r: float
    rate_theta: float
    sin_theta: float
    cos_theta: float
    phase: float
    rigidity: float
    beta: float
    gyroradius: float
    across: float
    length: float
    longest: float
    step: float


@compiled
def start_angles(c: RunConstants, longitude: float) -> tuple[float, float]:
    """(theta, phi) of a start at Earth: in the equator at this longitude, or always at HELPROP's place."""
    if c.start_uniform != 0.0:
        return _HALF_PI, longitude
    return _HALF_PI + 1e-6, 1e-10


@compiled
def survey(c: RunConstants, s: Switches, r: float, theta: float, phi: float, log_rigidity: float) -> Place:
    """The place of a particle at r [AU], theta, phi [rad], ln R [GV]."""
    sin_theta, cos_theta = sin_cos(theta)
    rigidity = exp(log_rigidity)
    velocity = beta(c, rigidity)
    amplitude = rigidity_factor(c, log_rigidity, rigidity) * c.field_ratio
    phase = phi + sheet_winding(c, s, r, abs(_HALF_PI - theta))
    hemisphere = 1.0 if cos_theta >= c.tan_tilt * sin_cos(phase)[0] * sin_theta else -1.0
    strength = hemisphere * c.gradient_drift * velocity * rigidity
    rate_r, rate_theta, _, _, radial, polar, root_q, inverse_q, speed = smooth_flow(
        c, s, r, theta, sin_theta, cos_theta, amplitude, strength
    )
    square = r * r
    across = 2.0 * square * max(polar, c.perpendicular * amplitude * root_q * inverse_q)
    pitch = speed * (1.0 / c.rotation)
    length = c.step_size * min(c.k_pole * max(r * sin_theta, pitch), c.k_across * r)
    step, longest = free_step(c, r, 2.0 * square * radial, across, length, abs(rate_r), abs(rate_theta))
    step = step if c.fixed_step == 0.0 else c.fixed_step
    return Place(
        amplitude,
        strength,
        rate_r,
        rate_theta,
        sin_theta,
        cos_theta,
        phase,
        rigidity,
        velocity,
        c.gyroradius * rigidity * square * root_q * inverse_q,
        across,
        length,
        longest,
        step,
    )


@compiled
def free_step(
    c: RunConstants, r: float, radial: float, across: float, length: float, rate_r: float, rate_theta: float
) -> tuple[float, float]:
    """(dt, longest smooth flow) [day], the sheet aside: displacements stay below the lengths of the coefficients.

    ``radial`` is 2 K_rr and ``across`` the larger 2 K_perp [AU^2/day], ``length`` the one across the field [AU], rates
    are magnitudes [1/day]. ``k_radial`` to ``k_along`` of the run's constants set each length, ``step_size`` all. The
    smooth flow is shorter than its due after a leap to where steps are short.
    """
    near_shock = max(abs(r - c.shock_radius) * c.k_shock_far, c.k_shock * c.shock_width)
    near_edge = max((c.r_hp - r) * c.k_edge_far, c.k_edge)
    length_r = c.step_size * min(c.k_radial * r, min(near_shock, near_edge))
    square_r, square = length_r * length_r, length * length
    rate = max(square * max(radial, r * rate_r * length_r), square_r * max(across, r * rate_theta * length))
    both = rate_r + rate_theta + 1e-30
    inverse = 1.0 / (rate * both)
    return square_r * square * both * inverse, 0.5 * rate * inverse


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
    blur = place.across / fast
    slow = min(c.k_layer * blur, c.k_sheet_most * c.k_sheet_most * place.gyroradius)
    within = max(c.k_sheet * place.gyroradius, math.sqrt(slow * place.gyroradius))
    clear = max(within, c.k_sheet_far * (distance - 2.0 * place.gyroradius))
    length = min(c.step_size * clear, place.length)
    reach = min(c.step_size * c.k_along * place.gyroradius, place.length)
    square = length * length
    rate = max(reach * max(place.across, r * abs(place.rate_theta) * length), abs(speed) * square)
    dt = min(place.step, reach * square / rate) if c.fixed_step == 0.0 else c.fixed_step
    path = -speed * smooth_time(place, pending, dt)
    slide_r, slide_theta, slide_phi = slide_along_sheet(
        c, s, r, place.sin_theta, place.cos_theta, place.phase, nearest, path, blur
    )
    return dt, slide_r, slide_theta, slide_phi


@compiled
def smooth_time(place: Place, pending: float, dt: float) -> float:
    """Time of the smooth flow [day]: half the last step and half this, at most ``longest``.

    :func:`smooth_step` cuts it once more, by the rates halfway.
    """
    return min(fma(0.5, dt, pending), place.longest)


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
    here = medium(c, r, sin_theta, latitude)
    speed, dlnv_dr, dlnv_dlat, inverse_r, inverse_sin = (
        here.speed,
        here.dv_dr,
        here.dv_dlat,
        here.inverse_r,
        here.inverse_sin,
    )
    r_over_speed = r * here.slowness
    cotangent = cos_theta * inverse_sin
    gamma = c.spiral * sin_theta * r_over_speed
    root_q, inverse_q, inverse_wide = spiral(c, gamma)
    k_r = fma(-c.wind_gradient * r, dlnv_dr, 1.0)
    k_theta = fma(c.wind_gradient * north, dlnv_dlat, cotangent)
    radial, slope, _, _ = radial_diffusion(c, amplitude, root_q, inverse_q, inverse_wide, k_r)
    polar, polar_slope, _ = polar_terms(
        c, amplitude, here.polar, here.df_dlat, here.d2f_dlat2, root_q, inverse_q, north, k_theta, 0.0
    )
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
    rate_r = fma(-(speed + drift_vr), inverse_r, diffusive)
    rate_theta = fma(polar, polar_slope, -drift_vt * inverse_r)
    along_spiral = fma(radial, bending, diffusive)
    rate_phi = fma(winding, along_spiral, fma(-drift_vp * inverse_r, inverse_sin, c.corotation))
    gain = speed * (1.0 / 3.0) * fma(2.0, inverse_r, dlnv_dr) if r >= c.loss_radius else 0.0
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
    third = fma(2.0, square, bend) * (1.0 / 6.0)
    fourth = fma(slope, fma(6.0, square, 7.0 * bend), twist) * (1.0 / 24.0)
    stretch = fma(e, fma(e, fma(e, fourth, third), 0.5 * slope), 1.0)
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
    middle_r = r * fma(grown, fma(0.5, grown, 1.0), 1.0)
    rate_r, rate_theta, rate_phi, gain, _, _, _, _, _ = smooth_flow(
        c, s, middle_r, theta + turned_by, sin_theta, cos_theta, place.amplitude, place.drift_strength
    )
    time = min(time, 0.5 / (abs(rate_r) + abs(rate_theta)))
    gained = fma(gain, time, log_rigidity)
    return r * exp(rate_r * time), fma(rate_theta, time, theta), fma(rate_phi, time, phi), gained


@compiled
def radial_noise(
    c: RunConstants, r: float, theta: float, phi: float, amplitude: float, path: float
) -> tuple[float, float]:
    """(r, phi) after the radial noise; ``path`` = normal deviate * sqrt(2 dt) [day^1/2].

    The longitude is Simpson's rule along the way.
    """
    sin_theta = sin_cos(theta)[0]
    _, slowness, dlnv_dr, _ = wind_and_slowness(c, r, abs(_HALF_PI - theta))
    length = r * slowness
    gamma = c.spiral * sin_theta * length
    root_q, inverse_q, inverse_wide = spiral(c, gamma)
    k_r = fma(-c.wind_gradient * r, dlnv_dr, 1.0)
    diffusion, slope, bend, twist = radial_diffusion(c, amplitude, root_q, inverse_q, inverse_wide, k_r)
    winding = longitude_slope(c, length)
    if c.uniform_diffusion != 0.0:
        diffusion = amplitude * (1.0 / c.field_ratio) / (r * r)
        slope, bend, twist, winding = -1.0, 0.0, 0.0, 0.0
    e = min(max(path * math.sqrt(diffusion), -1.0), 1.0)
    ratio = exp(flow_series(e, slope, bend, twist))
    squared = c.perpendicular * gamma * gamma
    more = 1.0 + ratio
    there = fma(squared * ratio, ratio, 1.0)
    halfway = fma(squared * 0.25 * more, more, 1.0)
    mean = (inverse_wide + fma(4.0, there, halfway) / (there * halfway)) * (1.0 / 6.0)
    return r * ratio, fma(winding * mean, ratio - 1.0, phi)


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
    here = medium(c, r, sin_theta, latitude)
    inverse_sin = here.inverse_sin
    root_q, inverse_q, inverse_wide = spiral(c, c.spiral * r * sin_theta * here.slowness)
    k_theta = fma(cos_theta, inverse_sin, c.wind_gradient * north * here.dv_dlat)
    dk_theta = -fma(inverse_sin, inverse_sin, c.wind_gradient * here.d2v_dlat2)
    polar, slope, bend = polar_terms(
        c, amplitude, here.polar, here.df_dlat, here.d2f_dlat2, root_q, inverse_q, north, k_theta, dk_theta
    )
    rest = c.perpendicular * amplitude * root_q * inverse_wide
    if c.uniform_diffusion != 0.0:
        polar = amplitude * (1.0 / c.field_ratio) / (r * r)
        rest = polar
        slope, bend = 0.0, 0.0
    strength = math.sqrt(polar) * root_time
    outward = flow_series(min(max(strength * along, -1.0), 1.0), slope, bend, 0.0)
    sidestep = strength * fma(0.5 * slope, outward, 1.0) * aside
    moved = fma(math.sqrt(rest) * inverse_sin * root_time, around, phi)
    return turn(theta, sin_theta, cos_theta, outward, sidestep), moved


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
    r, phi = fold(c, r, phi)
    return r, theta, phi


@compiled
def fold(c: RunConstants, r: float, phi: float) -> tuple[float, float]:
    """(r, phi) outside the inner sphere, which reflects, and within a turn."""
    return max(r, c.inner_radius * c.inner_radius / r), fma(-_TWO_PI, math.floor(phi * (1.0 / _TWO_PI)), phi)


@compiled
def turn(theta: float, sin_theta: float, cos_theta: float, along: float, aside: float) -> float:
    """Colatitude after a step ``along`` the meridian and ``aside`` from it [rad].

    The sidestep gives the term cot(theta) K / r^2 of the generator as the mean of sqrt((tan + along)^2 + aside^2),
    exact for plane Brownian motion about the pole, so that the pole needs neither reflection nor short steps.
    """
    north = cos_theta >= 0.0
    pole_distance = theta if north else math.pi - theta
    outward = along if north else -along
    cosine = max(abs(cos_theta), 1e-12)
    radius, side = fma(outward, cosine, sin_theta), aside * cosine
    extra = aside * side / (math.sqrt(fma(radius, radius, side * side)) + abs(radius) + 1e-30)
    moved = min(max(abs(pole_distance + outward) + extra, 1e-9), math.pi - 1e-9)
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
