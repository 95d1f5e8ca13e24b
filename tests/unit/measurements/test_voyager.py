"""Voyager 1: the local interstellar protons below 0.35 GeV."""

import numpy as np

from propmat.measurements import voyager_proton_lis
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
