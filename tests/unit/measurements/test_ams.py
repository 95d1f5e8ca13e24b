"""AMS-02 rotations: what has data, how the errors combine, and the charge-sign signature a fit must explain."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from propmat.errors import FileError, InputError
from propmat.measurements import ams, rotation_fluxes, rotations

SPECIES = ("proton", "antiproton")


@pytest.mark.parametrize("species", SPECIES)
def test_every_rotation_has_the_same_eleven_bins_and_consistent_errors(species: str) -> None:
    edges = rotation_fluxes(species, 2426).rigidity_edges
    assert edges[0] == 1.0 and edges[-1] == 41.9 and edges.size == 12
    for rotation in rotations(species):
        data = rotation_fluxes(species, rotation)
        np.testing.assert_array_equal(data.rigidity_edges, edges)
        np.testing.assert_allclose(data.time_independent**2 + data.time_dependent**2, data.systematic**2)
        np.testing.assert_allclose(data.uncorrelated**2 + data.time_independent**2, data.total**2)
        assert np.all(data.uncorrelated > 0) and np.all(data.time_independent > 0)


def test_rotations_with_data() -> None:
    known = {species: rotations(species) for species in SPECIES}
    assert all(numbers == sorted(set(numbers)) for numbers in known.values())
    assert set(known["antiproton"]) < set(known["proton"])
    assert set(range(2426, 2576)) - set(known["proton"]) == {2472, 2473, 2541, 2542, 2549, 2550, 2551}
    assert set(known["proton"]) - set(known["antiproton"]) == {2526, 2533, 2535, 2537}


def test_from_2531_to_2543_protons_stay_and_antiprotons_rise() -> None:
    """The data of the issue: one rotation pair where only the negative charge changes."""
    ratio = {s: rotation_fluxes(s, 2543).flux / rotation_fluxes(s, 2531).flux - 1.0 for s in SPECIES}
    assert np.all(np.abs(ratio["proton"]) < 0.02)
    edges = rotation_fluxes("proton", 2531).rigidity_edges
    bins = (edges[:-1] > 4.0) & (edges[1:] < 6.0)
    np.testing.assert_allclose(ratio["antiproton"][bins], [0.29, 0.21], atol=0.005)


@pytest.mark.parametrize(("rotation", "nearest"), [(2541, 2540), (2425, 2426), (9999, 2575), (2550, 2548)])
def test_a_rotation_without_data_names_the_nearest(rotation: int, nearest: int) -> None:
    with pytest.raises(InputError, match=rf"rotation = {rotation}.*: {nearest};.*2426-2575"):
        rotation_fluxes("proton", rotation)


def test_an_unknown_species_names_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'antiproton'"):
        rotation_fluxes("antiprotn", 2531)


def test_results_are_shared_and_cannot_be_changed() -> None:
    data = rotation_fluxes("proton", 2531)
    assert rotation_fluxes("proton", 2531) is data
    for array in (data.rigidity_edges, data.flux, data.statistical, data.time_dependent, data.systematic):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A datasets folder of our own in place of the shipped one."""
    (tmp_path / "measurements").mkdir()
    monkeypatch.setattr(ams, "datasets_dir", lambda: tmp_path)
    ams._fluxes.cache_clear()
    yield tmp_path / "measurements"
    ams._fluxes.cache_clear()


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("1,1,2,9,1,1,2\n1,2.5,3,9,1,1,2\n", "rotation 1 are not contiguous"),
        ("1,1,2,9,1,1,2\n2,1,2,9,1,1,2\n2,2,3,9,1,1,2\n", "rotation 2 has other"),
        ("1,1,2,9,1,3,2\n", "'time_dependent': 3.0 is above 'systematic'"),
    ],
)
def test_a_damaged_table_is_refused(folder: Path, rows: str, reason: str) -> None:
    header = "# title: t\n# reference: r\n# units: u\n# command: c\n"
    names = "rotation,rigidity_low,rigidity_high,flux,statistical,time_dependent,systematic\n"
    (folder / "ams02_proton_2025.csv").write_text(header + names + rows)
    with pytest.raises(FileError, match=reason):
        rotations("proton")
