"""The fields of a galaxy on its cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from propmat.errors import InputError
from propmat.galaxy import Galaxy
from propmat.galaxy.domain import build_domain
from propmat.galaxy.interactions import Gas
from propmat.galaxy.prepared import prepare
from propmat.galaxy.tables import read_tables
from propmat.species import FloatArray


@pytest.fixture(scope="module")
def gas(toy_tables: Path) -> Gas:
    return prepare(Galaxy.preset("converged", toy_tables)).interactions.gas


@pytest.mark.parametrize("z_h", [1.5, 6.0, 15.0])
def test_no_gas_is_lost_between_the_cells(gas: Gas, z_h: float) -> None:
    """The sum over heights is the column up to the last edge, whatever the grid."""
    for galaxy in (Galaxy(radial_averages=False), Galaxy(radial_averages=False, height_step=0.1)):
        domain = build_domain(galaxy, gas, z_h)
        atoms, molecules, ions = gas.column(domain.radial.nodes, domain.vertical.edges[-1:])[..., 0]
        sums = domain.gas @ domain.vertical.volume
        np.testing.assert_allclose(sums[0], atoms + 2.0 * molecules, rtol=1e-12)
        np.testing.assert_allclose(sums[1], ions, rtol=1e-12)
        np.testing.assert_allclose(domain.gas[2], domain.gas[1] * np.log(domain.gas[1]), rtol=1e-12)


def test_the_sun_is_where_it_is(gas: Gas) -> None:
    for step in (0.25, 0.425, 1.7):
        domain = build_domain(Galaxy(radial_step=step), gas, 4.0)
        assert domain.radial.nodes[domain.sun] == pytest.approx(8.5)


def test_averaged_sources_keep_their_number(gas: Gas) -> None:
    """A source linear in r^2 and exponential in z, summed over the cells, is its integral."""

    def profile(radius: FloatArray, height: FloatArray) -> FloatArray:
        return np.asarray(radius**2 * np.exp(-height / 0.2))

    domain = build_domain(Galaxy(), gas, 4.0, [profile])
    total = np.einsum("rz,r,z->", domain.sources[1], domain.radial.volume, domain.vertical.volume)
    edge, top = domain.radial.edges[-1], domain.vertical.edges[-1]
    assert total == pytest.approx(0.25 * edge**4 * 0.2 * -np.expm1(-top / 0.2), rel=1e-6)


def test_sources_at_the_nodes_are_the_profile_itself(gas: Gas) -> None:
    domain = build_domain(Galaxy.preset("galprop_grid"), gas, 4.0)
    expected = np.exp(-domain.vertical.nodes / 0.2)
    np.testing.assert_allclose(domain.sources[0, domain.sun], expected, rtol=1e-9)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_a_source_distribution_must_be_finite_and_not_negative(toy_tables: Path, value: float) -> None:
    galaxy = Galaxy.preset("converged", toy_tables)
    with pytest.raises(InputError, match="finite values >= 0"):
        build_domain(galaxy, read_tables(toy_tables).gas, 4.0, [lambda radius, height: np.full_like(radius, value)])


def test_a_constant_will_do_as_a_source_distribution(toy_tables: Path) -> None:
    galaxy = Galaxy.preset("converged", toy_tables)
    domain = build_domain(galaxy, read_tables(toy_tables).gas, 4.0, [lambda radius, height: np.array(2.0)])
    assert np.allclose(domain.sources[1], 2.0)
