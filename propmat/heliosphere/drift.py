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
    blur: float,
) -> tuple[float, float, float]:
    """(dr [AU], dtheta [rad], dphi [rad]) of a displacement ``path`` [AU] across the field along the sheet.

    ``phase`` is the particle's phi0, ``nearest`` the phase displacement of the nearest sheet point, ``blur`` [AU] how
    far diffusion takes the particle while it slides as far (2 K_perp over the drift speed). The direction is eq. (13)
    at the particle's own (r, phi), or with ``nearest_direction`` normal x b, the northward normal at the nearest point
    and b at the particle. Its integral curves are the sheet displaced; :func:`bent_path` follows their bends.
    """
    if s.nearest_direction:
        return _slide_at(c, s, r, sin_theta, cos_theta, phase + nearest, path, blur)
    if s.sheet_follows_field:  # eq. (13) would slide along the other sheet
        return _slide_at(c, s, r, sin_theta, cos_theta, phase, path, blur)
    sine, cosine = sin_cos(phase)
    tangent = c.tan_tilt * sine
    secant = math.sqrt(fma(tangent, tangent, 1.0))
    inverse = 1.0 / (secant * r * sin_theta)  # one division for two
    cos_sheet = r * sin_theta * inverse
    slope, bend = sheet_slope(c.tan_tilt, sine, cosine, cos_sheet)
    rotation = r * cos_sheet * c.rotation
    root = math.sqrt(fma(rotation, rotation, c.sheet_wind * c.sheet_wind))
    steepness = root * (1.0 / c.sheet_wind) * secant
    turning = c.sheet_wind * secant * inverse
    gain = fma(rotation, 1.0 / c.sheet_length, turning)
    inverse = 1.0 / (root * gain)
    rate = gain * gain * inverse
    gained, risen = bent_path(slope * steepness, bend * steepness, rate * path, rate * blur)
    norm = gained * root * inverse
    return rotation * norm, -risen * c.sheet_wind * cos_sheet * gain * inverse, turning * norm


@compiled
def _slide_at(
    c: RunConstants,
    s: Switches,
    r: float,
    sin_theta: float,
    cos_theta: float,
    phase: float,
    path: float,
    blur: float,
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
    flat = max(abs(1.0 - slope * twist), 1e-6)
    rising = turning / (math.sqrt(1.0 + gamma * gamma) * flat)
    rate = rising / r
    gained, risen = bent_path(slope * rising, bend * rising, rate * path, rate * blur)
    dlat = risen / rising
    along = r * (gained - twist * dlat) / turning
    return gamma * along, -dlat, along / (r * sin_theta)


@compiled
def bent_path(steep: float, turn: float, path: float, blur: float) -> tuple[float, float]:
    """(x, rise) after a ``path`` along a curve of slope f = ``steep`` + ``turn`` x: dx = dpath / sqrt(1 + f^2).

    The integral of sqrt(1 + f^2) over f is taken as f sqrt(f^2 + 4)/2, whose derivative is within 5 % of it and made
    equal at the start: a long slide that begins before a crest goes over it, where f changes sign within a small part
    of the path. But where diffusion moves a particle much further than the crest is wide, ``turn`` x ``blur`` >> 1,
    while it slides as far, it finds itself on the crest all the time; whole slides would miss, on average, part of
    the drift along x there, so x is that of the direction at the start, while the rise remains that of the curve.
    """
    bent = math.copysign(max(abs(turn), 1e-6), turn)
    blurred = turn * blur
    crowd = fma(0.1 * blurred, blurred, 1.0)
    square = steep * steep
    wide, root = math.sqrt(square + 4.0), math.sqrt(square + 1.0)
    inverse = 1.0 / (wide * root)
    area = fma(bent * path, (square + 2.0) * inverse, 0.5 * steep * wide)
    end = area * math.sqrt(2.0 / (1.0 + math.sqrt(fma(area, area, 1.0))))
    both = 1.0 / (bent * crowd)  # one division for two
    x = (end - steep) * crowd * both if path != 0.0 else 0.0  # exactly
    straight = wide * inverse * path
    return fma(bent * both, x - straight, straight), 0.5 * (steep + end) * x
