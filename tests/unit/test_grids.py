"""Energy bins tile their range and average steep spectra by integration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from propmat.errors import InputError
from propmat.grids import EnergyGrid
from propmat.spectra import LogLogSpline, proton_lis


def test_logarithmic_bins_have_equal_ratios() -> None:
    grid = EnergyGrid.logarithmic(0.1, 40.0, 13)
    assert grid.edges[[0, -1]] == pytest.approx([0.1, 40.0])
    assert grid.centres.size == 13
    np.testing.assert_allclose(grid.edges[1:] / grid.edges[:-1], 400.0 ** (1 / 13), rtol=1e-12)


def test_linear_bins_have_the_width_asked_for() -> None:
    grid = EnergyGrid.linear(0.1, 40.1, 0.1)
    np.testing.assert_allclose(grid.widths, 0.1, rtol=1e-9)
    assert grid.widths.sum() == pytest.approx(40.0)


def test_centres_lie_inside_their_bins() -> None:
    grid = EnergyGrid(np.array([0.1, 0.5, 7.0]))
    assert np.all((grid.centres > grid.edges[:-1]) & (grid.centres < grid.edges[1:]))


@given(st.floats(-4.0, 4.0), st.floats(0.01, 10.0), st.floats(1.05, 4.0))
def test_bin_average_of_a_power_law_is_its_integral(index: float, low: float, ratio: float) -> None:
    if abs(index + 1.0) < 1e-3:
        index = -1.01  # the antiderivative below divides by index + 1
    edges = low * ratio ** np.arange(4)
    law = LogLogSpline(edges, edges**index)
    exact = np.diff(edges ** (index + 1)) / (index + 1) / np.diff(edges)
    np.testing.assert_allclose(EnergyGrid(edges).bin_average(law), exact, rtol=1e-8)


def test_bin_averages_add_up_to_the_integral_of_the_lis() -> None:
    lis, grid = proton_lis(), EnergyGrid.logarithmic(0.01, 100.0, 20)
    total, _ = quad(lambda x: float(lis(np.exp(x)) * np.exp(x)), np.log(0.01), np.log(100.0), epsrel=1e-9, limit=200)
    assert grid.bin_average(lis) @ grid.widths == pytest.approx(total, rel=1e-6)


def test_index_of_edges_inside_and_outside() -> None:
    grid = EnergyGrid(np.array([1.0, 2.0, 4.0]))
    assert grid.index([0.5, 1.0, 1.9, 2.0, 3.9, 4.0, 9.0]).tolist() == [-1, 0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    "edges", [[1.0], [0.0, 1.0], [2.0, 1.0], [1.0, 1.0], [1.0, np.nan], [1.0, np.inf], [[1.0, 2.0]]]
)
def test_bad_edges_are_refused(edges: list[float]) -> None:
    with pytest.raises(InputError, match="edges"):
        EnergyGrid(np.array(edges))


def test_bad_ranges_are_refused() -> None:
    with pytest.raises(InputError, match="bins = 0"):
        EnergyGrid.logarithmic(0.1, 1.0, 0)
    with pytest.raises(InputError, match="low = 2"):
        EnergyGrid.logarithmic(2.0, 1.0, 3)
    with pytest.raises(InputError, match="width = 0"):
        EnergyGrid.linear(0.1, 1.0, 0.0)
