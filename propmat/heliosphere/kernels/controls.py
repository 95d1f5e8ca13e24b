"""Control variates of a flux at Earth: sums that cost little, scatter as the flux does, and whose mean is known.

Each is a sum over the steps of an increment of the Brownian path times a function of the place before it. Its mean is
zero, whatever the function, and whatever the steps. Were the function the gradient of the expected flux, the sum would
be the flux less its mean, without any scatter (Milstein's representation); here it is taken as a combination of
functions that look like that gradient, with coefficients from regression.
"""

from __future__ import annotations

import math
from typing import Any, Final

from numba import njit

from propmat.heliosphere.diffusion import polar_diffusion, radial_diffusion, spiral
from propmat.heliosphere.kernels.constants import RunConstants
from propmat.heliosphere.kernels.cpu import LANES
from propmat.heliosphere.kernels.primitives import compiled, exp, log, sin_cos
from propmat.heliosphere.wind import wind

CONTROLS: Final = 16
"""Number of control variates."""


@compiled
def control_increments(
    c: RunConstants,
    r: float,
    theta: float,
    phi: float,
    gain: float,
    amplitude: float,
    radial: float,
    meridional: float,
    around: float,
) -> tuple[float, ...]:
    """What a step adds to the control variates, (CONTROLS,), from its increments [day^1/2] and the place before it.

    ``gain`` is ln R less that at Earth. The expected flux is taken as R^-3 times a polynomial in ln r: its radial
    derivative, with latitude and gain, times the radial displacement; odd functions of latitude times that along the
    meridian; and odd functions of the height above the sheet times the displacement across it.
    """
    sin_theta, cos_theta = sin_cos(theta)
    latitude = abs(0.5 * math.pi - theta)
    speed, _, _ = wind(c, r, latitude)
    root_q, inverse_q, inverse_wide = spiral(c, c.spiral * sin_theta * r / speed)
    diffusion, _, _, _ = radial_diffusion(c, amplitude, root_q, inverse_q, inverse_wide, 1.0)
    polar, _, _ = polar_diffusion(c, amplitude, latitude, root_q, inverse_q, 1.0, 0.0, 0.0)
    weight = exp(-3.0 * gain)
    x = 0.42 * log(r * (1.0 / 11.0))
    outward = radial * math.sqrt(diffusion) * weight
    beyond = outward * x
    high = cos_theta * cos_theta
    along = meridional * math.sqrt(polar) * weight
    tilted = along * cos_theta
    edge = along * cos_theta / (abs(cos_theta) + 0.1)
    sine, cosine = sin_cos(phi + r / c.sheet_length)
    height = cos_theta - c.tan_tilt * sine * sin_theta
    aside = around * math.sqrt(c.perpendicular * amplitude * root_q * inverse_wide) * weight
    across = -(sin_theta + c.tan_tilt * sine * cos_theta) * along - c.tan_tilt * cosine * aside
    near = across * height / (abs(height) + 0.02)
    far = across * height / (abs(height) + 0.1)
    return (
        outward,
        beyond,
        beyond * x,
        beyond * x * x,
        outward * high,
        beyond * high,
        outward * gain,
        beyond * gain,
        tilted,
        tilted * x,
        edge,
        edge * x,
        near,
        near * x,
        far,
        far * x,
    )


@njit(forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def add(controls: Any, i: int, increments: Any) -> None:
    """Add to the sums of lane ``i``; unrolled, as a loop over a tuple would not vectorise."""
    controls[i] += increments[0]
    controls[LANES + i] += increments[1]
    controls[2 * LANES + i] += increments[2]
    controls[3 * LANES + i] += increments[3]
    controls[4 * LANES + i] += increments[4]
    controls[5 * LANES + i] += increments[5]
    controls[6 * LANES + i] += increments[6]
    controls[7 * LANES + i] += increments[7]
    controls[8 * LANES + i] += increments[8]
    controls[9 * LANES + i] += increments[9]
    controls[10 * LANES + i] += increments[10]
    controls[11 * LANES + i] += increments[11]
    controls[12 * LANES + i] += increments[12]
    controls[13 * LANES + i] += increments[13]
    controls[14 * LANES + i] += increments[14]
    controls[15 * LANES + i] += increments[15]
