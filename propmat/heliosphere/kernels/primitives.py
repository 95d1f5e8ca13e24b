"""Arithmetic that LLVM turns into vector instructions: fused multiply-add, exp, log, sin, cos, tanh.

The C library's scalar functions stop the loop vectoriser, so these are polynomials without branches or tables.
Errors are tested against numpy (tests/unit/heliosphere/test_primitives.py). All work on float64 scalars inside
compiled code; ``compiled`` is how every function of the physics is compiled, so that it is inlined into its loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a physics function so that it is always inlined and never raises on division by zero."""
    wrapped: F = njit(forceinline=True, error_model="numpy")(function)
    return wrapped


@intrinsic  # type: ignore[untyped-decorator]
def fma(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c with one rounding."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), generate


@intrinsic  # type: ignore[untyped-decorator]
def bits_of(_typing: Any, value: Any) -> Any:
    """The 64 bits of a float64 as an int64."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic  # type: ignore[untyped-decorator]
def float_of(_typing: Any, bits: Any) -> Any:
    """The float64 whose 64 bits are those of an int64."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding it rounds to the nearest integer
_LOG2_E = 1.4426950408889634
_LN2_HIGH = 0.6931471803691238
_LN2_LOW = 1.9082149292705877e-10
_ONE_OVER_PI = 0.3183098861837907
_PI_HIGH = 3.1415926534682512
_PI_LOW = 1.2154201013012385e-10


@compiled
def exp(x: float) -> float:
    """e^x for -700 < x < 700 (clamped), relative error < 1e-11."""
    x = min(max(x, -700.0), 700.0)
    shifted = fma(x, _LOG2_E, _ROUND)
    power = shifted - _ROUND
    y = fma(-power, _LN2_LOW, fma(-power, _LN2_HIGH, x))
    y2 = y * y
    y4 = y2 * y2
    low = fma(y2, fma(y, 1.6666666666666666e-01, 0.5), 1.0 + y)
    middle = fma(
        y2, fma(y, 1.984126984126984e-04, 1.388888888888889e-03), fma(y, 8.333333333333333e-03, 4.1666666666666664e-02)
    )
    high = fma(y, 2.7557319223985893e-06, 2.48015873015873e-05)
    p = fma(y4, fma(y4, high, middle), low)
    return p * float_of((bits_of(shifted) + 1023) << 52)


@compiled
def log(x: float) -> float:
    """ln(x) for normal positive x, absolute error < 1e-11."""
    bits = bits_of(x)
    exponent = (bits - 0x3FE6A09E667F3BCD) >> 52  # mantissa in [1/sqrt 2, sqrt 2)
    mantissa = float_of(bits - (exponent << 52))
    s = (mantissa - 1.0) / (mantissa + 1.0)
    z = s * s
    z2 = z * z
    p = fma(z2, fma(z, 1.0 / 15.0, 1.0 / 13.0), fma(z, 1.0 / 11.0, 1.0 / 9.0))
    p = fma(z2, p, fma(z, 1.0 / 7.0, 0.2))
    p = fma(z2, p, fma(z, 1.0 / 3.0, 1.0))
    return fma(float(exponent), 0.6931471805599453, 2.0 * s * p)


@compiled
def sin_cos(x: float) -> tuple[float, float]:
    """(sin x, cos x) for |x| < 1e5, absolute error < 1e-11; where one is not used, it costs nothing."""
    shifted = fma(x, _ONE_OVER_PI, _ROUND)
    half = shifted - _ROUND
    sine, cosine = short_sin_cos(fma(-half, _PI_LOW, fma(-half, _PI_HIGH, x)))
    sign = bits_of(shifted) << 63
    return float_of(bits_of(sine) ^ sign), float_of(bits_of(cosine) ^ sign)


@compiled
def short_sin_cos(y: float) -> tuple[float, float]:
    """(sin y, cos y) for |y| <= pi/2 as :func:`sin_cos` has it, by minimax polynomials."""
    z = y * y
    z2 = z * z
    s = fma(z, 1.5387270094507305e-10, -2.5028450555296796e-08)
    s = fma(z2, s, fma(z, 2.7556901131179288e-06, -0.00019841266006831004))
    s = fma(z2, s, fma(z, 0.008333333316495212, -0.16666666666401872))
    c = fma(z, 1.991976472326771e-09, -2.7525648457047833e-07)
    c = fma(z2, c, fma(z, 2.4801069866480418e-05, -0.001388888460895261))
    c = fma(z2, c, fma(z, 0.041666666503805606, -0.4999999999793597))
    return fma(z * y, s, y), fma(z, c, 1.0)


@compiled
def tanh(x: float) -> float:
    """Hyperbolic tangent, absolute error < 1e-11."""
    return 1.0 - 2.0 / (exp(2.0 * x) + 1.0)


@compiled
def turned(sine: float, cosine: float, angle: float) -> tuple[float, float]:
    """(sin, cos) of an angle of known sine and cosine plus a small one, absolute error < angle^6 / 720."""
    square = angle * angle
    small_sine = angle * fma(square, fma(square, 1.0 / 120.0, -1.0 / 6.0), 1.0)
    versine = square * fma(square, -1.0 / 24.0, 0.5)
    return fma(cosine, small_sine, fma(-sine, versine, sine)), fma(-sine, small_sine, fma(-cosine, versine, cosine))
