"""No particle is lost but through the boundary, by destruction or beyond the ends of the momentum grid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from direct import Cells, energy_matrices, full_basis
from toy_tables import POINT

from propmat.galaxy import Galaxy
from propmat.galaxy.domain import build_domain
from propmat.galaxy.momentum import momentum_diffusion, momentum_slope, spatial_diffusion
from propmat.galaxy.network import Reactions, System
from propmat.galaxy.prepared import prepare
from propmat.galaxy.schemes import Coefficients, fourth_order_scheme, galprop_scheme
from propmat.species import (
    FloatArray,
    get_species,
    momentum_from_kinetic_energy,
)

SPECIES = get_species("carbon12")
SMALL = {"radial_step": 1.7, "heights": 10, "height_first": 0.1}


def propagate(galaxy: Galaxy, parameters: dict[str, float]) -> tuple[Cells, Coefficients, FloatArray, FloatArray]:
    """Cells without gas, the operator, an injection above 1 GeV/n, and the density, both (energy, cell)."""
    prepared = prepare(galaxy)
    domain = build_domain(galaxy, prepared.interactions.gas, parameters["z_h"])
    domain = replace(domain, gas=np.zeros_like(domain.gas))
    cells, basis = Cells(domain), full_basis(domain)
    found = prepared.coefficients(SPECIES, prepared.energy, parameters)
    system = System(basis, {SPECIES.name: found}, {SPECIES.name: Reactions({}, {}, {})})
    injection = prepared.energy**-2.0 * (prepared.energy > 1.0)
    source = np.einsum("e,m->em", injection, basis.sources[0])[..., None]
    density = system.propagate({SPECIES.name: source})[SPECIES.name][..., 0] / np.sqrt(cells.volume)
    return cells, found, np.outer(injection, domain.sources[0].ravel()), density


@pytest.mark.parametrize("scheme", ["fourth_order", "galprop"])
def test_at_each_momentum_what_is_injected_flows_out_through_the_boundary(toy_tables: Path, scheme: str) -> None:
    galaxy = Galaxy.preset("converged", toy_tables).replace(**SMALL, energies=40, scheme=scheme)
    parameters = POINT | {"v_A": 0.0}
    cells, _, source, density = propagate(galaxy, parameters)
    outflow = spatial_diffusion(SPECIES, galaxy.kinetic_energy, parameters) * cells.escape(density)
    np.testing.assert_allclose(outflow, source @ cells.volume, rtol=1e-11)
    assert np.all((density > 0.0) == (source > 0.0).any(axis=1, keepdims=True))


@pytest.mark.parametrize("change", [{"v_A": 30.0}, {"v_A": 80.0, "D0": 1.0, "eta": -1.0}])
def test_reacceleration_moves_particles_without_making_any(toy_tables: Path, change: dict[str, float]) -> None:
    """What does not leave through the boundary diffuses beyond the ends, p^2 D_pp d(N / p^2)/dp."""
    galaxy = Galaxy.preset("converged", toy_tables).replace(**SMALL, energies=80)
    parameters = POINT | change
    cells, _, source, density = propagate(galaxy, parameters)
    energy = galaxy.kinetic_energy
    number = np.log(energy[1] / energy[0]) * momentum_slope(SPECIES, energy)  # dp of the cells
    outflow = spatial_diffusion(SPECIES, energy, parameters) * cells.escape(density)
    injected = source @ cells.volume
    ends = momentum_from_kinetic_energy(energy[[0, -1]], SPECIES)
    strength = momentum_diffusion(SPECIES, energy[[0, -1]], parameters) * ends**2
    beyond = strength * (density[[0, -1]] @ cells.volume) / ends**2 / number[[0, -1]]
    assert np.sum(number * outflow) + beyond.sum() == pytest.approx(np.sum(number * injected), rel=1e-6)
    moved = np.sum(number * np.abs(outflow - injected))
    assert moved > 0.05 * np.sum(number * injected)  # the law says something


def test_momentum_operators_are_conservative() -> None:
    """Weighted with dp, each column of losses and reacceleration adds up to zero, away from the ends."""
    energy = np.geomspace(1e-3, 1e4, 60)
    found = fourth_order_scheme(SPECIES, energy, POINT, np.zeros((60, 5)))
    for matrix in energy_matrices(found, (0.7, 0.05, 0.05 * np.log(0.05))):
        number = matrix * momentum_slope(SPECIES, energy)[:, None]
        columns = number.sum(axis=0) / np.abs(number).sum(axis=0)
        np.testing.assert_allclose(columns[6:-6], 0.0, atol=1e-13)


@pytest.mark.parametrize("scheme", [fourth_order_scheme, galprop_scheme])
def test_a_uniform_phase_space_density_is_in_equilibrium_with_reacceleration(scheme: object) -> None:
    """N ~ p^2: diffusion in momentum leaves it as it is (in GALPROP's scheme to first order in the step)."""
    assert callable(scheme)
    energy = np.geomspace(1e-2, 1e3, 400)
    found = scheme(SPECIES, energy, POINT | {"v_A": 80.0}, np.zeros((400, 5)))
    matrix = sum(energy_matrices(found, (0.0, 0.0, 0.0)))
    density = momentum_from_kinetic_energy(energy, SPECIES) ** 2
    rate = np.abs(matrix @ density) / (np.abs(matrix) @ density)
    assert rate[4:-4].max() < (1e-12 if scheme is fourth_order_scheme else 1e-2)
