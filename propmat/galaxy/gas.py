"""The shipped gas of the Galaxy: smooth axisymmetric profiles with closed integrals over z.

The radial profiles are our own fits, of a few parameters each, to published figures, with distances rescaled to 8.5 kpc
between the Sun and the centre. Structure narrower than about 1 kpc is smoothed away on purpose, but for the peak of
HI at the Sun and the gap beyond.

- HI: Gordon & Burton (1976, ApJ 208, 346), density in the plane; height from Dickey & Lockman (1990, ARA&A 28, 215)
  inside 6.8 kpc, Cox, Kruegel & Mezger (1986, A&A 155, 380) outside 8.5 kpc, and a linear blend between.
- H2: CO emissivity of Bronfman et al. (1988, ApJ 324, 248) inside the Sun and Wouterloot et al. (1990, A&A 230, 21)
  outside, times X_CO of Strong et al. (2004, A&A 422, L47); the central molecular zone of Ferriere, Gillard & Jean
  (2007, A&A 467, 611) by its mass.
- HII: Cordes et al. (1991, Nature 354, 121), the thick and the thin component.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from scipy.special import erf, expit

from propmat.constants import KILOPARSEC_CM
from propmat.species import FloatArray

_RESCALING: Final = 10.0 / 8.5
"""Distance from the Sun to the centre in the older papers over ours; a density per length scales with it."""
"""cm."""
_DICKEY_LOCKMAN: Final = ((0.395, 0.106), (0.107, 0.265))
"""Density in the plane [cm^-3] and half width at half maximum [kpc] of the two Gaussians."""
_DICKEY_LOCKMAN_TAIL: Final = (0.064, 0.403)
"""The exponential: density in the plane [cm^-3], scale height [kpc]."""
_CORDES: Final = ((0.025, 1.0, 0.0, 20.0), (0.200, 0.15, 4.0, 2.0))
"""Density [cm^-3], scale height [kpc], radius and width of the ring [kpc] of each component."""
_CENTRAL_COLUMN: Final = 1.52
"""H2 of the central molecular zone above the plane at r = 0 [cm^-3 kpc]: 1.9e7 solar masses within a Gaussian."""
_CENTRAL_RADIUS: Final = 0.2
_CENTRAL_HEIGHT: Final = 0.018
"""Widths of the zone [kpc]."""


def _gaussian(height: FloatArray, width: FloatArray | float) -> FloatArray:
    """Integral of exp(-(z/width)^2) from 0 to the height."""
    integral: FloatArray = 0.5 * math.sqrt(math.pi) * width * erf(height / width)
    return integral


def _exponential(height: FloatArray, scale: float) -> FloatArray:
    """Integral of exp(-z/scale) from 0 to the height."""
    return -scale * np.expm1(-height / scale)


def _neutral(radius: FloatArray, height: FloatArray) -> FloatArray:
    """(radius, height) column of HI [cm^-3 kpc]; radius (radius, 1)."""
    old = radius * _RESCALING  # the profiles' own radius, with the Sun at 10 kpc
    disc = 0.086 + 0.255 * -np.expm1(-((old / 4.26) ** 3))
    arm = 0.05 * np.exp(-(((old - 10.0) / 0.45) ** 2)) - 0.12 * np.exp(-(((old - 11.0) / 0.50) ** 2))
    inside = expit((13.30 - old) / 0.26)
    plane = (disc + arm) * inside + 0.080 * np.exp(-(old - 15.0) / 3.0) * (1.0 - inside)
    inner = sum(density * _gaussian(height, width / math.sqrt(math.log(2.0))) for density, width in _DICKEY_LOCKMAN)
    inner = inner + _DICKEY_LOCKMAN_TAIL[0] * _exponential(height, _DICKEY_LOCKMAN_TAIL[1])
    outer = 0.57 * _gaussian(height, 0.0523 * np.exp(0.11 * old))
    blend = np.clip(0.5 * (old - 8.0), 0.0, 1.0)
    return np.asarray(plane / 0.33 * ((1.0 - blend) * inner + blend * outer))


def _molecular(radius: FloatArray, height: FloatArray) -> FloatArray:
    """(radius, height) column of H2 molecules [cm^-3 kpc]; radius (radius, 1)."""
    ring = 9.0 * _RESCALING * np.exp(-(((radius * _RESCALING - 5.9) / 3.2) ** 4))
    outer = 2.1 * np.exp(-(radius - 8.5) / 2.5) * expit(2.0 * (radius - 8.5))
    conversion = 1e20 * 10.0 ** (-0.4 + 0.066 * np.minimum(radius, 15.0))
    half_width = 0.06 + 0.03 * np.maximum(radius - 7.0, 0.0)
    disc = conversion * (ring + outer) / KILOPARSEC_CM * _gaussian(height, half_width / math.sqrt(math.log(2.0)))
    centre = _CENTRAL_COLUMN * np.exp(-((radius / _CENTRAL_RADIUS) ** 2)) * erf(height / _CENTRAL_HEIGHT)
    return np.asarray(disc + centre)


def _ionised(radius: FloatArray, height: FloatArray) -> FloatArray:
    """(radius, height) column of HII [cm^-3 kpc]; radius (radius, 1)."""
    parts = [
        density * np.exp(-(((radius - ring) / width) ** 2)) * _exponential(height, scale)
        for density, scale, ring, width in _CORDES
    ]
    return parts[0] + parts[1]


@dataclass(frozen=True)
class GalacticGas:
    """Gas of the Milky Way, from published profiles (the module names them).

    Implements :class:`propmat.galaxy.interactions.Gas`; deviations are in docs/galaxy-cross-sections.md.
    """

    name: ClassVar[str] = "galactic"

    def column(self, radius: FloatArray, height: FloatArray) -> FloatArray:
        """Gas between the plane and each height.

        Args:
            radius: (radius,) galactocentric [kpc].
            height: (height,) at least 0 [kpc].

        Returns:
            (3, radius, height) integral of the number density from 0 to the height [cm^-3 kpc], of HI atoms,
            H2 molecules and HII ions.
        """
        across = np.asarray(radius, dtype=np.float64)[:, np.newaxis]
        up = np.asarray(height, dtype=np.float64)
        return np.stack([_neutral(across, up), _molecular(across, up), _ionised(across, up)])
