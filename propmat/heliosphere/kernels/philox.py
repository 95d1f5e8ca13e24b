"""Counter-based random numbers: Philox4x32-10 (Salmon et al., SC11) and normal deviates from it.

A trajectory's noise depends on (seed, particle, step) only, not on threads, lanes or the order of work.
"""

from __future__ import annotations

import math

from numba import uint64

from propmat.heliosphere.kernels.primitives import compiled, log, sin_cos

_MULTIPLIER_0 = uint64(0xD2511F53)
_MULTIPLIER_1 = uint64(0xCD9E8D57)
_WEYL_0 = uint64(0x9E3779B9)
_WEYL_1 = uint64(0xBB67AE85)
_LOW = uint64(0xFFFFFFFF)
_SHIFT = uint64(32)
_UNIT = 2.0**-32
_TWO_PI = 2.0 * math.pi
_START = uint64(0xFFFFFFFF)


@compiled
def philox(c0: int, c1: int, c2: int, c3: int, k0: int, k1: int) -> tuple[int, int, int, int]:
    """Four 32-bit words (in uint64) from a 4 x 32 bit counter and a 2 x 32 bit key."""
    for _ in range(10):
        product_0 = _MULTIPLIER_0 * c0
        product_1 = _MULTIPLIER_1 * c2
        c0, c1, c2, c3 = (
            (product_1 >> _SHIFT) ^ c1 ^ k0,
            product_1 & _LOW,
            (product_0 >> _SHIFT) ^ c3 ^ k1,
            product_0 & _LOW,
        )
        k0 = (k0 + _WEYL_0) & _LOW
        k1 = (k1 + _WEYL_1) & _LOW
    return c0, c1, c2, c3


@compiled
def uniform(word: int) -> float:
    """A word as a number in (0, 1)."""
    return (float(word) + 0.5) * _UNIT


@compiled
def four_normals(w0: int, w1: int, w2: int, w3: int) -> tuple[float, float, float, float]:
    """Four independent standard normal deviates from four words (Box-Muller)."""
    radius = math.sqrt(-2.0 * log(uniform(w0)))
    other = math.sqrt(-2.0 * log(uniform(w1)))
    sine, cosine = sin_cos(_TWO_PI * uniform(w2))
    sine_2, cosine_2 = sin_cos(_TWO_PI * uniform(w3))
    return radius * cosine, radius * sine, other * cosine_2, other * sine_2


@compiled
def trajectory_normals(draw: int, number: int, stream: int, key0: int, key1: int) -> tuple[float, float, float, float]:
    """The four standard normal deviates of one draw of a trajectory; streams of a trajectory are independent."""
    wide = uint64(number)
    w0, w1, w2, w3 = philox(uint64(draw), wide & _LOW, wide >> _SHIFT, uint64(stream), key0, key1)
    return four_normals(w0, w1, w2, w3)


@compiled
def start_longitude(number: int, key0: int, key1: int) -> float:
    """Where a trajectory starts, uniform in (0, 2 pi): the draw after all that its steps can make."""
    wide = uint64(number)
    word, _, _, _ = philox(_START, wide & _LOW, wide >> _SHIFT, uint64(0), key0, key1)
    return _TWO_PI * uniform(word)
