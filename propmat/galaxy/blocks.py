"""Direct solution of the coupled momenta: block elimination, compiled.

The unknowns are vectors y_i of the reduced space, one for each energy i, with

    A_i y_i - l_i y_{i-1} - U_i y_{i+1} - E_i y_{i+2} = q_i,

where A, U, E are sums of a few symmetric matrices and l is a number. Elimination from the highest energy downwards
needs one inverse an energy and leaves y_i = l_i S_i^-1 y_{i-1} + r_i.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np

from propmat.species import FloatArray

Solver = Callable[..., FloatArray]
"""Either :func:`solve` or :func:`solve_adjoint`."""


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _combine(factors: FloatArray, operators: FloatArray, out: FloatArray) -> None:
    """out = sum of factors times operators; the last factor multiplies the identity."""
    size = out.shape[0]
    for row in range(size):
        for column in range(size):
            value = 0.0
            for kind in range(operators.shape[0]):
                value += factors[kind] * operators[kind, row, column]
            out[row, column] = value
        out[row, row] += factors[-1]


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def factorise(
    diagonal: FloatArray, lower: FloatArray, upper: FloatArray, second: FloatArray, operators: FloatArray
) -> FloatArray:
    """The inverses S_i^-1.

    Args:
        diagonal: (energy, operator + 1) factors of the operators and of the identity.
        lower: (energy,) factors of the identity.
        upper: (energy, operator + 1) as ``diagonal``.
        second: (energy, operator + 1) as ``diagonal``.
        operators: (operator, shape, shape) symmetric.

    Returns:
        (energy, shape, shape).
    """
    count, size = diagonal.shape[0], operators.shape[1]
    inverses = np.empty((count, size, size))
    block, above, beyond = np.empty((size, size)), np.empty((size, size)), np.empty((size, size))
    for energy in range(count - 1, -1, -1):
        _combine(diagonal[energy], operators, block)
        if energy + 1 < count and lower[energy + 1] != 0.0:
            _combine(upper[energy], operators, above)
            if energy + 2 < count and second[energy].any():
                _combine(second[energy], operators, beyond)
                above += lower[energy + 2] * np.dot(beyond, inverses[energy + 2])
            block -= lower[energy + 1] * np.dot(above, inverses[energy + 1])
        inverses[energy] = np.linalg.inv(block)
    return inverses


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def solve(
    inverses: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    second: FloatArray,
    operators: FloatArray,
    right: FloatArray,
) -> FloatArray:
    """The solution for some right-hand sides.

    Args:
        inverses: from :func:`factorise`.
        lower: as there.
        upper: as there.
        second: as there.
        operators: as there.
        right: (energy, shape, right side) contiguous.

    Returns:
        (energy, shape, right side).
    """
    count, size = inverses.shape[0], operators.shape[1]
    found = np.empty_like(right)
    matrix = np.empty((size, size))
    for energy in range(count - 1, -1, -1):
        total = right[energy].copy()
        if energy + 1 < count:
            _combine(upper[energy], operators, matrix)
            total += np.dot(matrix, found[energy + 1])
        if energy + 2 < count and second[energy].any():
            _combine(second[energy], operators, matrix)
            ahead = lower[energy + 2] * np.dot(inverses[energy + 2], found[energy + 1]) + found[energy + 2]
            total += np.dot(matrix, ahead)
        found[energy] = np.dot(inverses[energy], total)
    for energy in range(1, count):
        if lower[energy] != 0.0:
            found[energy] += lower[energy] * np.dot(inverses[energy], found[energy - 1])
    return found


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def solve_adjoint(
    inverses: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    second: FloatArray,
    operators: FloatArray,
    right: FloatArray,
) -> FloatArray:
    """The solution of the transposed system, arguments as :func:`solve`."""
    count, size = inverses.shape[0], operators.shape[1]
    found = right.copy()
    matrix = np.empty((size, size))
    for energy in range(count - 2, -1, -1):
        if lower[energy + 1] != 0.0:
            found[energy] += lower[energy + 1] * np.dot(inverses[energy + 1].T, found[energy + 1])
    for energy in range(count):
        if energy >= 1:
            _combine(upper[energy - 1], operators, matrix)
            found[energy] += np.dot(matrix, found[energy - 1])
            if energy + 1 < count and second[energy - 1].any():
                _combine(second[energy - 1], operators, matrix)
                carried = np.dot(matrix, found[energy - 1])
                found[energy] += lower[energy + 1] * np.dot(inverses[energy + 1].T, carried)
        if energy >= 2 and second[energy - 2].any():
            _combine(second[energy - 2], operators, matrix)
            found[energy] += np.dot(matrix, found[energy - 2])
        found[energy] = np.dot(inverses[energy].T, found[energy])
    return found
