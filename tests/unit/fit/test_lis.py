"""The LIS of a fit is linear in its values, a spline again, and starts from a base that Voyager 1 accepts."""

import numpy as np
import pytest

from propmat.errors import InputError
from propmat.fit.likelihood import LisConstraint
from propmat.fit.lis import LisModel
from propmat.measurements import voyager_proton_lis
from propmat.spectra import proton_lis

ENERGY = np.geomspace(1e-3, 1e4, 200)


@pytest.fixture(scope="module")
def lis() -> LisModel:
    return LisModel(proton_lis(), free_above=1.0)


def test_knots_from_1_gev_up_are_free(lis: LisModel) -> None:
    assert np.allclose(np.log10(lis.free_knots), [0.0, 0.5, 1.0, 1.5, 2.0])
    assert len(lis.names) == 1 + lis.free_knots.size


def test_linear_form_equals_the_shifted_spline_everywhere(lis: LisModel) -> None:
    values = np.random.default_rng(1).normal(0.0, 0.3, len(lis.names))
    linear = lis.log_base(ENERGY) + lis.perturbation(ENERGY) @ values
    assert np.allclose(linear, np.log(lis.spectrum(values)(ENERGY)), atol=1e-10)


def test_zero_values_give_the_base_and_the_normalisation_scales_it(lis: LisModel) -> None:
    values = np.zeros(len(lis.names))
    assert np.allclose(lis.spectrum(values)(ENERGY), proton_lis()(ENERGY), rtol=1e-12)
    values[0] = np.log(2.0)
    assert np.allclose(lis.spectrum(values)(ENERGY), 2.0 * proton_lis()(ENERGY), rtol=1e-12)


def test_voyager_accepts_the_base_so_its_lower_knots_may_stay_fixed(lis: LisModel) -> None:
    constraint = LisConstraint(lis, voyager_proton_lis(), width=0.3)
    voyager, prior = constraint.chi_square(np.zeros(len(lis.names)))
    assert constraint.points == 15
    assert voyager == pytest.approx(8.03, abs=0.05)
    assert prior == 0.0


def test_prior_is_gaussian_in_every_value(lis: LisModel) -> None:
    constraint = LisConstraint(lis, voyager_proton_lis(), width=0.2)
    values = np.full(len(lis.names), 0.4)
    assert constraint.chi_square(values)[1] == pytest.approx(4.0 * values.size)


def test_no_free_knot_is_an_error() -> None:
    with pytest.raises(InputError, match=r"lis_free_above = 200 GeV .* 100 GeV"):
        LisModel(proton_lis(), free_above=200.0)
