"""Sources of a user: those that repeat the cosmic rays, and dark matter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from toy_tables import POINT

from propmat.constants import SPEED_OF_LIGHT_M_S
from propmat.galaxy import ExtraSource, Galaxy, burkert, navarro_frenk_white
from propmat.galaxy.extra import Profile
from propmat.galaxy.sources import radial_profile
from propmat.species import FloatArray, beta_from_kinetic_energy

PROFILES: list[Callable[..., Profile]] = [navarro_frenk_white, burkert]


def disc(radius: FloatArray, height: FloatArray) -> FloatArray:
    """The source distribution of cosmic rays."""
    return np.asarray(radial_profile(radius, 1.09, 3.87, 20.0) * np.exp(-height / 0.2))


def bump(energy: FloatArray) -> FloatArray:
    """Some spectrum of antiprotons [cm^-3 s^-1 GeV^-1]."""
    return np.asarray(1e-30 * np.exp(-(np.log(energy / 3.0) ** 2)))


@pytest.mark.parametrize("name", ["proton", "carbon12"])
def test_repeating_the_source_of_a_species_repeats_its_flux(toy_tables: Path, name: str) -> None:
    """The injection at the Sun, put in once more as a user would: q = 4 pi / (beta c) times the flux per second."""
    galaxy = Galaxy.preset("converged", toy_tables)
    energy = galaxy.kinetic_energy
    injection = galaxy.solve(POINT).injection(name)
    speed = 100.0 * SPEED_OF_LIGHT_M_S * beta_from_kinetic_energy(energy, name)
    source = ExtraSource(name, lambda _: 4.0 * np.pi / speed * 1.0e-4 * injection, disc)
    found = galaxy.solve(POINT, extra_source=source)
    share = injection[0] / found.injection(name)[0]
    assert share == pytest.approx(1.0, abs=1e-4)  # the normalisation, in the reduced space of either solution
    if name == "proton":
        cosmic = found.flux("proton") - found.flux("proton_extra")
    else:
        cosmic = found.green(name, name) @ found.injection(name)
    np.testing.assert_allclose(found.flux(f"{name}_extra"), share * cosmic, rtol=1e-9)


@pytest.mark.parametrize("observed", ["antiproton", "boron10", "boron11", "beryllium10"])
def test_the_transfer_matrix_applies_to_an_extra_source_in_the_disc(toy_tables: Path, observed: str) -> None:
    galaxy = Galaxy.preset("converged", toy_tables)
    source = ExtraSource("carbon12", lambda energy: 1e-26 * energy**-2.0, disc)
    found = galaxy.solve(POINT, extra_source=source)
    applied = found.green("carbon12", observed) @ source.injection(galaxy.kinetic_energy)
    extra = found.flux(f"{observed}_extra")
    np.testing.assert_allclose(applied, extra, rtol=1e-10, atol=1e-12 * extra.max())
    assert extra.max() > 0.0


def test_extra_antiprotons_add_to_the_total_and_make_tertiaries(toy_tables: Path) -> None:
    galaxy = Galaxy.preset("converged", toy_tables)
    found = galaxy.solve(POINT, extra_source=ExtraSource("antiproton", bump, navarro_frenk_white()))
    without = galaxy.solve(POINT)
    extra = found.flux("antiproton_extra")
    kept = (galaxy.kinetic_energy > 0.05) & (galaxy.kinetic_energy < 1e4)
    total = without.flux("antiproton") + extra
    np.testing.assert_allclose(found.flux("antiproton")[kept], total[kept], rtol=1e-3)
    np.testing.assert_allclose(found.flux("proton")[kept], without.flux("proton")[kept], rtol=1e-3)
    tertiary = found.flux("antiproton_tertiary") - without.flux("antiproton_tertiary")
    place = int(np.argmax(galaxy.kinetic_energy > 0.1))
    assert 0.0 < tertiary[place] < extra[place]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_halos_are_normalised_at_the_sun_and_fall_outwards(profile: Callable[..., Profile], power: float) -> None:
    """Power 2, of annihilation, is the square of power 1, of decay; the density depends on the distance alone."""
    found = profile(power=power)
    assert found(np.array(8.5), np.array(0.0)) == pytest.approx(1.0, rel=1e-14)
    assert found(np.array(5.1), np.array(6.8)) == pytest.approx(1.0, rel=1e-14)
    distance = np.linspace(0.2, 20.0, 50)
    values = found(distance, np.zeros(50))
    assert np.all(np.diff(values) < 0.0)
    np.testing.assert_allclose(values, profile(power=1.0)(distance, np.zeros(50)) ** power, rtol=1e-13)


def test_halos_have_the_slopes_of_their_profiles() -> None:
    """d ln(rho) / d ln(r): -1, -2, -3 within, at and beyond the scale of one; 0, -3/2, -3 of the other's core."""
    for profile, slopes in (
        (navarro_frenk_white(10.0, power=1.0), (-1.0, -2.0, -3.0)),
        (burkert(10.0, power=1.0), (0.0, -1.5, -3.0)),
    ):
        distance = np.array([[0.2], [10.0], [1.0e4]]) * np.exp([-1e-4, 1e-4])
        logarithm = np.log(profile(distance, np.zeros_like(distance)))
        found = np.diff(logarithm, axis=1)[:, 0] / 2e-4
        np.testing.assert_allclose(found, slopes, atol=0.05)


def test_the_thinner_the_halo_the_more_local_are_the_antiprotons(toy_tables: Path) -> None:
    """Sources that are 1 at the Sun and rise inwards give more than uniform ones; the less so, the thinner the halo."""
    galaxy = Galaxy.preset("converged", toy_tables)
    place = int(np.argmax(galaxy.kinetic_energy > 10.0))

    def excess(profile: Profile, z_h: float) -> float:
        fluxes = [
            galaxy.solve(
                POINT | {"z_h": z_h}, species=["antiproton"], extra_source=ExtraSource("antiproton", bump, one)
            ).flux("antiproton_extra")[place]
            for one in (profile, lambda radius, height: np.ones_like(radius + height))
        ]
        return float(fluxes[0] / fluxes[1] - 1.0)

    for profile in (navarro_frenk_white(), burkert()):
        assert 0.0 < excess(profile, 1.5) < excess(profile, 3.0) < excess(profile, 5.0)


def test_a_source_outside_of_the_disc_reaches_the_sun_less(toy_tables: Path) -> None:
    """The closer to the boundary, the more antiprotons are lost."""
    galaxy = Galaxy.preset("converged", toy_tables)
    place = int(np.argmax(galaxy.kinetic_energy > 10.0))

    def layer(low: float) -> Profile:
        return lambda radius, height: np.asarray(((height >= low) & (height < low + 1.0)) + 0.0 * radius)

    fluxes = [
        galaxy.solve(POINT, species=["antiproton"], extra_source=ExtraSource("antiproton", bump, layer(low))).flux(
            "antiproton_extra"
        )[place]
        for low in (0.0, 2.0, 4.0)
    ]
    assert fluxes[0] > fluxes[1] > fluxes[2] > 0.0
