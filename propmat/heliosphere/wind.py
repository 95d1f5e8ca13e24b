"""Solar wind: V(r, theta) of papers/000 eq. (5), radial, with latitude profile and termination shock."""

from __future__ import annotations

from propmat.heliosphere.kernels.constants import RunConstants
from propmat.heliosphere.kernels.primitives import compiled, exp


@compiled
def smooth_change(x: float, before: float, after: float) -> tuple[float, float, float]:
    """(y, dln y/dx, tanh x) of y = before + (after - before) (1 + tanh x) / 2, with one division; |x| < 150."""
    growth = exp(2.0 * x)
    share = 1.0 + growth
    weighted = before + after * growth
    inverse = 1.0 / (share * weighted)
    return weighted * weighted * inverse, 2.0 * (after - before) * growth * inverse, 1.0 - 2.0 * weighted * inverse


@compiled
def latitude_profile(c: RunConstants, latitude: float) -> tuple[float, float, float]:
    """(V/V0 inside the shock, dlnV/d|latitude| [1/rad], d2lnV/dlatitude2 [1/rad^2])."""
    slow, fast = c.wind_base - c.wind_amplitude, c.wind_base + c.wind_amplitude
    speed, slope, profile = smooth_change(6.8 * (latitude - c.wind_edge), slow, fast)
    slope = 6.8 * slope
    return speed, slope, -slope * (13.6 * profile + slope)


@compiled
def wind(c: RunConstants, r: float, latitude: float) -> tuple[float, float, float]:
    """(V [AU/day], dlnV/dr [1/AU], dlnV/d|latitude| [1/rad]) at r [AU] and |latitude| [rad]."""
    across, d_across, _ = latitude_profile(c, latitude)
    inverse_width = 1.0 / c.shock_width
    outward = min((r - c.shock_radius) * inverse_width, 20.0)
    before, after = c.shock_mean + c.shock_amplitude, c.shock_mean - c.shock_amplitude
    along, d_along, _ = smooth_change(outward, before, after)
    return c.wind_speed * across * along, d_along * inverse_width, d_across
