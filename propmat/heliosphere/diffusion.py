"""Diffusion: the symmetric tensor of papers/000 eqs. (7)-(8) in the Parker field, as noise along two directions.

K_par = A r^2 / sqrt(q) with q = 1 + Gamma^2, Gamma = Omega r sin(theta) / V, and A = kappa(R) sqrt(1 + Gamma_E^2),
since |B| = B_n sqrt(q) / r^2. In x = ln r and phi the tensor is split into a radial noise u d/dx + w d/dphi, which
carries all of K_rr and K_r_phi, and a noise in phi alone; theta has its own. Derivatives act on the local field,
V(r, theta) included.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from propmat.heliosphere.kernels.constants import RunConstants
from propmat.heliosphere.kernels.primitives import compiled, exp, fma, log
from propmat.heliosphere.wind import change, latitude_change, shock_change


@compiled
def beta(c: RunConstants, rigidity: float) -> float:
    """v/c at a rigidity [GV]."""
    return rigidity / math.sqrt(rigidity * rigidity + c.mass_per_charge * c.mass_per_charge)


@compiled
def rigidity_factor(c: RunConstants, log_rigidity: float, rigidity: float) -> float:
    """K0 beta F(R) [AU^2/day], the smoothly broken power law of eq. (7) without B0/|B| (m = 3)."""
    cubed = rigidity * rigidity * rigidity
    smooth = log((cubed + c.break_cubed) * (1.0 / (1.0 + c.break_cubed)))
    return c.diffusion * beta(c, rigidity) * exp(c.slope_low * log_rigidity + c.slope_change * smooth)


@compiled
def polar_change(c: RunConstants, latitude: float) -> tuple[float, float, float]:
    """:func:`change` of f of eq. (8), K_perp_theta over its equatorial value, x = 8 (|latitude| - theta_F)."""
    low, high = c.polar_mean - c.polar_amplitude, c.polar_mean + c.polar_amplitude
    return change(16.0 * (latitude - c.polar_latitude), low, high)


@compiled
def polar_factor(c: RunConstants, latitude: float) -> tuple[float, float, float]:
    """(f, dln f/d|latitude|, its derivative) of eq. (8)."""
    share, weighted, rise = polar_change(c, latitude)
    inverse = 1.0 / (share * weighted)
    slope = 8.0 * rise * inverse
    return weighted * weighted * inverse, slope, -slope * fma(-32.0 * weighted, inverse, 16.0 + slope)


class Medium(NamedTuple):
    """The wind, f of eq. (8) and 1/r, 1/sin(theta) at a place, from one division; derivatives are of logarithms.

    Attributes:
        speed, slowness: V [AU/day] and 1/V.
        dv_dr, dv_dlat, d2v_dlat2: of ln V by r [1/AU] and |latitude|.
        polar, df_dlat, d2f_dlat2: f, and of ln f by |latitude|.
        inverse_r, inverse_sin: 1/r [1/AU], 1/sin(theta).
    """

    speed: float
    slowness: float
    dv_dr: float
    dv_dlat: float
    d2v_dlat2: float
    polar: float
    df_dlat: float
    d2f_dlat2: float
    inverse_r: float
    inverse_sin: float


@compiled
def medium(c: RunConstants, r: float, sin_theta: float, latitude: float) -> Medium:
    """At r [AU], sin(theta) and |latitude| [rad]."""
    share, weighted, rise = latitude_change(c, latitude)
    share_r, weighted_r, rise_r = shock_change(c, r)
    share_f, weighted_f, rise_f = polar_change(c, latitude)
    both, both_r, both_f = share * weighted, share_r * weighted_r, share_f * weighted_f
    cylinder = r * sin_theta
    inside, outside = both * both_r, both_f * cylinder
    inverse = 1.0 / (inside * outside)
    inverse_wind = outside * inverse
    rest = inside * inverse
    inverse_cylinder = both_f * rest
    up, down = weighted * weighted_r, share * share_r
    inverse_lat, inverse_f = both_r * inverse_wind, cylinder * rest
    slope, slope_f = 6.8 * rise * inverse_lat, 8.0 * rise_f * inverse_f
    return Medium(
        c.wind_speed * up * up * inverse_wind,
        (1.0 / c.wind_speed) * down * down * inverse_wind,
        (1.0 / c.shock_width) * rise_r * both * inverse_wind,
        slope,
        -slope * fma(-27.2 * weighted, inverse_lat, 13.6 + slope),
        weighted_f * weighted_f * inverse_f,
        slope_f,
        -slope_f * fma(-32.0 * weighted_f, inverse_f, 16.0 + slope_f),
        sin_theta * inverse_cylinder,
        r * inverse_cylinder,
    )


@compiled
def spiral(c: RunConstants, gamma: float) -> tuple[float, float, float]:
    """(sqrt q, 1/q, 1/(1 + 0.02 Gamma^2)) with q = 1 + Gamma^2; 0.02 is K_perp_r / K_par."""
    squared = gamma * gamma
    q = 1.0 + squared
    wide = fma(c.perpendicular, squared, 1.0)
    inverse = 1.0 / (q * wide)
    return math.sqrt(q), wide * inverse, q * inverse


@compiled
def radial_diffusion(
    c: RunConstants, amplitude: float, root_q: float, inverse_q: float, inverse_wide: float, g_r: float
) -> tuple[float, float, float, float]:
    """(D, p, p', p'') with D = K_rr / r^2 [1/day], p = dln(sqrt D)/dln r, and its derivatives by ln r.

    ``amplitude`` is A [AU^2/day], the next three are from :func:`spiral`, ``g_r`` = dln(Gamma)/dln r, whose own
    derivative is left out.
    """
    across = 1.0 - inverse_wide
    along = 1.0 - inverse_q
    first = across * inverse_wide
    second = 1.5 * along * inverse_q
    square = g_r * g_r
    bend = 2.0 * square * (first - second)
    twist = 4.0 * square * g_r * (first * fma(-2.0, across, 1.0) - second * fma(-2.0, along, 1.0))
    wide = fma(c.perpendicular * root_q, root_q, 1.0 - c.perpendicular)
    return amplitude * wide * root_q * inverse_q * inverse_q, g_r * fma(-1.5, along, across), bend, twist


@compiled
def polar_diffusion(
    c: RunConstants,
    amplitude: float,
    latitude: float,
    root_q: float,
    inverse_q: float,
    north: float,
    g_theta: float,
    dg_theta: float,
) -> tuple[float, float, float]:
    """(E, p, p') with E = K_theta_theta / r^2 [1/day], p = dln(sqrt E)/dtheta, and its derivative by theta.

    ``north`` is the sign of the latitude, ``g_theta`` = dln(Gamma)/dtheta and ``dg_theta`` its derivative.
    """
    polar = polar_factor(c, latitude)
    return polar_terms(c, amplitude, *polar, root_q, inverse_q, north, g_theta, dg_theta)


@compiled
def polar_terms(
    c: RunConstants,
    amplitude: float,
    factor: float,
    slope: float,
    bend: float,
    root_q: float,
    inverse_q: float,
    north: float,
    g_theta: float,
    dg_theta: float,
) -> tuple[float, float, float]:
    """:func:`polar_diffusion` for known f and derivatives."""
    along = 1.0 - inverse_q
    first = -0.5 * fma(along, g_theta, north * slope)
    second = 0.5 * fma(-along, fma(2.0 * inverse_q * g_theta, g_theta, dg_theta), bend)
    return c.perpendicular * factor * amplitude * root_q * inverse_q, first, second
