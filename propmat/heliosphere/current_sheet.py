"""The wavy current sheet: tan(latitude) = tan(tilt) sin(phi0), phi0 = phi + winding of the field line.

The sheet is a family of field lines of label phi0 = P and latitude lambda_s(P). At the particle's radius the line of
label phi0 + delta is displaced in longitude by eta = delta, or by delta + Phi(r, lambda) - Phi(r, lambda_s) where the
winding depends on latitude. Near the particle the line is straight, so that its squared distance is
m^2 eta^2 + r^2 (lambda_s - lambda)^2, 1/m^2 = 1/pitch^2 + 1/(r cos(latitude))^2.

Reflection about a crest keeps the latitude, so that with a common winding the lines of the particle's own flank are
the nearer ones: the search starts at that flank's crossing of the particle's latitude (or at the crest, above it). Two
steps of Halley's method find the line and a Newton step on the exact chord, over the surface, the distance.
"""

from __future__ import annotations

import math

from propmat.heliosphere.kernels.constants import RunConstants, Switches
from propmat.heliosphere.kernels.primitives import compiled, exp, fma, log, short_sin_cos, sin_cos
from propmat.heliosphere.wind import wind

_HALF_PI = 0.5 * math.pi
_TWO_PI = 2.0 * math.pi


@compiled
def arcsine(x: float) -> float:
    """asin(x) for |x| <= 1, absolute error < 3e-8 (Abramowitz and Stegun 4.4.46)."""
    y = min(abs(x), 1.0)
    p = fma(y, -0.0012624911, 0.0066700901)
    p = fma(y, p, -0.0170881256)
    p = fma(y, p, 0.0308918810)
    p = fma(y, p, -0.0501743046)
    p = fma(y, p, 0.0889789874)
    p = fma(y, p, -0.2145988016)
    p = fma(y, p, 1.5707963050)
    value = fma(-math.sqrt(1.0 - y), p, _HALF_PI)
    return value if x >= 0.0 else -value


@compiled
def wrap(angle: float) -> float:
    """An angle brought into [-pi, pi]."""
    return fma(-_TWO_PI, math.floor(fma(angle, 1.0 / _TWO_PI, 0.5)), angle)


@compiled
def wound_radius(c: RunConstants, r: float) -> float:
    """The integral of V(0)/V from the Sun to r [AU]: r inside the shock, growing s times as fast beyond it."""
    inverse_ratio = c.shock_mean - c.shock_amplitude
    scale = 0.5 * c.shock_width * (1.0 / inverse_ratio - 1.0)
    outward = (r - c.shock_radius) / c.shock_width
    near = log(1.0 + inverse_ratio * exp(2.0 * min(outward, 17.0)))
    far = 2.0 * outward + log(inverse_ratio)
    at_sun = log(1.0 + inverse_ratio * exp(-2.0 * c.shock_radius / c.shock_width))
    return r + scale * ((near if outward < 17.0 else far) - at_sun)


@compiled
def sheet_winding(c: RunConstants, s: Switches, r: float, latitude: float) -> float:
    """Winding of the field line [rad] between the Sun and r [AU] at |latitude| [rad]: phi0 = phi + winding."""
    if s.sheet_follows_field:
        return c.rotation * wound_radius(c, r) / wind(c, 0.0, latitude)[0]
    return r * (1.0 / c.sheet_length)


@compiled
def winding_near(c: RunConstants, wound: float, latitude: float) -> tuple[float, float, float]:
    """(winding, its first and second derivative by |latitude|) of field lines in the sheet that follows the field.

    ``wound`` is :func:`wound_radius` at the radius, ``latitude`` is |latitude|. The second derivative is that of the
    wind's tanh profile.
    """
    speed, _, gradient = wind(c, 0.0, latitude)
    winding = c.rotation * wound / speed
    profile = (c.wind_base - speed / c.wind_speed) / max(c.wind_amplitude, 1e-9)
    return winding, -winding * gradient, 2.0 * winding * gradient * (gradient - 6.8 * profile)


@compiled
def sheet_slope(t: float, sine: float, cosine: float, cos_sheet: float) -> tuple[float, float]:
    """First and second derivative of the sheet's latitude by phase."""
    square = t * cos_sheet * cos_sheet
    slope = cosine * square
    return slope, -sine * square * fma(2.0 * t * slope, cosine, 1.0)


@compiled
def _halley(gap: float, slope: float, bend: float, eta: float, rate: float, turning: float, k2: float) -> float:
    """Step back in phase towards the minimum of gap^2 + k2 eta^2, given the derivatives by phase; safeguarded."""
    square = slope * slope
    pull, lean = k2 * eta, k2 * rate
    first = fma(gap, slope, pull * rate)
    second = fma(lean, rate, max(fma(gap, bend, fma(pull, turning, square)), 0.3 * square))
    third = 1.5 * fma(slope, bend, lean * turning)
    squared = second * second
    return first * second / max(fma(-first, third, squared), 0.5 * squared)


@compiled
def _line(
    c: RunConstants,
    s: Switches,
    sin_latitude: float,
    cos_latitude: float,
    p: float,
    delta: float,
    side: float,
    latitude: float,
    within: float,
    twist: float,
    change: float,
) -> tuple[float, float, float, float, float, float, float]:
    """The field line of the sheet of label p + delta: (sine, cos_sheet, gap, slope, bend, lag, turned).

    ``gap`` is the sine of its latitude less the particle's, ``slope`` and ``bend`` are its latitude's derivatives by
    phase, delta + ``lag`` is its displacement in longitude and ``turned`` the derivative of lag by its latitude. All
    signs of phase and longitude are those of ``side``, the flank. The winding is expanded about |latitude| ``within``.
    """
    t = c.tan_tilt
    sine, cosine = short_sin_cos(p + delta)  # on its flank, within pi/2
    tangent = t * sine
    cos_sheet = 1.0 / math.sqrt(fma(tangent, tangent, 1.0))
    gap = fma(tangent, cos_latitude, -sin_latitude) * cos_sheet
    slope, bend = sheet_slope(t, sine, cosine, cos_sheet)
    if s.sheet_follows_field:
        square = gap * gap
        there = min(max(latitude + gap * (1.0 + square * (1.0 / 6.0 + square * 0.075)), -c.tilt), c.tilt)
        poleward = abs(there) - within
        lag = -side * poleward * (twist + 0.5 * change * poleward)
        north = 1.0 if there >= 0.0 else -1.0
        return sine, cos_sheet, gap, slope, bend, lag, -side * north * (twist + change * poleward)
    return sine, cos_sheet, gap, slope, bend, 0.0, 0.0


@compiled
def _foot(
    r: float,
    sin_latitude: float,
    cos_latitude: float,
    tangent: float,
    cos_sheet: float,
    gap: float,
    slope: float,
    bend: float,
    eta: float,
    rate: float,
    turning: float,
    pitch: float,
    share: float,
) -> tuple[float, float]:
    """(squared distance, step back in phase) from the exact chord to the line's foot and one Newton step on it.

    The step is in the phase and in the longitude along the line. The chord is written without cancellation.
    """
    turn = share * eta
    radial = max(pitch * (eta - turn), -r)
    both = r * (r + radial)
    half_sine, half_cosine = sin_cos(0.5 * turn)
    straight = fma(tangent, sin_latitude, cos_latitude) * cos_sheet
    square = gap * gap
    near = 0.5 * square * fma(square, fma(square, fma(square, 0.078125, 0.125), 0.25), 1.0)
    cross = cos_latitude * cos_sheet
    bow = 2.0 * half_sine * half_sine
    lost = fma(cross, bow, near if square < 0.01 else 1.0 - straight)
    chord = fma(radial, radial, 2.0 * both * lost)

    pull = pitch * fma(r, lost, radial)
    lift = fma(-cross * tangent, bow, gap)
    g1 = fma(both * lift, slope, pull * rate)
    g2 = fma(2.0 * both * cross * half_sine, half_cosine, -pull)
    steep = slope * slope
    h22 = fma(pitch, pitch, both * cross)
    h12 = -pitch * pitch * rate
    h11 = fma(both, max(fma(gap, bend, steep), 0.3 * steep), max(fma(pull, turning, -h12 * rate), -0.5 * pull))
    inverse = 1.0 / fma(h11, h22, -h12 * h12)
    by_phase = fma(g1, h22, -g2 * h12) * inverse
    by_turn = fma(g2, h11, -g1 * h12) * inverse
    return max(fma(-g1, by_phase, fma(-g2, by_turn, chord)), 0.25 * chord), by_phase


@compiled
def nearest_sheet(
    c: RunConstants, s: Switches, r: float, sin_latitude: float, cos_latitude: float, phase: float
) -> tuple[float, float]:
    """(distance [AU], phase displacement) of the sheet point nearest to (r, latitude) at sheet phase phi0.

    Accurate within a few gyroradii of the sheet and exact for a flat one; elsewhere about the distance to one of its
    points. The displacement is up to whole turns.
    """
    t = c.tan_tilt
    pitch, latitude, within, twist, change, shift = c.sheet_length, 0.0, 0.0, 0.0, 0.0, 0.0
    if s.sheet_follows_field:
        latitude = arcsine(sin_latitude)
        within = min(abs(latitude), c.tilt)
        wound = wound_radius(c, r)
        winding, twist, change = winding_near(c, wound, within)
        shift = winding - c.rotation * wound / wind(c, 0.0, abs(latitude))[0]
        pitch = wind(c, r, within)[0] / c.rotation
    steepest = max(cos_latitude * t, 1e-12)
    cylinder = r * cos_latitude
    wide = fma(cylinder, cylinder, pitch * pitch)
    inverse = 1.0 / (steepest * wide)  # one division for two
    ratio = min(max(sin_latitude * wide * inverse, -1.0), 1.0)
    share = pitch * pitch * steepest * inverse
    crossing = arcsine(ratio)
    north = 1.0 if sin_latitude >= 0.0 else -1.0
    p = wrap(phase + shift)
    side = 1.0 if abs(p) <= _HALF_PI else -1.0
    p = p if side > 0.0 else math.copysign(math.pi, p) - p
    k2 = share * cos_latitude * cos_latitude

    cos_sheet = max(cos_latitude, 1.0 / math.sqrt(1.0 + t * t))
    slope, bend = sheet_slope(t, ratio, math.sqrt(fma(-ratio, ratio, 1.0)), cos_sheet)
    if s.sheet_follows_field:  # the flanks are not mirror images: take the one that is nearer to first order
        mirrored = math.copysign(math.pi, crossing + p) - p
        sheared = north * twist * slope
        steep, lean = slope * slope + k2 * (1.0 + sheared * sheared), 2.0 * k2 * side * sheared
        own = (crossing - p) * (crossing - p) / (steep - lean)
        other = (crossing - mirrored) * (crossing - mirrored) / (steep + lean)
        p = mirrored if other < 0.999 * own else p
        side = -side if other < 0.999 * own else side
    turned = -side * north * twist
    gap = fma(t * ratio, cos_latitude, -sin_latitude) * cos_sheet
    delta = crossing - p
    delta -= _halley(gap, slope, bend, delta, 1.0 + turned * slope, turned * bend, k2)
    delta = min(max(delta, -_HALF_PI - p), _HALF_PI - p)

    _, _, gap, slope, bend, lag, turned = _line(
        c, s, sin_latitude, cos_latitude, p, delta, side, latitude, within, twist, change
    )
    delta -= _halley(gap, slope, bend, delta + lag, 1.0 + turned * slope, turned * bend, k2)
    delta = min(max(delta, -_HALF_PI - p), _HALF_PI - p)

    sine, cos_sheet, gap, slope, bend, lag, turned = _line(
        c, s, sin_latitude, cos_latitude, p, delta, side, latitude, within, twist, change
    )
    square, back = _foot(
        r,
        sin_latitude,
        cos_latitude,
        t * sine,
        cos_sheet,
        gap,
        side * slope,
        bend,
        side * (delta + lag),
        1.0 + turned * slope,
        side * turned * bend,
        pitch,
        share,
    )
    return math.sqrt(square), side * delta - back + shift


@compiled
def sheet_distance_bound(
    c: RunConstants, s: Switches, r: float, sin_latitude: float, cos_latitude: float, phase: float
) -> float:
    """Lower bound [AU] of the distance to the sheet, without a search.

    It is the larger of the distance to the cones of the tilt, from outside, and of |F| / max |grad F| with
    F = z cos(tilt) - rho sin(tilt) sin(phi0), zero on the sheet; |grad F| <= 1 + rho sin(tilt) |grad (phi0 - phi)|,
    with rho at most d more than the particle's. Where the sheet follows the field, the second applies within the tilt
    and up to r/10, with the slowest wind and its steepest gradient there.
    """
    cos_tilt = 1.0 / math.sqrt(1.0 + c.tan_tilt * c.tan_tilt)
    sin_tilt = c.tan_tilt * cos_tilt
    high = abs(sin_latitude)
    outside = high * cos_tilt > cos_latitude * sin_tilt
    cone = high * cos_tilt - cos_latitude * sin_tilt if high * sin_tilt + cos_latitude * cos_tilt > 0.0 else 1.0
    cone = r * max(cone, 0.0)
    value = r * abs(fma(sin_latitude, cos_tilt, -cos_latitude * sin_tilt * sin_cos(phase)[0]))
    winding = sin_tilt * (1.0 / c.sheet_length)
    if s.sheet_follows_field:
        steepest = wind(c, 0.0, c.tilt + 0.1002)[2]
        winding = sin_tilt * c.rotation / wind(c, 1.1 * r, 0.0)[0] * math.sqrt(1.0 + steepest * steepest)
    most = fma(r * cos_latitude, winding, 1.0)
    reach = 2.0 * value / (most + math.sqrt(fma(most, most, 4.0 * winding * value)))
    if s.sheet_follows_field:
        reach = 0.0 if outside else min(reach, 0.1 * r)
    return max(cone, reach)
