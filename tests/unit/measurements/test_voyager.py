"""Voyager 1: the local interstellar protons below 0.35 GeV, and nuclei below 0.7 GeV/n."""

import numpy as np
import pytest

from propmat.errors import InputError
from propmat.measurements import VOYAGER_ELEMENTS, voyager_lis, voyager_proton_lis
from propmat.spectra import proton_lis


def test_published_error_contains_the_systematic() -> None:
    data = voyager_proton_lis()
    np.testing.assert_allclose(data.systematic, 0.05 * data.flux, rtol=5e-4)  # printed to four digits
    np.testing.assert_allclose(data.statistical**2 + data.systematic**2, data.total**2)
    assert np.all(data.statistical > 0)


def test_energies_are_in_gev_and_fluxes_per_gev() -> None:
    data = voyager_proton_lis()
    assert data.kinetic_energy_low[0] == 0.003 and data.kinetic_energy_high[-1] == 0.346034
    pull = (proton_lis()(data.kinetic_energy) - data.flux) / data.total
    assert np.max(np.abs(pull)) < 2.0, "the spline of papers/001 was fitted to these points"


def test_result_is_shared_and_read_only() -> None:
    data = voyager_proton_lis()
    assert voyager_proton_lis() is data
    assert not any(getattr(data, name).flags.writeable for name in data.__dataclass_fields__)


@pytest.mark.parametrize("element", VOYAGER_ELEMENTS)
def test_elements_have_ordered_errors_and_energies_inside_their_intervals(element: str) -> None:
    data = voyager_lis(element)
    assert np.all((data.kinetic_energy_low < data.kinetic_energy) & (data.kinetic_energy < data.kinetic_energy_high))
    np.testing.assert_allclose(data.systematic, 0.05 * data.flux, rtol=6e-3)  # printed to three digits
    assert np.all(data.statistical > 0)


def test_the_elements_have_the_abundances_of_cosmic_rays() -> None:
    """At 50 MeV/n; H/He = 12.2 is the paper's mean over energy."""
    protons = voyager_proton_lis()
    flux = {"hydrogen": np.interp(0.052, protons.kinetic_energy, protons.flux)}
    for element in VOYAGER_ELEMENTS:
        data = voyager_lis(element)
        order = np.argsort(data.kinetic_energy)
        flux[element] = np.interp(0.052, data.kinetic_energy[order], data.flux[order])
    assert flux["hydrogen"] / flux["helium"] == pytest.approx(12.2, rel=0.1)
    assert 50.0 < flux["helium"] / flux["carbon"] < 80.0
    assert 0.1 < flux["boron"] / flux["carbon"] < 0.2


def test_an_unknown_element_names_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'carbon'"):
        voyager_lis("carbn")
