"""Sources in a cylinder without gas: the Bessel-sine series in closed form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import j0, j1, jn_zeros
from toy_tables import POINT

from propmat.galaxy import Galaxy
from propmat.galaxy.momentum import spatial_diffusion
from propmat.galaxy.sources import radial_profile
from propmat.species import get_species


def series(galaxy: Galaxy, z_h: float) -> float:
    """D N / q at the Sun for q(r) exp(-|z|/h): sum_nm q_nm J0(k_n r) / (k_n^2 + kappa_m^2), cos(kappa_m z) at z = 0."""
    radius = galaxy.radial_step * round(galaxy.radius / galaxy.radial_step)
    nodes, weights = np.polynomial.legendre.leggauss(600)
    r = 0.5 * radius * (1.0 + nodes)
    profile = radial_profile(r, galaxy.source_alpha, galaxy.source_beta, galaxy.source_cutoff)
    zeros = jn_zeros(0, 150)
    moments = j0(np.outer(zeros, r / radius)) @ (0.5 * radius * weights * profile * r)
    in_r = 2.0 * moments / (radius * j1(zeros)) ** 2 * j0(zeros * 8.5 / radius)
    order = np.arange(3000)
    kappa = (order + 0.5) * np.pi / z_h
    inverse = 1.0 / galaxy.source_height
    in_z = inverse + (-1.0) ** order * kappa * np.exp(-z_h * inverse)
    in_z *= 2.0 / z_h / (inverse**2 + kappa**2)
    return float(np.sum(in_r[:, None] * in_z / ((zeros[:, None] / radius) ** 2 + kappa**2)))


def sampling(galaxy: Galaxy, z_h: float) -> float:
    """What sampling the sources at the nodes of z changes: sum of q (z_h - z), the slab's N(0), over its integral."""
    if galaxy.vertical_averages:
        return 1.0
    count, height = round(z_h / galaxy.height_step), galaxy.source_height
    z = z_h / count * np.arange(count)
    terms = np.exp(-z / height) * (z_h - z) * z_h / count
    exact = height * (z_h - height * -np.expm1(-z_h / height))
    return float((terms.sum() - 0.5 * terms[0]) / exact)


@pytest.mark.parametrize("z_h", [1.5, 6.0, 15.0])
@pytest.mark.parametrize("preset", ["converged", "galprop_grid"])
def test_flux_over_injection_is_the_series_over_the_diffusion_coefficient(
    thin_tables: Path, preset: str, z_h: float
) -> None:
    """Above 1 TeV/n, where reacceleration is negligible; measured: within 9e-4."""
    galaxy = Galaxy.preset(preset, thin_tables)
    parameters = POINT | {"D0": 20.0, "v_A": 6.0, "eta": -1.0, "z_h": z_h}
    found = galaxy.solve(parameters, species=["proton", "carbon12"])
    energy = found.kinetic_energy
    high = (energy > 1.0e3) & (energy < 3.0e4)
    expected = series(galaxy, z_h) * sampling(galaxy, z_h)
    for name, flux in (("proton", found.flux("proton_primary")), ("carbon12", found.flux("carbon12"))):
        time = flux / found.injection(name) * spatial_diffusion(get_species(name), energy, parameters)
        np.testing.assert_allclose(time[high], expected, rtol=2e-3)
