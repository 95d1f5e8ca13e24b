"""Diffusion: the symmetric tensor of papers/000 eqs. (7)-(8) in the Parker field, and its derivatives.

K_par = A r^2 / sqrt(q) with q = 1 + Gamma^2, Gamma = Omega r sin(theta) / V, and A = kappa(R) sqrt(1 + Gamma_E^2),
since |B| = B_n sqrt(q) / r^2. Derivatives act on the local field, V(r, theta) included.
"""

from __future__ import annotations

import math

from propmat.heliosphere.kernels.constants import RunConstants
from propmat.heliosphere.kernels.primitives import compiled, exp, log, tanh


@compiled
def beta(c: RunConstants, rigidity: float) -> float:
    """v/c at a rigidity [GV]."""
    return rigidity / math.sqrt(rigidity * rigidity + c.mass_per_charge * c.mass_per_charge)


@compiled
def rigidity_factor(c: RunConstants, log_rigidity: float, rigidity: float) -> float:
    """K0 beta F(R) [AU^2/day], the smoothly broken power law of eq. (7) without B0/|B| (m = 3)."""
    cubed = rigidity * rigidity * rigidity
    smooth = log((cubed + c.break_cubed) / (1.0 + c.break_cubed))
    return c.diffusion * beta(c, rigidity) * exp(c.slope_low * log_rigidity + c.slope_change * smooth)


@compiled
def polar_factor(c: RunConstants, latitude: float) -> tuple[float, float]:
    """(f, df/d|latitude|) of eq. (8): K_perp_theta over its equatorial value."""
    profile = tanh(8.0 * (latitude - c.polar_latitude))
    return c.polar_mean + c.polar_amplitude * profile, 8.0 * c.polar_amplitude * (1.0 - profile * profile)
