"""The cylinder: its cells fill it, and its Laplacian is that of the continuum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import j0, jn_zeros

from propmat.galaxy.grid import Axis, graded_heights, radial_axis, uniform_heights, vertical_axis

AXES = [
    radial_axis(0.5, 20.0),
    vertical_axis(uniform_heights(4.0, 0.1), 4.0),
    vertical_axis(graded_heights(4.0, 0.03, 40), 4.0),
]


@pytest.mark.parametrize("axis", AXES)
def test_the_stiffness_is_symmetric_and_positive(axis: Axis) -> None:
    np.testing.assert_array_equal(axis.stiffness, axis.stiffness.T)
    assert np.linalg.eigvalsh(axis.stiffness).min() > 0.0
    outflow = axis.stiffness.sum(axis=0)
    np.testing.assert_allclose(outflow[:-1], 0.0, atol=1e-9 * axis.stiffness.max())  # only the last cell leaks
    assert outflow[-1] == pytest.approx(axis.coupling[-1])


def test_cells_fill_the_axis() -> None:
    """But for the half cell at the boundary, where the density vanishes."""
    radial, vertical = AXES[0], AXES[2]
    assert radial.volume.sum() == pytest.approx(0.5 * 19.75**2)
    assert vertical.volume.sum() == pytest.approx(0.5 * (vertical.nodes[-1] + 4.0))
    for axis in AXES:
        assert np.all((axis.edges[:-1] <= axis.nodes) & (axis.nodes < axis.edges[1:]))


def test_uniform_heights_keep_their_step_near_the_one_asked_for() -> None:
    for half_height in (1.5, 4.04, 7.21, 15.0):
        nodes = uniform_heights(half_height, 0.1)
        assert nodes[0] == 0.0 and nodes[-1] < half_height
        np.testing.assert_allclose(np.diff(np.append(nodes, half_height)), half_height / nodes.size)
        assert half_height / nodes.size == pytest.approx(0.1, rel=0.04)


@pytest.mark.parametrize("half_height", [1.5, 4.0, 15.0])
def test_graded_heights_begin_as_asked_and_grow(half_height: float) -> None:
    nodes = graded_heights(half_height, 0.03, 40)
    steps = np.diff(np.append(nodes, half_height))
    assert nodes.size == 40 and nodes[0] == 0.0
    assert steps[0] == pytest.approx(0.03, rel=1e-6)
    assert np.all(np.diff(steps) > 0.0)


def test_a_first_step_too_long_for_the_halo_gives_a_uniform_grid() -> None:
    np.testing.assert_allclose(np.diff(graded_heights(1.5, 0.1, 20)), 0.075)


def test_the_laplacian_of_a_parabola_is_exact_on_uniform_nodes() -> None:
    """-f'' = 2 for h^2 - z^2 and -(r f')'/r = 4 for R^2 - r^2, at every node."""
    vertical, radial = AXES[1], AXES[0]
    np.testing.assert_allclose(vertical.stiffness @ (16.0 - vertical.nodes**2) / vertical.volume, 2.0, rtol=1e-9)
    np.testing.assert_allclose(radial.stiffness @ (400.0 - radial.nodes**2) / radial.volume, 4.0, rtol=1e-9)


def test_the_slowest_modes_are_the_cosine_and_the_bessel_function() -> None:
    """Eigenvalues (pi / 2 h)^2 and (nu_1 / R)^2, to second order in the step."""
    for axis, exact, mode, tolerance in (
        (AXES[1], (0.5 * np.pi / 4.0) ** 2, np.cos(0.5 * np.pi / 4.0 * AXES[1].nodes), 2e-4),
        (AXES[2], (0.5 * np.pi / 4.0) ** 2, np.cos(0.5 * np.pi / 4.0 * AXES[2].nodes), 2e-3),
        (AXES[0], (jn_zeros(0, 1)[0] / 20.0) ** 2, j0(jn_zeros(0, 1)[0] / 20.0 * AXES[0].nodes), 1e-3),
    ):
        root = np.sqrt(axis.volume)
        values, vectors = np.linalg.eigh(axis.stiffness / np.outer(root, root))
        assert values[0] == pytest.approx(exact, rel=tolerance)
        found = vectors[:, 0] / root
        np.testing.assert_allclose(found / found[0], mode, atol=2e-3)


def test_galprops_innermost_cell_has_twice_the_volume() -> None:
    plain, doubled = radial_axis(0.5, 20.0), radial_axis(0.5, 20.0, central_factor=2.0)
    assert doubled.volume[0] == 2.0 * plain.volume[0]
    np.testing.assert_array_equal(doubled.volume[1:], plain.volume[1:])
    # 2 (N1 - N0) / dr^2 instead of 4 (galaxy.md, section 3)
    row = doubled.stiffness[0, :2] / doubled.volume[0] * 0.5**2
    np.testing.assert_allclose(row, [2.0, -2.0])
