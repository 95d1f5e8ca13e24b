"""Propagation is linear in the injection, and the transfer matrices are that linear map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toy_tables import POINT

from propmat.galaxy import ExtraSource, Galaxy, LocalSpectra
from propmat.galaxy.sources import ABUNDANCES
from propmat.species import FloatArray

OBSERVED = ["proton", "antiproton", "helium4", "boron10", "boron11", "carbon12", "carbon13"]
INJECTED = ["proton", "helium4", "carbon12", "carbon13", "oxygen16"]
STRONG = POINT | {"nu1": 1.6, "R_br1": 30.0, "nu3": 1.8, "R_br2": 500.0, "D0": 2.0, "v_A": 60.0, "z_h": 4.0}


def far_off(height: float) -> ExtraSource:
    """Carbon from a ring of sources high above the plane."""

    def ring(radius: FloatArray, level: FloatArray) -> FloatArray:
        return np.asarray(np.exp(-((radius - 4.0) ** 2)) * (level > height))

    return ExtraSource("carbon12", lambda energy: 1e-26 * energy**-2.4, ring)


@pytest.fixture(scope="module", params=[("converged", POINT), ("converged", STRONG), ("galprop_grid", STRONG)])
def spectra(request: pytest.FixtureRequest, toy_tables: Path) -> LocalSpectra:
    preset, parameters = request.param
    return Galaxy.preset(preset, toy_tables).solve(parameters)


@pytest.mark.parametrize("observed", OBSERVED)
def test_transfer_matrices_applied_to_the_injections_give_the_flux(spectra: LocalSpectra, observed: str) -> None:
    applied = sum(spectra.green(injected, observed) @ spectra.injection(injected) for injected in INJECTED)
    flux = spectra.flux(observed)
    np.testing.assert_allclose(applied, flux, rtol=1e-10, atol=1e-12 * flux.max())


def test_what_is_not_an_ancestor_contributes_nothing(spectra: LocalSpectra) -> None:
    np.testing.assert_array_equal(spectra.green("helium4", "carbon12"), 0.0)
    assert spectra.green("oxygen16", "boron11").max() > 0.0


def test_transfer_matrices_do_not_depend_on_the_injection(toy_tables: Path) -> None:
    """But for the reduced space, which is chosen for the injection: measured: 1e-4 of the largest response."""
    galaxy = Galaxy.preset("converged", toy_tables)
    other = POINT | {name: STRONG[name] for name in ("nu1", "nu3", "R_br1", "R_br2")}
    first, second = galaxy.solve(POINT), galaxy.solve(other)
    for injected, observed in (("proton", "proton"), ("proton", "antiproton"), ("oxygen16", "boron11")):
        here, there = first.green(injected, observed), second.green(injected, observed)
        kept = (galaxy.kinetic_energy > 0.01) & (galaxy.kinetic_energy < 1e4)
        largest = here.max(axis=1, keepdims=True)[kept]
        assert np.max(np.abs(here - there)[kept] / largest) < 1e-3


def test_fluxes_scale_with_the_normalisation(toy_tables: Path) -> None:
    galaxy = Galaxy.preset("converged", toy_tables)
    single, double = galaxy.solve(POINT), galaxy.replace(proton_flux=0.088).solve(POINT)
    for name in single.species:
        np.testing.assert_allclose(double.flux(name), 2.0 * single.flux(name), rtol=1e-12)
    hundred = np.interp(np.log(100.0), np.log(single.kinetic_energy), np.log(single.flux("proton_primary")))
    assert np.exp(hundred) == pytest.approx(0.044, rel=1e-12)


def test_contributions_of_abundances_add_up(toy_tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Boron from twice the carbon and from none of it average to boron from once."""
    galaxy = Galaxy.preset("converged", toy_tables)
    carbon = ABUNDANCES["carbon12"]
    found = []
    for factor in (0.0, 1.0, 2.0):
        monkeypatch.setitem(ABUNDANCES, "carbon12", factor * carbon)
        found.append(galaxy.solve(POINT))
    for name in ("carbon12", "boron11", "antiproton"):
        none, once, twice = (one.flux(name) for one in found)
        np.testing.assert_allclose(0.5 * (none + twice), once, rtol=1e-10)
        kept = (galaxy.kinetic_energy > 0.01) & (galaxy.kinetic_energy < 1e4)
        assert np.all((none < once)[kept])
    np.testing.assert_array_equal(found[0].flux("helium4"), found[2].flux("helium4"))


def test_extra_sources_add_up(toy_tables: Path) -> None:
    """The parts of two extra sources, alone and together, and what they leave unchanged."""
    galaxy = Galaxy.preset("converged", toy_tables)
    source = far_off(2.0)
    half = ExtraSource("carbon12", lambda energy: 0.5 * source.spectrum(energy) * (energy > 3.0), source.profile)
    rest = ExtraSource("carbon12", lambda energy: source.spectrum(energy) - half.spectrum(energy), source.profile)
    whole, first, second = (galaxy.solve(POINT, extra_source=one) for one in (source, half, rest))
    without = galaxy.solve(POINT)
    kept = galaxy.kinetic_energy > 0.01  # less than that does not reach the Sun from there
    for name in ("carbon12", "boron11", "boron10"):
        added = first.flux(f"{name}_extra") + second.flux(f"{name}_extra")
        np.testing.assert_allclose(whole.flux(f"{name}_extra")[kept], added[kept], rtol=1e-9)
        cosmic = (whole.flux(name) - added)[kept]
        np.testing.assert_allclose(cosmic, without.flux(name)[kept], rtol=1e-3)  # another reduced space
        assert np.all(added[kept] > 0.0)
    np.testing.assert_array_equal(whole.flux("proton_extra"), 0.0)
    np.testing.assert_array_equal(whole.flux("helium4_extra"), 0.0)
