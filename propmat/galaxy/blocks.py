"""Direct solution of the coupled momenta: block elimination, compiled.

The unknowns are vectors y_i of the reduced space, one for each energy i, with

    A_i y_i - l_i y_{i-1} - U_i y_{i+1} - E_i y_{i+2} = q_i,

where A, U, E are sums of a few symmetric operators and the identity, and l is a number. Elimination from the highest
energy downwards needs one inverse an energy and leaves y_i = l_i S_i^-1 y_{i-1} + r_i.
"""

from __future__ import annotations

import numba
import numpy as np

from propmat.species import FloatArray


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def invert(matrix: FloatArray) -> None:
    """A matrix (row, column) replaced by its inverse; its symmetric part must be positive definite.

    For 20 or 30 rows Gauss-Jordan elimination, here without pivoting, beats LAPACK's general inverse.
    """
    size = matrix.shape[0]
    if size > 40:
        matrix[:] = np.linalg.inv(matrix)
        return
    for pivot in range(size):
        scale = 1.0 / matrix[pivot, pivot]
        matrix[pivot, pivot] = 1.0
        for column in range(size):
            matrix[pivot, column] *= scale
        for row in range(size):
            if row != pivot:
                factor = matrix[row, pivot]
                matrix[row, pivot] = 0.0
                for column in range(size):
                    matrix[row, column] -= factor * matrix[pivot, column]


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _combine(factors: FloatArray, operators: FloatArray, out: FloatArray) -> None:
    """out = sum of factors times operators; the last factor multiplies the identity."""
    size = out.shape[0]
    out[:] = 0.0
    for kind in range(operators.shape[0]):
        factor = factors[kind]
        if factor != 0.0:
            for row in range(size):
                for column in range(size):
                    out[row, column] += factor * operators[kind, row, column]
    for row in range(size):
        out[row, row] += factors[-1]


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _add_product(factors: FloatArray, operators: FloatArray, values: FloatArray, out: FloatArray) -> None:
    """out += (sum of factors times operators) values, the last factor times 1."""
    kinds, size = operators.shape[:2]
    sides = values.shape[1]
    if sides > kinds:  # cheaper to add up the operators than to apply each
        matrix = np.empty((size, size))
        _combine(factors, operators, matrix)
        out += np.dot(matrix, values)
        return
    products = np.dot(operators.reshape(-1, size), values)
    for kind in range(kinds):
        for row in range(size):
            for side in range(sides):
                out[row, side] += factors[kind] * products[kind * size + row, side]
    for row in range(size):
        for side in range(sides):
            out[row, side] += factors[-1] * values[row, side]


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
        operators: (operator, shape, shape) symmetric, contiguous.

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
        invert(block)
        inverses[energy] = block
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
    count = inverses.shape[0]
    found = np.empty_like(right)
    for energy in range(count - 1, -1, -1):
        total = right[energy].copy()
        if energy + 1 < count:
            _add_product(upper[energy], operators, found[energy + 1], total)
        if energy + 2 < count and second[energy].any():
            ahead = lower[energy + 2] * np.dot(inverses[energy + 2], found[energy + 1]) + found[energy + 2]
            _add_product(second[energy], operators, ahead, total)
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
    count = inverses.shape[0]
    found = right.copy()
    for energy in range(count - 2, -1, -1):
        if lower[energy + 1] != 0.0:
            found[energy] += lower[energy + 1] * np.dot(inverses[energy + 1].T, found[energy + 1])
    for energy in range(count):
        total = found[energy]
        if energy >= 1:
            _add_product(upper[energy - 1], operators, found[energy - 1], total)
            if energy + 1 < count and second[energy - 1].any():
                carried = np.zeros_like(total)
                _add_product(second[energy - 1], operators, found[energy - 1], carried)
                total += lower[energy + 1] * np.dot(inverses[energy + 1].T, carried)
        if energy >= 2 and second[energy - 2].any():
            _add_product(second[energy - 2], operators, found[energy - 2], total)
        found[energy] = np.dot(inverses[energy].T, total)
    return found


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def correct(correction: FloatArray, operators: FloatArray, density: FloatArray, transposed: bool) -> FloatArray:
    """A correction applied to a density, or transposed to an adjoint one.

    Args:
        correction: (energy, operator + 1, offset) as in :class:`propmat.galaxy.schemes.Coefficients`.
        operators: (operator, shape, shape) symmetric, contiguous.
        density: (energy, shape, right side) contiguous.
        transposed: use the transpose.

    Returns:
        (energy, shape, right side).
    """
    count, kinds, width = correction.shape
    size, sides = density.shape[1:]
    reach = width // 2
    found = np.zeros_like(density)
    total = np.empty((size, sides))
    for energy in range(count):
        for kind in range(kinds):
            used = False
            total[:] = 0.0
            for offset in range(-reach, reach + 1):
                other = energy + offset
                if 0 <= other < count:
                    factor = correction[energy, kind, reach + offset]
                    if transposed:
                        factor = correction[other, kind, reach - offset]
                    if factor != 0.0:
                        used = True
                        for row in range(size):
                            for side in range(sides):
                                total[row, side] += factor * density[other, row, side]
            if used and kind < kinds - 1:
                found[energy] += np.dot(operators[kind], total)
            elif used:
                found[energy] += total
    return found
