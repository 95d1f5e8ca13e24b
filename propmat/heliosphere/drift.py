"""Drift in the weak-scattering limit: gradient and curvature, and along the current sheet (papers/000 eqs. 11-13)."""

from __future__ import annotations

import math

from propmat.heliosphere.kernels.constants import RunConstants
from propmat.heliosphere.kernels.primitives import compiled, sin_cos


@compiled
def gradient_drift(
    strength: float, r: float, sin_theta: float, cos_theta: float, gamma: float
) -> tuple[float, float, float]:
    """(V_r, V_theta, V_phi) [AU/day]; ``strength`` = q A H 2 beta R / (3 B_n) [1/day], H = +1 north of the sheet."""
    gamma2 = gamma * gamma
    common = strength * r / ((1.0 + gamma2) * (1.0 + gamma2))
    cotangent = cos_theta / sin_theta
    return -common * gamma * cotangent, common * (2.0 + gamma2) * gamma, common * gamma2 * cotangent


@compiled
def sheet_drift_profile(distance: float, gyroradius: float) -> float:
    """Sheet-drift speed over beta c at a distance [AU] from the sheet, eq. (12); 0 where the fit dips below 0."""
    x = distance / gyroradius
    profile = max(0.457 + x * (-0.412 + 0.0915 * x), 0.0)
    return profile if x < 2.0 else 0.0


@compiled
def slide_along_sheet(
    c: RunConstants, r: float, sin_theta: float, phase: float, sin_phase: float, cos_phase: float, path: float
) -> tuple[float, float, float]:
    """(dr [AU], dtheta [rad], dphi [rad]) of a displacement ``path`` [AU] across the field along the sheet.

    ``phase`` is phi0 = phi + r / sheet_length, with its sine and cosine. The direction is eq. (13) at the particle's
    own (r, phi). Its integral curves are the sheet moved in latitude, so dtheta is taken from the sheet's latitudes at
    both ends: a long step does not leave the layer at a fold.
    """
    tangent = c.tan_tilt * sin_phase
    sin_sheet = 1.0 / math.sqrt(1.0 + tangent * tangent)
    wind = c.sheet_wind
    rotation = r * sin_sheet * c.rotation
    across = c.tan_tilt * sin_sheet * cos_phase * (wind * wind + rotation * rotation) / wind
    norm = path / math.sqrt(rotation * rotation + across * across + wind * wind)
    dr = rotation * norm
    dphi = wind * norm / (r * sin_theta)
    sine, _ = sin_cos(phase + dphi + dr / c.sheet_length)
    other = c.tan_tilt * sine
    return dr, -small_arctan((other - tangent) / (1.0 + other * tangent)), dphi


@compiled
def small_arctan(x: float) -> float:
    """arctan(x), absolute error < 5.1e-3, and < 6e-5 for |x| < 0.1, which is where steps use it."""
    return x / (1.0 + 0.28125 * x * x) if abs(x) < 1.0 else math.copysign(0.5 * math.pi, x) - x / (x * x + 0.28125)
