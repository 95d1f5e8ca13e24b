"""The shipped gas: closed integrals, values at the Sun, and GALPROP's gas by its columns."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from propmat.galaxy.gas import GalacticGas
from propmat.galaxy.interactions import GAS
from propmat.species import FloatArray

REFERENCE = Path(__file__).parents[4] / "shared" / "reference" / "galprop_reference.h5"
HYDROGEN = np.array([1.0, 2.0, 1.0])
"""Hydrogen nuclei in each particle of GAS."""
KILOPARSEC = 3.0857e21
SUN = np.array([8.5])


def column(radius: float, height: float) -> FloatArray:
    """(gas,) column between the plane and a height [cm^-3 kpc]."""
    return GalacticGas().column(np.array([radius]), np.array([height]))[:, 0, 0]


def test_columns_start_at_zero_rise_and_level_off() -> None:
    height = np.concatenate([[0.0], np.geomspace(1e-3, 20.0, 60)])
    columns = GalacticGas().column(np.linspace(0.0, 25.0, 51), height)
    assert columns.shape == (len(GAS), 51, 61)
    np.testing.assert_array_equal(columns[..., 0], 0.0)
    assert np.all(np.diff(columns, axis=-1) >= 0)
    np.testing.assert_allclose(columns[..., -1], columns[..., -2], rtol=1e-6)


def test_hii_is_the_integral_of_its_published_density() -> None:
    """Cordes et al. (1991): 0.025 e^(-|z|) e^(-(R/20)^2) + 0.2 e^(-|z|/0.15) e^(-((R-4)/2)^2)."""
    z = np.linspace(0.0, 0.7, 2001)
    for radius in (0.0, 4.0, 8.5, 15.0):
        thick = 0.025 * np.exp(-z - (radius / 20) ** 2)
        thin = 0.2 * np.exp(-z / 0.15 - ((radius - 4) / 2) ** 2)
        assert column(radius, 0.7)[2] == pytest.approx(np.trapezoid(thick + thin, z), rel=1e-6)


def test_hi_has_the_published_profiles_in_height() -> None:
    """Dickey & Lockman (1990) at 6 kpc, Cox et al. (1986) at 12 kpc; radii rescaled by 10/8.5."""
    z = np.linspace(0.0, 2.0, 4001)
    half = np.log(2.0)
    inner = 0.395 * np.exp(-half * (z / 0.106) ** 2) + 0.107 * np.exp(-half * (z / 0.265) ** 2)
    inner = inner + 0.064 * np.exp(-z / 0.403)
    outer = np.exp(-((z / (0.0523 * np.exp(0.11 * 12.0 / 0.85))) ** 2))
    for radius, density in ((6.0, inner), (12.0, outer)):
        share = np.trapezoid(density[z <= 0.2], z[z <= 0.2]) / np.trapezoid(density, z)
        assert column(radius, 0.2)[0] / column(radius, 2.0)[0] == pytest.approx(share, rel=1e-4)


def test_density_and_columns_at_the_sun() -> None:
    """nHI 0.65, nH2 0.089, nHII 0.021 cm^-3 in the plane; 8.5e20 H cm^-2 through the disc (galaxy.md, section 5)."""
    plane = column(8.5, 1e-4) / 1e-4
    np.testing.assert_allclose(plane, [0.65, 0.089, 0.021], rtol=0.10)
    surface = 2.0 * KILOPARSEC * HYDROGEN @ column(8.5, 10.0)
    assert surface == pytest.approx(8.5e20, rel=0.05)


def test_gas_is_smooth_along_the_radius() -> None:
    """No jump: halving the step halves the largest change."""
    changes = []
    for count in (2001, 4001):
        columns = GalacticGas().column(np.linspace(0.0, 20.0, count), np.array([10.0]))
        changes.append(np.abs(np.diff(columns[:, :, 0], axis=1)).max(axis=1))
    np.testing.assert_allclose(changes[0] / changes[1], 2.0, rtol=0.05)


def test_masses_are_those_of_the_galaxy() -> None:
    """A few 1e9 solar masses of HI and about 1e9 of H2 within 20 kpc (Ferriere 2001, Rev. Mod. Phys. 73, 1031)."""
    radius = np.linspace(0.0, 20.0, 4001)
    columns = 2.0 * GalacticGas().column(radius, np.array([20.0]))[:, :, 0]
    solar_mass_per_hydrogen = 1.6735e-24 / 1.989e33
    mass = np.trapezoid(2.0 * np.pi * radius * columns, radius) * KILOPARSEC**3 * solar_mass_per_hydrogen * HYDROGEN
    assert 2.5e9 < mass[0] < 6e9
    assert 0.7e9 < mass[1] < 2.5e9


@pytest.mark.skipif(not REFERENCE.exists(), reason="../shared/reference is not here")
def test_columns_agree_with_the_reference() -> None:
    """GALPROP samples the tables that we smooth: 4 % averaged over 4-13 kpc, 25 % at any radius between."""
    with h5py.File(REFERENCE) as file:
        group = file["aux/gas"]
        radius, height = group["r"][:], group["z"][:]
        reference = sum(factor * group[f"n{kind}"][:] for kind, factor in zip(GAS, HYDROGEN, strict=True))
    surface = reference.sum(axis=1) * (height[1] - height[0])
    ours = 2.0 * np.tensordot(HYDROGEN, GalacticGas().column(radius, np.array([7.2]))[:, :, 0], axes=1)
    disc = (radius > 4.0) & (radius < 13.0)
    assert ours[disc].mean() / surface[disc].mean() == pytest.approx(1.0, abs=0.04)
    np.testing.assert_allclose(ours[disc], surface[disc], rtol=0.25)
