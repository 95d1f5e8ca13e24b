"""Conversions invert each other and have the right limits; masses and charges are those of the particles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from propmat.constants import ATOMIC_MASS_UNIT, ELECTRON_MASS, PROTON_MASS
from propmat.errors import InputError
from propmat.species import (
    SPECIES,
    beta_from_kinetic_energy,
    get_species,
    kinetic_energy_from_rigidity,
    momentum_from_kinetic_energy,
    rigidity_from_kinetic_energy,
)

names = st.sampled_from(sorted(SPECIES))
energies = st.floats(1e-6, 1e6)
NUCLEI = sorted(name for name, species in SPECIES.items() if species.mass_number > 1)


@given(names, energies)
def test_energy_to_rigidity_and_back(name: str, energy: float) -> None:
    rigidity = rigidity_from_kinetic_energy(energy, name)
    assert kinetic_energy_from_rigidity(rigidity, name) == pytest.approx(energy, rel=1e-12)


@given(names, st.floats(1e-6, 1e6))
def test_rigidity_to_energy_and_back(name: str, rigidity: float) -> None:
    energy = kinetic_energy_from_rigidity(rigidity, name)
    assert rigidity_from_kinetic_energy(energy, name) == pytest.approx(rigidity, rel=1e-9)


@given(names, energies)
def test_energy_momentum_relation_of_the_whole_particle(name: str, energy: float) -> None:
    species = SPECIES[name]
    momentum = momentum_from_kinetic_energy(energy, name)
    total = energy * species.nucleons + species.mass
    assert momentum**2 + species.mass**2 == pytest.approx(total**2, rel=1e-12)
    assert momentum == pytest.approx(rigidity_from_kinetic_energy(energy, name) * abs(species.charge), rel=1e-14)
    assert beta_from_kinetic_energy(energy, name) == pytest.approx(momentum / total, rel=1e-12)


@pytest.mark.parametrize("name", sorted(SPECIES))
def test_ultrarelativistic_limit(name: str) -> None:
    species, energy = SPECIES[name], 1e9
    assert rigidity_from_kinetic_energy(energy, name) == pytest.approx(species.nucleons_per_charge * energy, rel=1e-8)
    assert beta_from_kinetic_energy(energy, name) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("name", sorted(SPECIES))
def test_nonrelativistic_limit(name: str) -> None:
    species = SPECIES[name]
    energy = 1e-8 * species.mass_per_nucleon
    newton = np.sqrt(2 * energy / species.mass_per_nucleon)
    assert beta_from_kinetic_energy(energy, name) == pytest.approx(newton, rel=1e-7)
    assert momentum_from_kinetic_energy(energy, name) == pytest.approx(species.mass * newton, rel=1e-7)
    rigidity = species.mass_per_charge * newton
    assert kinetic_energy_from_rigidity(rigidity, name) == pytest.approx(energy, rel=1e-7)


def test_a_proton_of_1_gv() -> None:
    assert kinetic_energy_from_rigidity(1.0, "proton") == pytest.approx(np.hypot(1.0, 0.938272) - 0.938272, rel=1e-14)


@pytest.mark.parametrize("name", NUCLEI)
def test_nuclei_are_bound_and_near_a_atomic_mass_units(name: str) -> None:
    species, neutron_mass = SPECIES[name], 0.93956542
    charge, neutrons = species.charge, species.mass_number - species.charge
    assert species.mass < charge * PROTON_MASS + neutrons * neutron_mass
    assert species.mass == pytest.approx(species.mass_number * ATOMIC_MASS_UNIT, rel=0.01)


@pytest.mark.parametrize(
    ("name", "mass"), [("deuteron", 1.875612945), ("helium3", 2.808391612), ("helium4", 3.727379412)]
)
def test_light_nuclei_have_their_codata_masses(name: str, mass: float) -> None:
    """CODATA 2022 masses of the bare nuclei; electron binding (below 0.1 keV) is what the table neglects."""
    assert SPECIES[name].mass == pytest.approx(mass, abs=2e-7)


def test_matter_and_antimatter_differ_by_the_charge_only() -> None:
    for matter, antimatter, mass in (("proton", "antiproton", PROTON_MASS), ("electron", "positron", ELECTRON_MASS)):
        assert SPECIES[matter].mass == SPECIES[antimatter].mass == mass
        assert SPECIES[matter].charge == -SPECIES[antimatter].charge
        assert SPECIES[matter].nucleons_per_charge == SPECIES[antimatter].nucleons_per_charge == 1.0


@pytest.mark.parametrize(("name", "ratio"), [("helium3", 1.5), ("helium4", 2.0), ("boron11", 2.2), ("electron", 1.0)])
def test_what_the_heliosphere_distinguishes(name: str, ratio: float) -> None:
    assert SPECIES[name].nucleons_per_charge == pytest.approx(ratio, rel=1e-15)


@pytest.mark.parametrize("polarity", [1, -1])
def test_drift_sign_is_charge_sign_times_polarity(polarity: int) -> None:
    assert SPECIES["proton"].drift_sign(polarity) == polarity
    assert SPECIES["antiproton"].drift_sign(polarity) == -polarity
    assert SPECIES["electron"].drift_sign(polarity) == -polarity


@pytest.mark.parametrize("polarity", [0, 2, 0.5, float("nan")])
def test_polarity_is_plus_or_minus_one(polarity: int) -> None:
    with pytest.raises(InputError, match="polarity"):
        SPECIES["proton"].drift_sign(polarity)


def test_get_species_passes_a_species_and_explains_a_misspelt_name() -> None:
    assert get_species(SPECIES["proton"]) is get_species("proton")
    with pytest.raises(InputError, match=r"'protn'.*'proton'"):
        get_species("protn")
    assert {species.name for species in SPECIES.values()} == set(SPECIES)


@given(names)
def test_shapes_are_kept(name: str) -> None:
    energy = np.ones((2, 3))
    for convert in (
        rigidity_from_kinetic_energy,
        kinetic_energy_from_rigidity,
        momentum_from_kinetic_energy,
        beta_from_kinetic_energy,
    ):
        result = convert(energy, name)
        assert result.shape == energy.shape
        assert result.dtype == np.float64
