"""Gas and cross sections from a file: what is read is what was written, and what is wrong is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from toy_tables import ISOTOPES, PRODUCTION_MB, inelastic_mb, write_tables

from propmat.errors import FileError
from propmat.galaxy.interactions import Interactions
from propmat.galaxy.tables import TableAntiprotons, read_tables
from propmat.species import SPECIES, beta_from_kinetic_energy, get_species

ENERGY = np.geomspace(0.01, 1.0e3, 25)


@pytest.fixture(scope="module")
def read(toy_tables: Path) -> Interactions:
    return read_tables(toy_tables)


def test_isotopes_come_heaviest_first_and_protons_last(read: Interactions) -> None:
    names = [isotope.name for isotope in read.nuclei.isotopes]
    assert len(names) == len(ISOTOPES)
    assert names[0] == "oxygen16" and names[-1] == "proton"
    masses = [isotope.mass_number for isotope in read.nuclei.isotopes]
    assert masses == sorted(masses, reverse=True)


def test_the_group_aux_is_looked_into(toy_tables: Path, tmp_path: Path, read: Interactions) -> None:
    with h5py.File(toy_tables) as source, h5py.File(tmp_path / "nested.h5", "w") as target:
        for key in source:
            source.copy(key, target.require_group("aux"))
    nested = read_tables(tmp_path / "nested.h5")
    assert nested.nuclei.isotopes == read.nuclei.isotopes
    assert nested.gas.name == "nested.h5"


def test_helium_of_the_gas_is_in_the_inelastic_cross_sections(read: Interactions) -> None:
    for name in ("proton", "carbon12"):
        species = get_species(name)
        expected = inelastic_mb(species.mass_number) * (1.0 + 0.11 * 3.0)
        np.testing.assert_allclose(read.nuclei.inelastic(species, ENERGY), expected, rtol=1e-12)


def test_the_ratio_of_mass_numbers_is_taken_out_of_the_production(read: Interactions) -> None:
    found = read.nuclei.production(get_species("carbon12"), get_species("boron11"), ENERGY)
    assert found is not None
    np.testing.assert_allclose(found, PRODUCTION_MB["Carbon_12", "Boron_11"], rtol=1e-12)
    assert read.nuclei.production(get_species("boron11"), get_species("carbon12"), ENERGY) is None


def test_beyond_the_tables_cross_sections_are_constant(read: Interactions) -> None:
    ends = read.nuclei.inelastic(get_species("carbon12"), np.array([1e-5, 1e-3, 1e5, 1e7]))
    np.testing.assert_array_equal(ends[[0, 3]], ends[[1, 2]])


def test_the_column_of_gas_rises_to_its_total_and_is_additive(read: Interactions) -> None:
    height = np.linspace(0.0, 15.0, 61)
    column = read.gas.column(np.array([0.0, 4.0, 8.5, 19.0]), height)
    assert column.shape == (3, 4, 61)
    np.testing.assert_array_equal(column[..., 0], 0.0)
    assert np.all(np.diff(column, axis=-1) >= 0.0)
    np.testing.assert_array_equal(column, read.gas.column(np.array([0.0, 4.0, 8.5, 19.0]), height[::-1])[..., ::-1])


def test_the_column_is_the_integral_of_the_density(read: Interactions) -> None:
    """0.7 exp(-z/0.2) HI, 0.2 exp(-z/0.1) H2, 0.03 exp(-z) HII: sampled each 0.1 kpc, so to some per cent near it."""
    radius, height = np.array([5.0]), np.array([2.0, 4.0, 8.0])
    column = read.gas.column(radius, height)[:, 0]
    sampled = [0.05 / scale / np.tanh(0.05 / scale) for scale in (0.2, 0.1, 1.0)]
    expected = [
        density * scale * -np.expm1(-height / scale) * factor
        for density, scale, factor in zip((0.7, 0.2, 0.03), (0.2, 0.1, 1.0), sampled, strict=True)
    ]
    np.testing.assert_allclose(column, expected, rtol=2e-3)


def test_above_the_table_there_is_ionised_gas_only(read: Interactions) -> None:
    """It falls as exp(-|z| / kpc) from the edge of the last cell, 4.05 kpc."""
    column = read.gas.column(np.array([8.5]), np.array([4.05, 5.05, 6.05]))[:, 0]
    np.testing.assert_array_equal(np.diff(column[:2], axis=-1), 0.0)
    first, second = np.diff(column[2])
    assert first > 0.0
    assert second / first == pytest.approx(np.exp(-1.0), rel=1e-12)


def test_antiproton_production_is_per_kinetic_energy_and_per_atom_with_helium(
    read: Interactions, toy_tables: Path
) -> None:
    with h5py.File(toy_tables) as file:
        energy = np.array(file["pbar_production/Ekin_GeV_per_n"])
        per_momentum = np.array(file["pbar_production/dsigma_dp_KMO_mb_per_GeV"])
    found = read.antiprotons.production(get_species("proton"), energy, energy)
    assert found is not None
    expected = (per_momentum[0, 0] + 0.11 * per_momentum[0, 1]) / beta_from_kinetic_energy(energy, "antiproton")
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_antiproton_tables_interpolate_between_their_nodes(read: Interactions) -> None:
    """Between neighbours, nothing below the threshold, the nodes themselves, and no deuterons."""
    proton = get_species("proton")
    nodes = np.geomspace(1.0e-3, 1.0e5, 41)
    table = read.antiprotons.production(proton, nodes, nodes)
    again = read.antiprotons.production(proton, nodes[30:35].copy(), nodes[20:25])
    middle = np.sqrt(nodes[32] * nodes[33])
    between = read.antiprotons.production(proton, np.array([middle]), nodes[22:23])
    below = read.antiprotons.production(proton, np.array([1.0, 3.0]), np.array([0.1, 1.0]))
    assert table is not None and again is not None and between is not None and below is not None
    np.testing.assert_allclose(again, table[30:35, 20:25], rtol=1e-9)
    assert between[0, 0] == pytest.approx(np.sqrt(table[32, 22] * table[33, 22]), rel=1e-9)
    np.testing.assert_array_equal(below, 0.0)
    assert read.antiprotons.production(get_species("deuteron"), nodes, nodes) is None


def test_nuclei_make_antiprotons_as_the_tables_of_their_neighbours_say(read: Interactions) -> None:
    """Carbon and oxygen as tabulated (11 and 14 times the proton's), boron between helium and carbon."""
    nodes = np.geomspace(1.0e-3, 1.0e5, 41)
    tables = {
        name: read.antiprotons.production(get_species(name), nodes, nodes)
        for name in ("proton", "helium4", "boron11", "carbon12", "oxygen16")
    }
    proton = tables["proton"]
    for name, factor in (("helium4", 4.0), ("carbon12", 11.0), ("oxygen16", 14.0)):
        np.testing.assert_allclose(tables[name], factor * np.asarray(proton), rtol=1e-9)
    boron = tables["boron11"]
    assert boron is not None and proton is not None
    assert np.all((boron > 4.0 * proton) | (proton == 0.0)) and np.all(boron <= 11.0 * proton)


def test_surviving_antiprotons_are_part_of_the_inelastic_ones(read: Interactions) -> None:
    surviving, total = read.antiprotons.non_annihilation(ENERGY), read.antiprotons.inelastic(ENERGY)
    np.testing.assert_allclose(surviving, 25.0 + 0.11 * 75.0)
    assert np.all(total > surviving)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"cannot read the tables of .*nowhere\.h5"):
        read_tables(tmp_path / "nowhere.h5")


@pytest.mark.parametrize("content", [b"", b"not HDF5", b"\x89HDF\r\n\x1a\n" + b"\0" * 64])
def test_a_file_that_is_no_hdf5_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.h5").write_bytes(content)
    with pytest.raises(FileError, match=r"odd\.h5"):
        read_tables(tmp_path / "odd.h5")


def test_a_truncated_file_is_named(tmp_path: Path, toy_tables: Path) -> None:
    content = toy_tables.read_bytes()
    (tmp_path / "half.h5").write_bytes(content[: len(content) // 2])
    with pytest.raises(FileError, match=r"half\.h5"):
        read_tables(tmp_path / "half.h5")


def _replace(key: str, value: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[key]
        if value is not None:
            file[key] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_replace("gas/nHI", None), id="no nHI"),
        pytest.param(_replace("gas", None), id="no gas"),
        pytest.param(_replace("inelastic_mb", None), id="no inelastic"),
        pytest.param(_replace("production_mb", None), id="no production"),
        pytest.param(_replace("nucleon_cs_mb", None), id="no nucleons"),
        pytest.param(_replace("pbar_production/dsigma_dp_KMO_mb_per_GeV", None), id="no antiprotons"),
        pytest.param(_replace("gas/nH2", np.ones((3, 4))), id="gas of another shape"),
        pytest.param(_replace("gas/z", np.linspace(0.0, 4.0, 81)), id="heights of one side only"),
        pytest.param(_replace("inelastic_mb/Carbon_12", np.ones(41)), id="a column missing"),
        pytest.param(_replace("inelastic_mb/Boron_11", None), id="a daughter without inelastic table"),
        pytest.param(_replace("nucleon_cs_mb", np.ones((41, 3))), id="columns missing"),
    ],
)
def test_a_table_that_is_missing_or_of_the_wrong_shape_is_reported(
    tmp_path: Path, toy_tables: Path, change: Callable[[h5py.File], None]
) -> None:
    path = Path(shutil.copy(toy_tables, tmp_path / "changed.h5"))
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(FileError, match=r"changed\.h5 is not a file of gas and cross-section tables"):
        read_tables(path)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_replace("production_mb/Boron_11/Carbon_12", np.ones(7)), id="production of another length"),
        pytest.param(
            _replace("pbar_production/dsigma_dp_KMO_mb_per_GeV", np.ones((4, 2, 5, 5))), id="antiprotons on no grid"
        ),
        pytest.param(
            _replace("pbar_production/dsigma_dp_KMO_mb_per_GeV", np.ones((2, 2, 41, 41))), id="projectiles missing"
        ),
        pytest.param(_replace("inelastic_mb/Carbon_12", np.full((41, 3), np.nan)), id="no numbers"),
        pytest.param(_replace("gas/nHI", np.full((21, 81), -1.0)), id="negative gas"),
    ],
)
def test_a_table_that_does_not_fit_the_others_is_reported(
    tmp_path: Path, toy_tables: Path, change: Callable[[h5py.File], None]
) -> None:
    path = Path(shutil.copy(toy_tables, tmp_path / "changed.h5"))
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(FileError, match=r"changed\.h5 is not a file of gas and cross-section tables"):
        read_tables(path)


def test_gas_may_be_a_thin_disc(tmp_path: Path) -> None:
    """The file that the slab solutions are tested with: all of the gas within its thickness."""
    gas = read_tables(write_tables(tmp_path / "disc.h5", gas=3.0, thickness=0.02)).gas
    column = gas.column(np.array([8.5, 30.0]), np.array([0.0, 0.02, 0.1, 5.0]))
    np.testing.assert_allclose(column[0], [[0.0, 0.06, 0.06, 0.06]] * 2, rtol=1e-12)
    np.testing.assert_array_equal(column[1:], 0.0)


def test_nuclei_between_the_projectiles_of_ones_own_tables_follow_a_power_of_the_mass_number() -> None:
    """Cross sections proportional to A^0.8: every nucleus gets its own; GALPROP's routine would misplace them."""
    energy = np.geomspace(1.0, 1e4, 5)
    produced = np.ones((4, 5, 5)) * (np.array([1.0, 4.0, 12.0, 16.0]) ** 0.8)[:, None, None]
    own = TableAntiprotons("own", energy, produced, (energy, energy, energy))
    for name in ("helium3", "helium4", "boron11", "carbon12", "oxygen16", "silicon28"):
        nucleus = SPECIES[name]
        made = own.production(nucleus, energy, energy)
        assert made is not None
        assert np.allclose(made, nucleus.mass_number**0.8)
    dumped = replace(own, as_galprop=True).production(SPECIES["helium3"], energy, energy)
    assert dumped is not None
    assert np.all(dumped > 1.2 * 3.0**0.8)
