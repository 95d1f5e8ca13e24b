"""Reactions: what makes which species, and how much of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from propmat.constants import SPEED_OF_LIGHT_CM_S
from propmat.galaxy import Galaxy
from propmat.galaxy.momentum import MILLIBARN_CM2
from propmat.galaxy.network import fragmentation, inclusive_kernel, survival_kernel
from propmat.galaxy.prepared import Prepared, prepare
from propmat.species import beta_from_kinetic_energy, get_species

ENERGY = np.geomspace(1e-2, 1e6, 1001)


@pytest.fixture(scope="module")
def prepared(toy_tables: Path) -> Prepared:
    return prepare(Galaxy.preset("converged", toy_tables).replace(energies=60))


def test_fragments_keep_their_energy_per_nucleon() -> None:
    """dN/dp per parent: the rate times A_parent / A_daughter, the ratio of the momentum cells."""
    carbon, boron = get_species("carbon12"), get_species("boron11")
    found = fragmentation(carbon, boron, ENERGY, np.full_like(ENERGY, 50.0))
    speed = SPEED_OF_LIGHT_CM_S * beta_from_kinetic_energy(ENERGY, carbon)
    np.testing.assert_allclose(found, speed * 50.0 * MILLIBARN_CM2 * 12.0 / 11.0, rtol=1e-12)


def test_survivors_of_a_power_law_are_that_power_law_over_its_exponent() -> None:
    """Flat below the old energy, int_E^inf N(E') dE'/E' = N(E) / g for N = E^-g: by the trapezoidal rule."""
    kernel = survival_kernel(ENERGY, np.full_like(ENERGY, 10.0), end_weight=0.5)
    found = kernel @ ENERGY**-2.5
    beta = beta_from_kinetic_energy(ENERGY, "proton")
    expected = SPEED_OF_LIGHT_CM_S * 10.0 * MILLIBARN_CM2 * beta * ENERGY**-2.5 / 2.5
    np.testing.assert_allclose(found[:700], expected[:700], rtol=2e-4)


def test_full_weight_of_the_end_point_adds_half_a_cell() -> None:
    full, half = (survival_kernel(ENERGY, np.ones_like(ENERGY), end_weight=weight) for weight in (1.0, 0.5))
    np.testing.assert_allclose(np.diag(full), 2.0 * np.diag(half), rtol=1e-12)
    np.testing.assert_array_equal(np.triu(full, 1), np.triu(half, 1))
    np.testing.assert_array_equal(np.tril(half, -1), 0.0)


def test_antiprotons_of_a_power_law_are_an_integral_over_its_energies() -> None:
    """q(p) = beta c A int (d sigma / dT) N(E) dE for N per momentum, beta of the antiproton."""
    spectrum = np.exp(-(np.log(ENERGY[:, None] / ENERGY / 20.0) ** 2))
    kernel = inclusive_kernel(get_species("helium4"), ENERGY, spectrum)
    found = (kernel @ ENERGY**-1.0)[500]
    beta = beta_from_kinetic_energy(ENERGY[500], "antiproton")
    exact = float(beta) * SPEED_OF_LIGHT_CM_S * MILLIBARN_CM2 * 4.0 * np.sqrt(np.pi)  # int exp(-u^2) du
    assert found == pytest.approx(exact, rel=1e-9)


def test_parents_come_before_their_products(prepared: Prepared) -> None:
    seen: set[str] = set()
    for name, made in prepared.reactions.items():
        assert {*made.local, *made.decay, *made.kernel} <= seen
        seen.add(name)
    assert {"proton_secondary", "antiproton", "antiproton_tertiary"} <= seen


def test_ancestors_are_all_that_contributes_and_no_more(prepared: Prepared) -> None:
    assert prepared.ancestors(["helium4"]) == {"helium4", "oxygen16"}
    assert prepared.ancestors(["proton"]) == {"proton", "proton_secondary"}
    assert "beryllium10" in prepared.ancestors(["boron10"])
    assert "beryllium10" not in prepared.ancestors(["boron11"])
    assert "antiproton_tertiary" in prepared.ancestors(["antiproton"])


def test_only_beryllium10_decays_and_moving_clocks_run_slow(prepared: Prepared) -> None:
    beryllium = get_species("beryllium10")
    mass = beryllium.mass_per_nucleon
    rate = prepared.decay_rate(beryllium, np.array([1e-9, mass, 9.0 * mass]))
    assert 1.0 / rate[0] == pytest.approx(1.387 / np.log(2.0) * 1e6 * 365.25 * 86400.0, rel=1e-6)
    np.testing.assert_allclose(rate / rate[0], [1.0, 0.5, 0.1], rtol=1e-6)
    np.testing.assert_array_equal(prepared.decay_rate(get_species("boron10"), ENERGY), 0.0)
