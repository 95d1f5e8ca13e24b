"""Laws of the force field: identity, Liouville, composition, scaling with charge."""

from __future__ import annotations

import numpy as np
import pytest

from propmat.errors import InputError
from propmat.heliosphere.forcefield import force_field
from propmat.species import momentum_from_kinetic_energy
from propmat.spectra import proton_lis

LIS = proton_lis()
ENERGY = np.geomspace(0.05, 50.0, 25)
ROUNDING = 1e-13


@pytest.mark.parametrize("species", ["proton", "helium4", "electron"])
def test_zero_potential_is_the_identity(species: str) -> None:
    np.testing.assert_allclose(force_field(LIS, ENERGY, 0.0, species), LIS(ENERGY), rtol=ROUNDING)


@pytest.mark.parametrize(("species", "charge_to_mass"), [("proton", 1.0), ("helium3", 2 / 3), ("helium4", 0.5)])
def test_phase_space_density_is_conserved(species: str, charge_to_mass: float) -> None:
    potential = 0.6
    outside = ENERGY + potential * charge_to_mass
    at_earth = force_field(LIS, ENERGY, potential, species) / momentum_from_kinetic_energy(ENERGY, species) ** 2
    beyond = LIS(outside) / momentum_from_kinetic_energy(outside, species) ** 2
    np.testing.assert_allclose(at_earth, beyond, rtol=ROUNDING)


def test_two_potentials_compose_to_their_sum() -> None:
    once = force_field(LIS, ENERGY, 0.7, "helium4")
    twice = force_field(lambda energy: force_field(LIS, energy, 0.3, "helium4"), ENERGY, 0.4, "helium4")
    np.testing.assert_allclose(twice, once, rtol=ROUNDING)


def test_the_sign_of_the_charge_plays_no_role() -> None:
    np.testing.assert_array_equal(force_field(LIS, ENERGY, 0.5, "proton"), force_field(LIS, ENERGY, 0.5, "antiproton"))


def test_high_energy_limit_is_the_lis() -> None:
    np.testing.assert_allclose(force_field(LIS, 1e6, 0.5, "proton"), LIS(1e6), rtol=1e-5)


def test_flux_falls_with_the_potential_and_shapes_broadcast() -> None:
    potentials = np.array([0.0, 0.3, 0.6, 0.9])
    flux = force_field(LIS, ENERGY, potentials[:, None], "proton")
    assert flux.shape == (4, 25)
    assert np.all(np.diff(flux, axis=0) < 0.0)
    np.testing.assert_allclose(flux[2], force_field(LIS, ENERGY, 0.6, "proton"), rtol=ROUNDING)


@pytest.mark.parametrize("potential", [-0.1, np.nan, np.inf, [0.5, np.nan]])
def test_impossible_potentials_are_refused(potential: object) -> None:
    with pytest.raises(InputError, match="potential"):
        force_field(LIS, 1.0, potential, "proton")  # type: ignore[arg-type]


def test_impossible_energies_are_refused() -> None:
    with pytest.raises(InputError, match="kinetic_energy"):
        force_field(LIS, [1.0, -1.0], 0.5, "proton")


def test_unknown_species_names_the_nearest() -> None:
    with pytest.raises(InputError, match="proton"):
        force_field(LIS, 1.0, 0.5, "protn")
