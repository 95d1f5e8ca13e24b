"""Drift in the weak-scattering limit: gradient and curvature, and along the current sheet (papers/000 eqs. 11-13)."""

from __future__ import annotations

import math

from propmat.heliosphere.current_sheet import arcsine, sheet_slope, winding_near, wound_radius
from propmat.heliosphere.kernels.constants import RunConstants, Switches
from propmat.heliosphere.kernels.primitives import compiled, fma, sin_cos
from propmat.heliosphere.wind import wind


@compiled
def gradient_drift(
    c: RunConstants,
    s: Switches,
    strength: float,
    r: float,
    gamma: float,
    inverse_q: float,
    cotangent: float,
    g_r: float,
    g_theta: float,
) -> tuple[float, float, float]:
    """(V_r, V_theta, V_phi) [AU/day]; ``strength`` = q A H 2 beta R / (3 B_n) [1/day], H = +1 north of the sheet.

    ``inverse_q`` = 1 / (1 + gamma^2), ``g_r`` = 1 - dlnV/dlnr and ``g_theta`` = cot(theta) - dlnV/dtheta. Eq. (11) is
    the curl of B/B^2 in a uniform wind only; ``exact_drift`` has the curl for V(r, theta).
    """
    gamma2 = gamma * gamma
    common = strength * r * inverse_q * inverse_q
    if s.exact_drift:
        return (
            -0.5 * common * gamma * (cotangent * (1.0 + gamma2) + g_theta * (1.0 - gamma2)),
            0.5 * common * gamma * (3.0 * (1.0 + gamma2) + g_r * (1.0 - gamma2)),
            common * gamma2 * g_theta,
        )
    return -common * gamma * cotangent, common * (2.0 + gamma2) * gamma, common * gamma2 * cotangent


@compiled
def sheet_drift_profile(distance: float, gyroradius: float) -> float:
    """Sheet-drift speed over beta c at a distance [AU] from the sheet, eq. (12); 0 where the fit dips below 0."""
    x = distance / gyroradius
    profile = max(fma(x, fma(0.0915, x, -0.412), 0.457), 0.0)
    return profile if x < 2.0 else 0.0


@compiled
def sheet_gyroradius(
    c: RunConstants, s: Switches, rigidity: float, r: float, phase: float, nearest: float, local: float
) -> float:
    """Gyroradius [AU] that scales the layer of the sheet drift: ``local``, or with ``nearest_direction`` the sheet's.

    The profile integrates to the sheet's current, 2 R/(3 B) on each side, along a normal if its r_g is the one at the
    normal's foot, phase phi0 + ``nearest``; where |B| varies across the layer the local one does not.
    """
    if s.nearest_direction:
        sine, _ = sin_cos(phase + nearest)
        tangent = c.tan_tilt * sine
        cos_sheet = 1.0 / math.sqrt(1.0 + tangent * tangent)
        gamma = c.spiral * r * cos_sheet / wind(c, r, abs(arcsine(tangent * cos_sheet)))[0]
        return c.gyroradius * rigidity * r * r / math.sqrt(1.0 + gamma * gamma)
    return local


@compiled
def slide_along_sheet(
    c: RunConstants,
    s: Switches,
    r: float,
    sin_theta: float,
    cos_theta: float,
    phase: float,
    nearest: float,
    path: float,
) -> tuple[float, float, float]:
    """(dr [AU], dtheta [rad], dphi [rad]) of a displacement ``path`` [AU] across the field along the sheet.

    ``phase`` is the particle's phi0, ``nearest`` the phase displacement of the nearest sheet point. The direction is
    eq. (13) at the particle's own (r, phi), or with ``nearest_direction`` normal x b, the northward normal at the
    nearest point and b at the particle. Its integral curves are the sheet displaced, so dtheta is taken from the
    sheet's latitudes at both ends, and the length from the slope halfway: a long step does not leave the layer at a
    fold, nor run down a flank from a crest that bends within less than a gyroradius.
    """
    if s.nearest_direction:
        return _slide_at(c, s, r, sin_theta, cos_theta, phase + nearest, path)
    if s.sheet_follows_field:  # eq. (13) would slide along the other sheet
        return _slide_at(c, s, r, sin_theta, cos_theta, phase, path)
    sine, cosine = sin_cos(phase)
    tangent = c.tan_tilt * sine
    secant = math.sqrt(fma(tangent, tangent, 1.0))
    inverse = 1.0 / (secant * r * sin_theta)  # one division for two
    cos_sheet = r * sin_theta * inverse
    slope, bend = sheet_slope(c.tan_tilt, sine, cosine, cos_sheet)
    rotation = r * cos_sheet * c.rotation
    square = fma(rotation, rotation, c.sheet_wind * c.sheet_wind)
    across = square * (1.0 / c.sheet_wind) * secant
    turning = c.sheet_wind * secant * inverse
    gain = fma(rotation, 1.0 / c.sheet_length, turning)
    steep = slope * across
    norm = path / math.sqrt(fma(steep, steep, square))
    steep = fma(bend * across, _halfway(norm * gain), steep)
    norm = path / math.sqrt(fma(steep, steep, square))
    other = c.tan_tilt * sin_cos(fma(norm, gain, phase))[0]
    return rotation * norm, -small_angle(other - tangent, fma(other, tangent, 1.0)), turning * norm


@compiled
def _halfway(gained: float) -> float:
    """Half of a gain in phase, at most pi/4: what starts at a crest must not take the next one's slope."""
    return min(max(0.5 * gained, -0.25 * math.pi), 0.25 * math.pi)


@compiled
def _slide_at(
    c: RunConstants, s: Switches, r: float, sin_theta: float, cos_theta: float, phase: float, path: float
) -> tuple[float, float, float]:
    """The slide along the surface through the sheet's point of phase phi0 = ``phase``.

    Phi is the winding, Phi_r = 1/pitch, slope = dlat/dphi0 on the sheet and flat = 1 - slope Phi_lat. The northward
    normal is n ~ (-slope/pitch, -flat/r, -slope/(r cos_sheet)); with b ~ (1, 0, -Gamma) of the particle, n x b ~
    (Gamma flat, -slope turning, flat), turning = 1/cos_sheet + Gamma r/pitch. The point gains phase at the rate
    turning / r; dr and dphi, in the ratio above, make up what the change of latitude leaves of it.
    """
    sine, cosine = sin_cos(phase)
    tangent = c.tan_tilt * sine
    cos_sheet = 1.0 / math.sqrt(1.0 + tangent * tangent)
    slope, bend = sheet_slope(c.tan_tilt, sine, cosine, cos_sheet)
    gamma = c.spiral * r * sin_theta / wind(c, r, abs(arcsine(cos_theta)))[0]
    pitch, twist = c.sheet_length, 0.0
    if s.sheet_follows_field:
        latitude = arcsine(tangent * cos_sheet)
        pitch = wind(c, r, abs(latitude))[0] / c.rotation
        twist = winding_near(c, wound_radius(c, r), abs(latitude))[1] * (1.0 if latitude >= 0.0 else -1.0)
    turning = 1.0 / cos_sheet + gamma * r / pitch
    across = 1.0 + gamma * gamma
    flat, steep = 1.0 - slope * twist, slope * turning
    gained = path / r * turning / math.sqrt(across * flat * flat + steep * steep)
    slope += bend * _halfway(gained)
    flat, steep = 1.0 - slope * twist, slope * turning
    gained = path / r * turning / math.sqrt(across * flat * flat + steep * steep)
    sine, _ = sin_cos(phase + gained)
    other = c.tan_tilt * sine
    dlat = small_angle(other - tangent, 1.0 + other * tangent)
    along = r * (gained - twist * dlat) / turning
    return gamma * along, -dlat, along / (r * sin_theta)


@compiled
def small_angle(y: float, x: float) -> float:
    """arctan(y / x), absolute error < 5.1e-3, and < 6e-5 for |y| < 0.1 |x|, which is where steps use it."""
    small = abs(y) < abs(x)
    near, far = (x, y) if small else (y, x)
    value = near * far / fma(near, near, 0.28125 * far * far)
    return value if small else math.copysign(0.5 * math.pi, x * y) - value


@compiled
def small_arctan(x: float) -> float:
    """:func:`small_angle` of a quotient."""
    return small_angle(x, 1.0)
