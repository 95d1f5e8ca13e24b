"""Injection: power laws in rigidity that meet at the breaks, scaled at 100 GeV per nucleon."""

from __future__ import annotations

import numpy as np
import pytest

from propmat.galaxy.sources import ABUNDANCES, injection, injection_shape, radial_profile
from propmat.species import SPECIES, get_species, kinetic_energy_from_rigidity

PARAMETERS = {"nu1": 1.8, "nu2": 2.4, "nu3": 2.1, "R_br1": 5.0, "R_br2": 300.0}


@pytest.mark.parametrize(("low", "high", "index"), [(0.1, 4.9, 1.8), (5.1, 290.0, 2.4), (310.0, 1e5, 2.1)])
def test_slopes_between_the_breaks(low: float, high: float, index: float) -> None:
    rigidity = np.geomspace(low, high, 20)
    slope = np.diff(np.log(injection_shape(rigidity, PARAMETERS))) / np.diff(np.log(rigidity))
    np.testing.assert_allclose(slope, -index, rtol=1e-10)


@pytest.mark.parametrize("place", [5.0, 300.0])
def test_breaks_are_continuous(place: float) -> None:
    below, above = injection_shape(place * np.array([1.0 - 1e-12, 1.0 + 1e-12]), PARAMETERS)
    assert above == pytest.approx(below, rel=1e-10)


def test_all_species_have_one_shape_in_rigidity() -> None:
    rigidity = np.geomspace(0.5, 1e4, 30)
    shapes = []
    for name in ("proton", "helium4", "oxygen18", "iron56"):
        values = injection(get_species(name), kinetic_energy_from_rigidity(rigidity, name), PARAMETERS)
        shapes.append(values / values[0])
    np.testing.assert_allclose(shapes[1:], [shapes[0]] * 3, rtol=1e-9)


@pytest.mark.parametrize("name", ABUNDANCES)
def test_abundances_hold_per_energy_per_nucleon_at_100_gev(name: str) -> None:
    """Per unit total momentum it is the abundance over A."""
    species = get_species(name)
    found = injection(species, np.array([100.0]), PARAMETERS)[0] * species.nucleons
    assert found == pytest.approx(ABUNDANCES[name], rel=1e-12)


def test_what_has_no_abundance_is_not_injected() -> None:
    for name in ("boron11", "antiproton"):
        np.testing.assert_array_equal(injection(SPECIES[name], np.array([1.0, 10.0]), PARAMETERS), 0.0)


def test_the_radial_profile_is_one_at_the_sun_peaks_at_its_place_and_ends() -> None:
    """Its maximum is at r = 8.5 alpha / beta."""
    radius = np.linspace(0.0, 25.0, 2501)
    profile = radial_profile(radius, 1.09, 3.87, 20.0)
    assert profile[850] == pytest.approx(1.0, rel=1e-12)
    assert radius[np.argmax(profile)] == pytest.approx(8.5 * 1.09 / 3.87, abs=0.01)
    np.testing.assert_array_equal(profile[radius >= 20.0], 0.0)
    assert profile[1999] > 0.0
