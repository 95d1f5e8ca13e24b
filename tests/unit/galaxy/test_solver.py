"""What a galaxy accepts at a parameter point, what it names where it refuses, and what does not change its answer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from toy_tables import POINT

from propmat.errors import FileError, InputError
from propmat.galaxy import ExtraSource, Galaxy, LocalSpectra, burkert
from propmat.galaxy.tables import read_tables


@pytest.fixture(scope="module")
def galaxy(toy_tables: Path) -> Galaxy:
    return Galaxy.preset("converged", toy_tables).replace(energies=60, radial_step=0.85, heights=20)


@pytest.fixture(scope="module")
def everything(galaxy: Galaxy) -> LocalSpectra:
    return galaxy.solve(POINT)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("nu1", 3.0, r"\[1.5, 2.5\]"),
        ("R_br1", 90.0, r"\[1, 80\] GV"),
        ("R_br2", 99.0, r"\[100, 10000\] GV"),
        ("D0", -1.0, r"\[1, 20\]"),
        ("eta", 2.0, r"\[-3, 1.5\]"),
        ("v_A", 0.0, r"\[6, 80\] km/s"),
        ("z_h", 0.1, r"\[1.5, 15\] kpc"),
    ],
)
def test_a_parameter_out_of_range_is_named_with_its_range(
    galaxy: Galaxy, name: str, value: float, allowed: str
) -> None:
    """The ranges keep the breaks in order and the halo thicker than the disc."""
    with pytest.raises(InputError, match=f"{name} = .*{allowed}"):
        galaxy.solve(POINT | {name: value})


def test_parameters_missing_or_misspelt_or_no_number(galaxy: Galaxy) -> None:
    with pytest.raises(InputError, match=r"missing parameter.*delta, v_A"):
        galaxy.solve({name: value for name, value in POINT.items() if name not in ("delta", "v_A")})
    with pytest.raises(InputError, match=r"'va'.*Did you mean 'v_A'"):
        galaxy.solve(POINT | {"va": 10.0})
    with pytest.raises(InputError, match="eta is NaN"):
        galaxy.solve(POINT | {"eta": float("nan")})
    with pytest.raises(InputError, match="D0 = 'much' is not a number"):
        galaxy.solve(POINT | {"D0": "much"})


def test_solve_takes_one_point(galaxy: Galaxy) -> None:
    with pytest.raises(InputError, match=r"one parameter point.*\(2,\).*solve_many"):
        galaxy.solve(POINT | {"D0": np.array([3.0, 4.0])})


def test_an_unknown_species_names_the_nearest(galaxy: Galaxy, everything: LocalSpectra) -> None:
    with pytest.raises(InputError, match=r"'antiprotn'.*Did you mean 'antiproton'"):
        galaxy.solve(POINT, species=["antiprotn"])
    with pytest.raises(InputError, match=r"'iron56'.*Valid: antiproton"):
        galaxy.solve(POINT, species=["iron56"])
    with pytest.raises(InputError, match=r"'positron'"):
        galaxy.solve(POINT, extra_source=ExtraSource("positron", np.ones_like, burkert()))
    with pytest.raises(InputError, match=r"injected species 'carbon'.*'carbon1[23]'"):
        everything.green("carbon", "boron11")
    with pytest.raises(InputError, match=r"observed species 'boron'.*'boron1[01]'"):
        everything.green("carbon12", "boron")


def test_missing_tables_are_named_and_nothing_is_solved(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"nowhere\.h5"):
        Galaxy.preset("converged", tmp_path / "nowhere.h5").solve(POINT)


def test_an_unknown_set_of_antiproton_cross_sections_is_named() -> None:
    with pytest.raises(InputError, match="winkle"):
        Galaxy(antiprotons="winkle").solve(POINT)


def test_all_species_of_the_tables_come_out_protons_first(galaxy: Galaxy, everything: LocalSpectra) -> None:
    expected = ("proton", "helium4", "beryllium10", "boron10", "boron11", "carbon12", "carbon13", "oxygen16")
    assert everything.species == galaxy.species == (*expected, "antiproton")
    for name in everything.species:
        assert np.all(everything.flux(name)[10:50] > 0.0)


def test_totals_are_the_sums_of_their_parts(everything: LocalSpectra) -> None:
    for total, parts in (
        ("proton", ("proton_primary", "proton_secondary")),
        ("antiproton", ("antiproton_secondary", "antiproton_tertiary")),
    ):
        added = sum(everything.flux(part) for part in parts)
        np.testing.assert_allclose(everything.flux(total), added, rtol=1e-14)


@pytest.mark.parametrize("names", [["proton"], ["boron11", "carbon12"], ["antiproton"], ["beryllium10"]])
def test_fewer_species_have_the_same_fluxes(galaxy: Galaxy, everything: LocalSpectra, names: list[str]) -> None:
    """Within the error of the reduced space, which is chosen for what moves."""
    found = galaxy.solve(POINT, species=names)
    assert found.species == tuple(names)
    kept = found.kinetic_energy > 0.01
    for name in names:
        np.testing.assert_allclose(found.flux(name)[kept], everything.flux(name)[kept], rtol=2e-3)


def test_a_lighter_network_is_the_heavier_one_without_its_parents(galaxy: Galaxy) -> None:
    light = galaxy.replace(heaviest=12)
    assert light.species[-2:] == ("carbon12", "antiproton")
    assert np.all(light.solve(POINT).flux("boron11") < galaxy.solve(POINT).flux("boron11"))
    np.testing.assert_allclose(light.solve(POINT).flux("proton"), galaxy.solve(POINT).flux("proton"), rtol=1e-3)


def test_solving_twice_gives_the_same_bytes(galaxy: Galaxy, everything: LocalSpectra) -> None:
    again = galaxy.solve(POINT)
    for name in everything.species:
        np.testing.assert_array_equal(again.flux(name), everything.flux(name))


SCRIPT = """
import sys
from propmat.galaxy import Galaxy
galaxy = Galaxy.preset("converged", sys.argv[1]).replace(energies=40, radial_step=1.7, heights=10, heaviest=12)
spectra = galaxy.solve({point})
for name in spectra.species:
    print(name, spectra.flux(name).tobytes().hex())
"""


def test_another_process_gives_the_same_bytes(toy_tables: Path) -> None:
    """Whatever the seed of Python's hashes, which orders its sets."""
    command = [sys.executable, "-c", SCRIPT.replace("{point}", repr(POINT)), str(toy_tables)]
    running = [
        subprocess.Popen(command, env=os.environ | {"PYTHONHASHSEED": seed}, stdout=subprocess.PIPE, text=True)
        for seed in ("0", "1")
    ]
    said = {process.communicate(timeout=120)[0] for process in running}
    assert len(said) == 1
    assert "boron11" in said.pop()


def test_a_halo_thinner_than_the_disc_of_sources_is_refused(galaxy: Galaxy) -> None:
    with pytest.raises(InputError, match=r"z_h = 1.5 kpc must be larger than source_height = 2"):
        galaxy.replace(source_height=2.0).solve(POINT | {"z_h": 1.5})


def test_a_grid_too_coarse_for_the_parameters_is_reported(galaxy: Galaxy) -> None:
    """Strong reacceleration on five energies a decade: the fluxes below zero are not passed over in silence."""
    strong = POINT | {"v_A": 80.0, "D0": 1.0, "eta": 1.5, "z_h": 1.5}
    with pytest.warns(UserWarning, match="the grid of 50 energies is too coarse"):
        galaxy.replace(energies=50).solve(strong)


def test_own_cross_sections_take_the_place_of_those_of_the_model(
    galaxy: Galaxy, everything: LocalSpectra, toy_tables: Path
) -> None:
    """The same tables, handed over as objects, to a galaxy that names others."""
    other = galaxy.replace(tables="")
    found = other.solve(POINT, interactions=read_tables(toy_tables))
    assert np.array_equal(found.flux("boron11"), everything.flux("boron11"))


@pytest.mark.parametrize("source", [-1.0, float("nan")])
def test_an_extra_source_must_not_be_negative(galaxy: Galaxy, source: float) -> None:
    extra = ExtraSource("antiproton", lambda energy: np.full_like(energy, source), burkert())
    with pytest.raises(InputError, match="finite values >= 0"):
        galaxy.solve(POINT, extra_source=extra)
