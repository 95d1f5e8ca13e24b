"""Solar wind: V(r, theta) of papers/000 eq. (5), radial, with latitude profile and termination shock."""

from __future__ import annotations

from propmat.heliosphere.kernels.constants import RunConstants
from propmat.heliosphere.kernels.primitives import compiled, tanh


@compiled
def wind(c: RunConstants, r: float, latitude: float) -> tuple[float, float, float]:
    """(V [AU/day], dlnV/dr [1/AU], dlnV/d|latitude| [1/rad]) at r [AU] and |latitude| [rad]."""
    profile = tanh(6.8 * (c.wind_edge - latitude))
    shock = tanh((r - c.shock_radius) / c.shock_width)
    across = c.wind_base - c.wind_amplitude * profile
    along = c.shock_mean - c.shock_amplitude * shock
    d_across = 6.8 * c.wind_amplitude * (1.0 - profile * profile)
    d_along = -c.shock_amplitude / c.shock_width * (1.0 - shock * shock)
    return c.wind_speed * across * along, d_along / along, d_across / across
