"""The wavy current sheet: tan(latitude) = tan(tilt) sin(phi0), phi0 = phi + r / sheet_length.

The distance is the minimum over the surface. Near a particle the sheet is a family of spirals of constant phase
and latitude; displacing the phase by delta costs delta^2 m^2, 1/m^2 = 1/sheet_length^2 + 1/(r cos(latitude))^2,
the shortest way to that spiral, and the latitude difference costs r^2 (lambda_s - lambda)^2. The two crossings of the
particle's own latitude that lie nearest in phase (or the crest, above it) start a safeguarded Newton search for the
minimum of that sum; the result is the exact chord to the point found.
"""

from __future__ import annotations

import math

from propmat.heliosphere.kernels.constants import RunConstants
from propmat.heliosphere.kernels.primitives import compiled, sin_cos

_TWO_PI = 2.0 * math.pi
_ITERATIONS = 4


@compiled
def arcsine(x: float) -> float:
    """asin(x) for |x| <= 1, absolute error < 1e-4 (a starting point only; Hastings' form)."""
    y = min(abs(x), 1.0)
    root = math.sqrt(1.0 - y)
    value = 0.5 * math.pi - root * (1.5707288 + y * (-0.2121144 + y * (0.0742610 - 0.0187293 * y)))
    return value if x >= 0.0 else -value


@compiled
def wrap(angle: float) -> float:
    """An angle brought into [-pi, pi]."""
    return angle - _TWO_PI * math.floor(angle / _TWO_PI + 0.5)


@compiled
def _closest_phase(
    t: float, sin_latitude: float, cos_latitude: float, phase: float, start: float, radial: float, along: float
) -> float:
    """Phase displacement that minimises radial (lambda_s - lambda)^2 + along delta^2, from ``start``."""
    delta = start
    for _ in range(_ITERATIONS):
        sine, cosine = sin_cos(phase + delta)
        w2 = 1.0 / (1.0 + t * t * sine * sine)
        gap = (t * sine * cos_latitude - sin_latitude) * math.sqrt(w2)
        slope = t * cosine * w2
        bend = -t * sine * w2 * (1.0 + 2.0 * slope * t * cosine)
        square = radial * slope * slope
        curvature = max(square + radial * gap * bend, 0.3 * square) + along
        delta -= (radial * gap * slope + along * delta) / curvature
    return min(max(delta, -_TWO_PI), _TWO_PI)


@compiled
def _chord_squared(
    c: RunConstants, r: float, sin_latitude: float, cos_latitude: float, phase: float, delta: float, share: float
) -> float:
    """Squared chord from the particle to the sheet point of phase displacement delta."""
    sine, _ = sin_cos(phase + delta)
    tangent = c.tan_tilt * sine
    cos_sheet = 1.0 / math.sqrt(1.0 + tangent * tangent)
    turn = share * delta
    other = max(r + c.sheet_length * (delta - turn), 0.0)
    _, cos_turn = sin_cos(turn)
    aligned = cos_sheet * (sin_latitude * tangent + cos_latitude * cos_turn)
    return max(r * r + other * other - 2.0 * r * other * aligned, 0.0)


@compiled
def sheet_distance(c: RunConstants, r: float, sin_latitude: float, cos_latitude: float, phase: float) -> float:
    """Distance [AU] from (r, latitude) at sheet phase phi0 to the nearest point of the sheet."""
    t = max(c.tan_tilt, 1e-6)
    ratio = min(max(sin_latitude / max(cos_latitude * t, 1e-12), -1.0), 1.0)
    crossing = arcsine(ratio)
    first = wrap(crossing - phase)
    second = wrap(math.pi - crossing - phase)
    length2 = c.sheet_length * c.sheet_length
    arc2 = max(r * r * cos_latitude * cos_latitude, 1e-12)
    along = length2 * arc2 / (length2 + arc2)
    share = length2 / (length2 + arc2)
    first = _closest_phase(t, sin_latitude, cos_latitude, phase, first, r * r, along)
    second = _closest_phase(t, sin_latitude, cos_latitude, phase, second, r * r, along)
    one = _chord_squared(c, r, sin_latitude, cos_latitude, phase, first, share)
    two = _chord_squared(c, r, sin_latitude, cos_latitude, phase, second, share)
    return math.sqrt(min(one, two))
