"""Solar wind: V(r, theta) of papers/000 eq. (5), radial, with latitude profile and termination shock."""

from __future__ import annotations

from propmat.heliosphere.kernels.constants import RunConstants
from propmat.heliosphere.kernels.primitives import compiled, exp, fma


@compiled
def change(twice: float, before: float, after: float) -> tuple[float, float, float]:
    """(S, W, D) of y = W/S = before + (after - before) (1 + tanh x) / 2, with y' = D/S^2; ``twice`` = 2 x < 300.

    Hence dln y/dx = D/(S W) and tanh x = 1 - 2/S: several such changes can share one division.
    """
    growth = exp(twice)
    return 1.0 + growth, fma(after, growth, before), 2.0 * (after - before) * growth


@compiled
def smooth_change(x: float, before: float, after: float) -> tuple[float, float, float]:
    """(y, dln y/dx, tanh x) of y = before + (after - before) (1 + tanh x) / 2; |x| < 150."""
    share, weighted, rise = change(2.0 * x, before, after)
    inverse = 1.0 / (share * weighted)
    return weighted * weighted * inverse, rise * inverse, 1.0 - 2.0 * weighted * inverse


@compiled
def latitude_change(c: RunConstants, latitude: float) -> tuple[float, float, float]:
    """:func:`change` of V/V0 inside the shock, x = 6.8 (|latitude| - edge)."""
    return change(13.6 * (latitude - c.wind_edge), c.wind_base - c.wind_amplitude, c.wind_base + c.wind_amplitude)


@compiled
def latitude_profile(c: RunConstants, latitude: float) -> tuple[float, float, float]:
    """(V/V0 inside the shock, dlnV/d|latitude| [1/rad], d2lnV/dlatitude2 [1/rad^2])."""
    share, weighted, rise = latitude_change(c, latitude)
    inverse = 1.0 / (share * weighted)
    slope = 6.8 * rise * inverse
    return weighted * weighted * inverse, slope, -slope * fma(-27.2 * weighted, inverse, 13.6 + slope)


@compiled
def shock_change(c: RunConstants, r: float) -> tuple[float, float, float]:
    """:func:`change` of V over that inside the shock, x = (r - r_TS) / L."""
    outward = min((r - c.shock_radius) * (2.0 / c.shock_width), 40.0)
    return change(outward, c.shock_mean + c.shock_amplitude, c.shock_mean - c.shock_amplitude)


@compiled
def wind_and_slowness(c: RunConstants, r: float, latitude: float) -> tuple[float, float, float, float]:
    """(V [AU/day], 1/V, dlnV/dr [1/AU], dlnV/d|latitude| [1/rad]) at r [AU] and |latitude| [rad]."""
    share, weighted, rise = latitude_change(c, latitude)
    share_r, weighted_r, rise_r = shock_change(c, r)
    both, both_r = share * weighted, share_r * weighted_r
    inverse = 1.0 / (both * both_r)
    up, down = weighted * weighted_r, share * share_r
    speed, slowness = c.wind_speed * up * up * inverse, (1.0 / c.wind_speed) * down * down * inverse
    return speed, slowness, (1.0 / c.shock_width) * rise_r * both * inverse, 6.8 * rise * both_r * inverse


@compiled
def wind(c: RunConstants, r: float, latitude: float) -> tuple[float, float, float]:
    """(V [AU/day], dlnV/dr [1/AU], dlnV/d|latitude| [1/rad]) at r [AU] and |latitude| [rad]."""
    speed, _, dlnv_dr, dlnv_dlat = wind_and_slowness(c, r, latitude)
    return speed, dlnv_dr, dlnv_dlat
