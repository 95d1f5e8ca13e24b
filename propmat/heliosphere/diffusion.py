"""Diffusion: the symmetric tensor of papers/000 eqs. (7)-(8) in the Parker field, as noise along two directions.

K_par = A r^2 / sqrt(q) with q = 1 + Gamma^2, Gamma = Omega r sin(theta) / V, and A = kappa(R) sqrt(1 + Gamma_E^2),
since |B| = B_n sqrt(q) / r^2. In x = ln r and phi the tensor is split into a radial noise u d/dx + w d/dphi, which
carries all of K_rr and K_r_phi, and a noise in phi alone; theta has its own. Derivatives act on the local field,
V(r, theta) included.
"""

from __future__ import annotations

import math

from propmat.heliosphere.kernels.constants import RunConstants
from propmat.heliosphere.kernels.primitives import compiled, exp, log
from propmat.heliosphere.wind import smooth_change


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
def polar_factor(c: RunConstants, latitude: float) -> tuple[float, float, float]:
    """(f, dln f/d|latitude|, its derivative) of eq. (8): K_perp_theta over its equatorial value."""
    low, high = c.polar_mean - c.polar_amplitude, c.polar_mean + c.polar_amplitude
    factor, slope, profile = smooth_change(8.0 * (latitude - c.polar_latitude), low, high)
    slope = 8.0 * slope
    return factor, slope, -slope * (16.0 * profile + slope)


@compiled
def spiral(c: RunConstants, gamma: float) -> tuple[float, float, float]:
    """(sqrt q, 1/q, 1/(1 + 0.02 Gamma^2)) with q = 1 + Gamma^2; 0.02 is K_perp_r / K_par."""
    squared = gamma * gamma
    q = 1.0 + squared
    wide = 1.0 + c.perpendicular * squared
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
    bend = 2.0 * g_r * g_r * (first - second)
    twist = 4.0 * g_r * g_r * g_r * (first * (1.0 - 2.0 * across) - second * (1.0 - 2.0 * along))
    wide = 1.0 + c.perpendicular * (root_q * root_q - 1.0)
    return amplitude * wide * root_q * inverse_q * inverse_q, g_r * (across - 1.5 * along), bend, twist


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
    factor, slope, bend = polar_factor(c, latitude)
    along = 1.0 - inverse_q
    first = 0.5 * (-north * slope - along * g_theta)
    second = 0.5 * (bend - along * (2.0 * inverse_q * g_theta * g_theta + dg_theta))
    return c.perpendicular * factor * amplitude * root_q * inverse_q, first, second
