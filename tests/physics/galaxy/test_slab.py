"""A thin disc of sources and gas in the middle of a wide halo: the one-dimensional solutions in closed form.

In a halo of half-height z_h a surface source Q, a surface density G of gas in the plane, and a decay time tau give

    N(0) = (Q / 2) / ((D / L) coth(z_h / L) + v sigma G / 2),        L = sqrt(D tau),

(for a stable nucleus D / z_h instead), and a secondary has Q = G v sigma_ps N_primary. G / 2 is the column on one side.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toy_tables import POINT, PRODUCTION_MB, inelastic_mb, write_tables

from propmat.galaxy import Galaxy, LocalSpectra
from propmat.galaxy.momentum import SPEED_OF_LIGHT_CM_S, spatial_diffusion
from propmat.species import FloatArray, beta_from_kinetic_energy, get_species

THICKNESS, SOURCE_HEIGHT = 0.02, 0.01
PER_ATOM = 1.0 + 0.11 * 3.0
"""Cross section per H atom with its helium, over that on hydrogen."""
SLOW = POINT | {"nu1": 2.3, "nu2": 2.3, "nu3": 2.3, "v_A": 6.0, "eta": 0.0}


def wide_galaxy(tables: Path) -> Galaxy:
    """Uniform in radius out to 41 kpc from the Sun, some e^-20 of a halo of 6 kpc away."""
    return Galaxy.preset("converged", tables).replace(
        radius=50.0,
        radial_step=1.7,
        height_first=0.005,
        heights=70,
        source_alpha=0.0,
        source_beta=0.0,
        source_cutoff=50.0,
        source_height=SOURCE_HEIGHT,
        heaviest=12,
    )


def destruction(name: str, energy: FloatArray, density: float, cross_section: float) -> FloatArray:
    """v sigma G / 2 [kpc / s]."""
    speed = SPEED_OF_LIGHT_CM_S * beta_from_kinetic_energy(energy, name)
    return np.asarray(speed * 1.0e-27 * cross_section * density * THICKNESS)


def solve(tmp_path: Path, density: float, parameters: dict[str, float]) -> LocalSpectra:
    return wide_galaxy(write_tables(tmp_path / "disc.h5", gas=density, thickness=THICKNESS)).solve(parameters)


@pytest.mark.parametrize(("density", "z_h"), [(0.01, 3.0), (10.0, 3.0), (100.0, 6.0)])
def test_a_primary_leaves_through_the_halo_or_is_destroyed_in_the_disc(
    tmp_path: Path, density: float, z_h: float
) -> None:
    """At energies where losses are negligible; corrections are of the order of THICKNESS / z_h."""
    parameters = SLOW | {"D0": 3.0, "z_h": z_h}
    found = solve(tmp_path, density, parameters)
    energy = found.kinetic_energy
    high = (energy > 1.0e3) & (energy < 1.0e5)
    diffusion = spatial_diffusion(get_species("carbon12"), energy, parameters)
    destroyed = destruction("carbon12", energy, density, inelastic_mb(12) * PER_ATOM)
    column = SOURCE_HEIGHT * (1.0 - SOURCE_HEIGHT / z_h)
    expected = found.injection("carbon12") * column / (diffusion / z_h + destroyed)
    np.testing.assert_allclose(found.flux("carbon12")[high], expected[high], rtol=5e-3)
    if density == 100.0:
        assert np.max((destroyed / diffusion * z_h)[high]) > 1.0  # not only escape is tested


@pytest.mark.parametrize("density", [1.0, 100.0])
def test_a_stable_secondary_over_its_primary(tmp_path: Path, density: float) -> None:
    """B11 / C12 = v sigma_CB (G/2) / (D / z_h + v sigma_B G / 2) at equal kinetic energy per nucleon."""
    parameters = SLOW | {"D0": 3.0, "z_h": 6.0}
    found = solve(tmp_path, density, parameters)
    energy = found.kinetic_energy
    high = (energy > 1.0e3) & (energy < 1.0e5)
    diffusion = spatial_diffusion(get_species("boron11"), energy, parameters)
    made = destruction("carbon12", energy, density, PRODUCTION_MB["Carbon_12", "Boron_11"])
    destroyed = destruction("boron11", energy, density, inelastic_mb(11) * PER_ATOM)
    ratio = found.flux("boron11") / found.flux("carbon12")
    np.testing.assert_allclose(ratio[high], (made / (diffusion / 6.0 + destroyed))[high], rtol=5e-3)


def test_beryllium10_decays_in_the_halo_and_feeds_boron10(tmp_path: Path) -> None:
    """Thin gas, fast diffusion: momentum hardly changes, so that the solution holds down to 2 GeV/n."""
    z_h, density = 6.0, 0.1
    parameters = SLOW | {"D0": 20.0, "z_h": z_h}
    found = solve(tmp_path, density, parameters)
    energy = found.kinetic_energy
    kept = (energy > 2.0) & (energy < 1.0e4)
    beryllium = get_species("beryllium10")
    diffusion = spatial_diffusion(beryllium, energy, parameters)
    lifetime = 1.387 * 3.15576e13 / np.log(2.0) * (1.0 + energy / beryllium.mass_per_nucleon)
    length = np.sqrt(diffusion * lifetime)
    assert length[kept].min() < 0.6 * z_h and length[kept].max() > 50.0 * z_h
    made = destruction("carbon12", energy, density, PRODUCTION_MB["Carbon_12", "Beryllium_10"])
    destroyed = destruction("beryllium10", energy, density, inelastic_mb(10) * PER_ATOM)
    expected = made / (diffusion / length / np.tanh(z_h / length) + destroyed)
    ratio = found.flux("beryllium10") / found.flux("carbon12")
    np.testing.assert_allclose(ratio[kept], expected[kept], rtol=1e-2)

    boron = spatial_diffusion(get_species("boron10"), energy, parameters)
    direct = destruction("carbon12", energy, density, PRODUCTION_MB["Carbon_12", "Boron_10"]) / (boron / z_h)
    # N_Be(z) = N_Be(0) sinh((z_h - z)/L) / sinh(z_h/L); its daughters' source integrated against (z_h - z) / D
    scaled = z_h / length
    weight = z_h * length / np.tanh(scaled) - length**2
    expected = direct + expected * weight / lifetime / boron
    ratio = found.flux("boron10") / found.flux("carbon12")
    np.testing.assert_allclose(ratio[kept], expected[kept], rtol=1e-2)
