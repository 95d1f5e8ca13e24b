"""Block elimination against dense matrices."""

from __future__ import annotations

import numpy as np
import pytest

from propmat.galaxy import blocks
from propmat.species import FloatArray

ENERGIES, SHAPES, SIDES = 9, 4, 3


def problem(second: bool, lower: bool) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Factors and operators like those of transport: two symmetric fields and the identity, diagonally dominant."""
    rng = np.random.default_rng(11)
    half = rng.normal(size=(2, SHAPES, SHAPES))
    operators = half @ half.transpose(0, 2, 1)
    diagonal = 3.0 + rng.random((ENERGIES, 3))
    upper, beyond = rng.random((ENERGIES, 3)), -0.3 * rng.random((ENERGIES, 3))
    below = rng.random(ENERGIES) if lower else np.zeros(ENERGIES)
    return diagonal, below, upper, beyond if second else np.zeros_like(beyond), operators


def dense(
    diagonal: FloatArray, lower: FloatArray, upper: FloatArray, second: FloatArray, operators: FloatArray
) -> FloatArray:
    """The whole matrix, energies outermost."""
    fields = np.concatenate([operators, np.eye(SHAPES)[None]])
    matrix = np.zeros((ENERGIES, SHAPES, ENERGIES, SHAPES))
    for row in range(ENERGIES):
        matrix[row, :, row] += np.tensordot(diagonal[row], fields, axes=1)
        if row > 0:
            matrix[row, :, row - 1] -= lower[row] * np.eye(SHAPES)
        if row + 1 < ENERGIES:
            matrix[row, :, row + 1] -= np.tensordot(upper[row], fields, axes=1)
        if row + 2 < ENERGIES:
            matrix[row, :, row + 2] -= np.tensordot(second[row], fields, axes=1)
    return matrix.reshape(ENERGIES * SHAPES, -1)


@pytest.mark.parametrize("second", [True, False])
@pytest.mark.parametrize("lower", [True, False])
def test_solutions_are_those_of_the_dense_matrix_and_of_its_transpose(second: bool, lower: bool) -> None:
    system = problem(second, lower)
    matrix = dense(*system)
    right = np.random.default_rng(12).normal(size=(ENERGIES, SHAPES, SIDES))
    flat = right.reshape(-1, SIDES)
    inverses = blocks.factorise(*system)
    _, *coupling = system
    found = blocks.solve(inverses, *coupling, right.copy())
    np.testing.assert_allclose(found.reshape(-1, SIDES), np.linalg.solve(matrix, flat), rtol=1e-10)
    adjoint = blocks.solve_adjoint(inverses, *coupling, right.copy())
    np.testing.assert_allclose(adjoint.reshape(-1, SIDES), np.linalg.solve(matrix.T, flat), rtol=1e-10)


def test_right_hand_sides_are_left_as_they_are() -> None:
    system = problem(True, True)
    right = np.ones((ENERGIES, SHAPES, SIDES))
    inverses = blocks.factorise(*system)
    _, *coupling = system
    blocks.solve(inverses, *coupling, right)
    blocks.solve_adjoint(inverses, *coupling, right)
    np.testing.assert_array_equal(right, 1.0)


def test_a_transposed_correction_is_the_transpose() -> None:
    """(a, C b) = (C^T a, b) for any correction, and the correction is the sum over its offsets."""
    rng = np.random.default_rng(13)
    operators = problem(True, True)[-1]
    correction = rng.normal(size=(ENERGIES, 3, 7))
    left, right = rng.normal(size=(2, ENERGIES, SHAPES, 1))
    applied = blocks.correct(correction, operators, right, False)
    transposed = blocks.correct(correction, operators, left, True)
    assert np.sum(left * applied) == pytest.approx(np.sum(transposed * right), rel=1e-12)
    fields = np.concatenate([operators, np.eye(SHAPES)[None]])
    middle = sum(
        np.tensordot(correction[4, :, offset + 3], fields, axes=1) @ right[4 + offset] for offset in range(-3, 4)
    )
    np.testing.assert_allclose(applied[4], middle, rtol=1e-12)
