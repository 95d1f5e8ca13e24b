"""Pairs on one Brownian path: each path obeys the law of an ordinary run, and equal paths differ by nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp

from propmat.heliosphere import Heliosphere, simulate
from propmat.heliosphere.convergence import Moments, trace_pairs
from propmat.heliosphere.kernels.constants import RunConstants, run_constants, switches
from propmat.heliosphere.kernels.controls import CONTROLS
from propmat.heliosphere.kernels.cpu import RESULTS
from propmat.species import get_species, rigidity_from_kinetic_energy
from propmat.spectra import proton_lis

PAPER = Heliosphere.preset("paper")
PARAMETERS = {"B0": 5.0, "tilt": 15.0, "K0": 0.15, "a": 0.5, "b": 2.0}
PROTON = get_species("proton")
ENERGY = 3.0
PAIRS = 3000
SIGNS = (+1, -1)


def constants(sign: int, step_size: float = 1.0) -> RunConstants:
    return run_constants(PAPER.replace(step_size=step_size), PARAMETERS, PROTON.mass_per_charge, sign)


@pytest.fixture(scope="module", params=SIGNS)
def pairs(request: pytest.FixtureRequest) -> tuple[int, np.ndarray]:
    sign: int = request.param
    levels = (constants(sign, 2.0), constants(sign, 1.0))
    return sign, trace_pairs(levels, switches(PAPER), PROTON, ENERGY, 0, PAIRS, seed=5)


@pytest.mark.parametrize(("level", "step_size"), [(0, 2.0), (1, 1.0)])
def test_coupling_keeps_the_law_of_either_path(pairs: tuple[int, np.ndarray], level: int, step_size: float) -> None:
    """Kolmogorov-Smirnov on five results; 20 tests in all, a chance of 1e-3 in total that a true one fails."""
    sign, out = pairs
    run = simulate(
        PAPER.replace(step_size=step_size),
        species="proton",
        polarity=sign,
        kinetic_energy=ENERGY,
        parameters=PARAMETERS,
        particles=PAIRS,
        seed=6,
    )
    coupled = out[level * RESULTS : (level + 1) * RESULTS]
    ordinary = (
        np.log(rigidity_from_kinetic_energy(run.exit_kinetic_energy[0], PROTON)),
        run.propagation_time[0],
        run.exit_colatitude[0],
        run.exit_longitude[0],
        run.steps[0],
    )
    for name, ours, theirs in zip(
        ("ln R", "time", "colatitude", "longitude", "steps"), coupled[[0, 1, 3, 4, 5]], ordinary, strict=True
    ):
        assert ks_2samp(ours, theirs).pvalue > 1e-3 / 20.0, name


def test_paths_of_a_pair_stay_together(pairs: tuple[int, np.ndarray]) -> None:
    """What the coupling is for: exit energies of twice the step correlate (0.5 is far below any measured value)."""
    _, out = pairs
    assert np.corrcoef(out[0], out[RESULTS])[0, 1] > 0.5


def test_control_variates_have_no_mean(pairs: tuple[int, np.ndarray]) -> None:
    """Each of the 2 x 16 mean differences is within 4.2 of its standard errors: chance of a failure 1e-3 in total."""
    _, out = pairs
    controls = out[2 * RESULTS :]
    assert controls.shape[0] == CONTROLS
    pull = controls.mean(axis=1) / (controls.std(axis=1, ddof=1) / np.sqrt(PAIRS))
    assert np.abs(pull).max() < 4.2


@pytest.mark.parametrize("sign", SIGNS)
def test_equal_levels_give_identical_paths_and_no_bias(sign: int) -> None:
    equal = (constants(sign), constants(sign))
    out = trace_pairs(equal, switches(PAPER), PROTON, ENERGY, 0, 200, seed=7)
    np.testing.assert_array_equal(out[:RESULTS], out[RESULTS : 2 * RESULTS])
    moments = Moments.sample(equal, switches(PAPER), PROTON, ENERGY, proton_lis(), 0, 200, 7)
    for controls in (False, True):
        bias, sigma = moments.bias(controls)
        assert abs(bias) < 1e-12 and sigma < 1e-8


def test_pairs_do_not_depend_on_the_piece_they_are_traced_in() -> None:
    levels = (constants(-1), constants(-1, 0.5))
    whole = trace_pairs(levels, switches(PAPER), PROTON, ENERGY, 0, 100, seed=8)
    parts = [trace_pairs(levels, switches(PAPER), PROTON, ENERGY, *part, seed=8) for part in ((0, 30), (30, 100))]
    np.testing.assert_array_equal(whole, np.concatenate(parts, axis=1))


def test_controls_change_the_error_and_not_the_bias() -> None:
    """Both estimates are unbiased; they share their noise, so 4 of the larger error is a safe distance."""
    levels = (constants(+1), constants(+1, 0.5))
    moments = Moments.sample(levels, switches(PAPER), PROTON, 1.0, proton_lis(), 0, 1000, 9)
    (plain, plain_error), (controlled, error) = moments.bias(False), moments.bias(True)
    assert error < 0.8 * plain_error
    assert abs(plain - controlled) < 4.0 * plain_error


def test_sums_of_parts_are_those_of_the_whole() -> None:
    levels = (constants(+1), constants(+1, 0.5))
    parts = [
        Moments.sample(levels, switches(PAPER), PROTON, ENERGY, proton_lis(), *part, 10) for part in ((0, 40), (40, 90))
    ]
    whole = Moments.sample(levels, switches(PAPER), PROTON, ENERGY, proton_lis(), 0, 90, 10)
    joined = parts[0] + parts[1]
    np.testing.assert_allclose(joined.products, whole.products, rtol=1e-10, atol=1e-8)
    assert (joined.pairs, joined.steps) == (whole.pairs, whole.steps)
