"""Splines pass through their knots, power laws have their slopes, and particles are conserved between units."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from propmat.errors import InputError
from propmat.species import SPECIES, kinetic_energy_from_rigidity, rigidity_from_kinetic_energy
from propmat.spectra import (
    BrokenPowerLaw,
    LogLogSpline,
    bin_quadrature,
    flux_per_energy,
    flux_per_rigidity,
    proton_lis,
    rigidity_bin_average,
)

PROTON = SPECIES["proton"]
names = st.sampled_from(["proton", "antiproton", "helium3", "helium4", "boron11"])


def log_slope(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    return np.diff(np.log(values)) / np.diff(np.log(positions))


def test_spline_passes_through_its_knots() -> None:
    lis = proton_lis()
    np.testing.assert_allclose(lis(lis.kinetic_energy), lis.flux, rtol=1e-13)


def test_spline_of_a_power_law_is_that_power_law_everywhere() -> None:
    knots = np.array([0.1, 0.7, 3.0, 50.0])
    spline = LogLogSpline(knots, 5.0 * knots**-2.7)
    energy = np.geomspace(1e-4, 1e5, 50)
    np.testing.assert_allclose(spline(energy), 5.0 * energy**-2.7, rtol=1e-11)


def test_spline_continues_as_a_power_law_with_continuous_slope() -> None:
    lis = proton_lis()
    for knot, outward in ((lis.kinetic_energy[0], 0.5), (lis.kinetic_energy[-1], 2.0)):
        outside = knot * outward ** np.arange(4)
        slopes = log_slope(lis(outside), outside)
        np.testing.assert_allclose(slopes, slopes[0], rtol=1e-10)
        inside = knot * outward ** np.array([0.0, -1e-4])
        assert log_slope(lis(inside), inside)[0] == pytest.approx(slopes[0], abs=1e-3)


def test_spline_takes_any_shape() -> None:
    lis = proton_lis()
    assert lis(1.0).shape == ()
    assert lis(np.ones((2, 3))).shape == (2, 3)


@pytest.mark.parametrize(
    ("energy", "flux", "message"),
    [
        ([1.0], [1.0], "length"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], "length"),
        ([2.0, 1.0], [1.0, 1.0], "increasing"),
        ([0.0, 1.0], [1.0, 1.0], "positive"),
        ([1.0, np.nan], [1.0, 1.0], "finite"),
        ([1.0, 2.0], [1.0, 0.0], "fluxes"),
        ([1.0, 2.0], [1.0, np.nan], "fluxes"),
    ],
)
def test_spline_refuses_bad_knots(energy: list[float], flux: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LogLogSpline(np.array(energy), np.array(flux))


@given(names, st.floats(1.5, 3.5), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.sampled_from([0.5, 20.0, 800.0]))
def test_broken_power_law_slopes_continuity_and_normalisation(
    name: str, first: float, step: float, next_step: float, reference: float
) -> None:
    indices, breaks = (first, first + step, first + step + next_step), (5.0, 300.0)
    law = BrokenPowerLaw(SPECIES[name], 7.0, indices, breaks, reference)

    def per_rigidity(rigidity: np.ndarray) -> np.ndarray:
        energy = kinetic_energy_from_rigidity(rigidity, name)
        return flux_per_rigidity(law(energy), energy, name)

    for low, high, index in zip((0.1, *breaks), (*breaks, 1e4), indices, strict=True):
        rigidity = np.geomspace(low, high, 5)
        np.testing.assert_allclose(log_slope(per_rigidity(rigidity), rigidity), -index, rtol=1e-7, atol=1e-7)
    for at in breaks:
        below, above = per_rigidity(np.array([at * (1 - 1e-12), at * (1 + 1e-12)]))
        assert below == pytest.approx(above, rel=1e-9)
    assert per_rigidity(np.array([reference]))[0] == pytest.approx(7.0, rel=1e-9)


@pytest.mark.parametrize(
    ("normalisation", "indices", "breaks", "reference", "message"),
    [
        (1.0, (2.0, 2.5), (), 1.0, "breaks"),
        (1.0, (2.0, 2.1, 2.2, 2.3), (1.0, 2.0, 3.0), 1.0, "breaks"),
        (1.0, (2.0, 2.1, 2.2), (9.0, 3.0), 1.0, "increasing"),
        (1.0, (2.0, 2.1), (-1.0,), 1.0, "positive"),
        (1.0, (2.0, 2.1), (float("nan"),), 1.0, "positive"),
        (0.0, (2.0,), (), 1.0, "normalisation"),
        (1.0, (2.0,), (), float("nan"), "reference"),
    ],
)
def test_broken_power_law_refuses(
    normalisation: float, indices: tuple[float, ...], breaks: tuple[float, ...], reference: float, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        BrokenPowerLaw(PROTON, normalisation, indices, breaks, reference)


@given(names, st.floats(0.01, 50.0), st.floats(1.01, 3.0))
@settings(max_examples=30)
def test_a_rigidity_interval_and_its_energy_interval_hold_the_same_particles(
    name: str, rigidity: float, ratio: float
) -> None:
    lis, edges = proton_lis(), np.array([rigidity, rigidity * ratio])
    low, high = kinetic_energy_from_rigidity(edges, name)
    per_energy, _ = quad(
        lambda log_t: float(lis(np.exp(log_t)) * np.exp(log_t)), np.log(low), np.log(high), epsrel=1e-9
    )
    per_rigidity = rigidity_bin_average(lis, edges, name, order=16)[0] * (edges[1] - edges[0])
    assert per_rigidity == pytest.approx(per_energy, rel=1e-6)


@given(names, st.floats(1e-4, 1e4))
def test_flux_conversions_are_inverse_and_follow_the_derivative(name: str, energy: float) -> None:
    assert flux_per_energy(flux_per_rigidity(3.0, energy, name), energy, name) == pytest.approx(3.0, rel=1e-14)
    step = energy * np.array([1 - 1e-5, 1 + 1e-5])
    derivative = np.diff(rigidity_from_kinetic_energy(step, name))[0] / np.diff(step)[0]
    assert flux_per_rigidity(1.0, energy, name) == pytest.approx(1.0 / derivative, rel=1e-6)


@given(names, st.floats(1.1, 4.0), st.floats(0.5, 20.0), st.floats(1.05, 4.0))
def test_bin_average_of_a_power_law_is_its_integral(name: str, index: float, low: float, ratio: float) -> None:
    law, edges = BrokenPowerLaw(SPECIES[name], 2.0, (index,)), low * ratio ** np.arange(3)
    exact = 2.0 * np.diff(edges ** (1 - index)) / (1 - index) / np.diff(edges)
    np.testing.assert_allclose(rigidity_bin_average(law, edges, name), exact, rtol=1e-9)


def test_quadrature_weights_average_and_nodes_stay_in_their_bins() -> None:
    edges = np.array([0.5, 1.0, 10.0])
    nodes, weights = bin_quadrature(edges, order=8)
    np.testing.assert_allclose(weights.sum(axis=-1), 1.0, rtol=1e-7)
    assert np.all((nodes > edges[:-1, None]) & (nodes < edges[1:, None]))


@pytest.mark.parametrize("edges", [[1.0], [2.0, 1.0], [0.0, 1.0], [1.0, np.nan], [1.0, np.inf], [[1.0, 2.0]]])
def test_quadrature_refuses_bad_edges(edges: list[float]) -> None:
    with pytest.raises(InputError, match="edges"):
        bin_quadrature(edges)


def test_proton_lis_is_table_1_of_papers_001() -> None:
    assert proton_lis()(1.0) == pytest.approx(10**3.4675, rel=1e-12)
    assert proton_lis()(10.0) == pytest.approx(10**1.4101, rel=1e-12)
    assert proton_lis()(100.0) == pytest.approx(10**-1.3465, rel=1e-12)
