"""The interstellar antiprotons of the GALPROP reference point P0."""

import numpy as np

from propmat.measurements import antiproton_lis, galprop_proton_lis, rotation_fluxes, rotations
from propmat.spectra import rigidity_bin_average


def test_table_covers_ten_mev_to_a_tev_and_is_reproduced_at_its_knots() -> None:
    lis = antiproton_lis()
    assert lis.kinetic_energy[0] < 0.0105 and lis.kinetic_energy[-1] > 950.0
    np.testing.assert_allclose(lis(lis.kinetic_energy), lis.flux, rtol=1e-12)
    assert antiproton_lis() is lis


def test_primary_protons_are_normalised_at_100_gev() -> None:
    """Secondaries add less than 2 % there."""
    assert 0.044 <= float(galprop_proton_lis()(100.0)) < 0.044 * 1.02


def test_antiprotons_are_secondary() -> None:
    """Their spectrum peaks near 2 GeV (threshold kinematics) and is softer than that of their parents above."""
    lis, parents = antiproton_lis(), galprop_proton_lis()
    assert 1.0 < lis.kinetic_energy[np.argmax(lis.flux)] < 4.0
    ratio = lis(np.array([20.0, 200.0])) / parents(np.array([20.0, 200.0]))
    assert ratio[1] < ratio[0] < 1e-3


def test_antiprotons_meet_the_measured_ones_where_modulation_ends() -> None:
    measured = np.mean([rotation_fluxes("antiproton", rotation).flux for rotation in rotations("antiproton")], axis=0)
    expected = rigidity_bin_average(antiproton_lis(), rotation_fluxes("antiproton", 2531).rigidity_edges, "antiproton")
    assert abs(expected[-1] / measured[-1] - 1.0) < 0.1
    assert np.all(np.diff(expected / measured)[:-1] < 0), "the lower the rigidity, the stronger the modulation"
