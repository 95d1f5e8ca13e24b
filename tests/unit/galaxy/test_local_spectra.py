"""Spectra at the Sun: what they refuse to be, and what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from propmat.errors import InputError
from propmat.galaxy import LocalSpectra

ENERGY = np.geomspace(0.1, 100.0, 31)


def spectra(**changes: Any) -> LocalSpectra:
    contents: dict[str, Any] = {
        "fluxes": {"proton": ENERGY**-2.7, "boron11": 1e-3 * ENERGY**-3.0},
        "parts": {"proton_primary": 0.9 * ENERGY**-2.7},
        "injections": {"proton": ENERGY**-2.3},
        "matrices": lambda injected, observed: np.eye(ENERGY.size),
    }
    return LocalSpectra(ENERGY, **contents | changes)


def test_totals_and_parts_have_one_face() -> None:
    found = spectra()
    assert found.species == ("proton", "boron11")
    np.testing.assert_array_equal(found.flux("proton_primary"), 0.9 * found.flux("proton"))
    np.testing.assert_array_equal(found.green("proton", "proton"), np.eye(31))
    np.testing.assert_array_equal(found.injection("proton"), ENERGY**-2.3)


def test_the_spectrum_of_a_power_law_is_that_power_law_between_the_nodes() -> None:
    between = np.sqrt(ENERGY[1:] * ENERGY[:-1])
    np.testing.assert_allclose(spectra().spectrum("proton")(between), between**-2.7, rtol=1e-10)


def test_energies_without_flux_are_left_out_of_the_spectrum() -> None:
    flux = np.where(ENERGY > 0.5, ENERGY**-2.0, 0.0)
    found = spectra(fluxes={"proton": flux}).spectrum("proton")
    assert found(np.array([10.0]))[0] == pytest.approx(0.01, rel=1e-9)


@pytest.mark.parametrize(
    "energy",
    [ENERGY[::-1], ENERGY[:1], np.array([]), ENERGY.reshape(1, -1), np.append(0.0, ENERGY), np.full(31, np.nan)],
)
def test_energies_must_be_positive_and_increasing(energy: Any) -> None:
    with pytest.raises(InputError, match="kinetic_energy must be"):
        LocalSpectra(energy, {"proton": np.ones(np.size(energy))})


@pytest.mark.parametrize("group", ["fluxes", "parts", "injections"])
@pytest.mark.parametrize("values", [np.ones(30), -np.ones(31), np.full(31, np.nan), np.full(31, np.inf), 1.0])
def test_fluxes_must_fit_and_be_finite_and_not_negative(group: str, values: Any) -> None:
    with pytest.raises(InputError, match="flux of carbon12 must be 31 finite values >= 0"):
        spectra(**{group: {"carbon12": values}})


def test_an_unknown_species_names_the_nearest() -> None:
    found = spectra()
    with pytest.raises(InputError, match=r"'boron1'.*Did you mean 'boron11'"):
        found.flux("boron1")
    with pytest.raises(InputError, match=r"'protons'.*Did you mean 'proton'"):
        found.injection("protons")


def test_spectra_of_another_simulator_say_what_they_lack() -> None:
    found = LocalSpectra(ENERGY, {"proton": ENERGY**-2.7})
    with pytest.raises(InputError, match="no transfer matrices"):
        found.green("proton", "proton")
    with pytest.raises(InputError, match="no injection"):
        found.injection("proton")
