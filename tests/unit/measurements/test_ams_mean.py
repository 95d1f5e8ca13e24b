"""AMS-02 means over seven years: bins, errors, and agreement with the fluxes per rotation."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from propmat.errors import FileError, InputError
from propmat.measurements import MEAN_FLUXES, RATIOS, ams_mean, mean_flux, mean_ratio, rotation_fluxes, rotations

SPECIES = tuple(MEAN_FLUXES)


@pytest.mark.parametrize("species", SPECIES)
def test_bins_are_contiguous_from_one_gv_and_errors_add_in_squares(species: str) -> None:
    data = mean_flux(species)
    assert data.rigidity_edges[0] == 1.0 and data.rigidity_edges.size == data.flux.size + 1
    assert np.all(np.diff(data.rigidity_edges) > 0)
    np.testing.assert_allclose(data.statistical**2 + data.systematic**2, data.total**2)
    assert np.all(data.total > 0)


@pytest.mark.parametrize("species", SPECIES)
def test_the_mean_agrees_with_the_rotations_of_the_same_years(species: str) -> None:
    """Rotations 2426 to 2520, May 2011 to May 2018, are of a later analysis: within the systematic errors of both."""
    chosen = [rotation_fluxes(species, rotation) for rotation in rotations(species) if rotation <= 2520]
    data, edges = mean_flux(species), chosen[0].rigidity_edges
    inside = (data.rigidity_edges[:-1] >= edges[:-1, None]) & (data.rigidity_edges[1:] <= edges[1:, None])
    share = inside * np.diff(data.rigidity_edges) / np.diff(edges)[:, None]
    later = np.mean([one.flux for one in chosen], axis=0)
    error = share @ data.systematic + np.mean([one.systematic for one in chosen], axis=0)
    np.testing.assert_allclose(share.sum(axis=1), 1.0)
    assert np.all(np.abs(share @ data.flux - later) < error)
    assert np.max(error[3:] / later[3:]) < {"proton": 0.03, "antiproton": 0.1}[species]


def test_the_ratio_is_that_of_the_fluxes() -> None:
    """Where the bins are the same, within the rounding of the figures and the errors that the ratio does not share."""
    protons, antiprotons, ratio = mean_flux("proton"), mean_flux("antiproton"), mean_ratio("antiproton/proton")
    assert ratio.rigidity_edges is not None
    np.testing.assert_array_equal(ratio.rigidity_edges, antiprotons.rigidity_edges)
    same = 49  # bins up to 80.5 GV
    np.testing.assert_array_equal(protons.rigidity_edges[: same + 1], ratio.rigidity_edges[: same + 1])
    np.testing.assert_allclose(antiprotons.flux[:same] / protons.flux[:same], ratio.ratio[:same], rtol=0.03)


def test_boron_over_carbon_peaks_and_then_falls() -> None:
    data = mean_ratio("boron/carbon")
    peak = data.rigidity[np.argmax(data.ratio)]
    assert 3.0 < peak < 6.0
    high = (data.rigidity > 20.0) & (data.rigidity < 500.0)
    slope = np.polyfit(np.log(data.rigidity[high]), np.log(data.ratio[high]), 1)[0]
    assert -0.45 < slope < -0.25
    assert data.rigidity_edges is None


def test_unknown_names_name_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'antiproton'"):
        mean_flux("antiprotn")
    with pytest.raises(InputError, match="Did you mean 'boron/carbon'"):
        mean_ratio("boron/carbo")


def test_results_are_shared_and_cannot_be_changed() -> None:
    data, ratio = mean_flux("proton"), mean_ratio("antiproton/proton")
    assert mean_flux("proton") is data and mean_ratio("antiproton/proton") is ratio
    arrays = [data.rigidity_edges, data.flux, data.statistical, data.systematic]
    for array in [*arrays, ratio.rigidity, ratio.ratio, ratio.rigidity_edges, mean_ratio("boron/carbon").rigidity]:
        assert array is not None and not array.flags.writeable


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "measurements").mkdir()
    monkeypatch.setattr(ams_mean, "datasets_dir", lambda: tmp_path)
    mean_flux.cache_clear()
    mean_ratio.cache_clear()
    yield tmp_path / "measurements"
    mean_flux.cache_clear()
    mean_ratio.cache_clear()


def test_a_damaged_table_is_refused(folder: Path) -> None:
    header = "# title: t\n# reference: r\n# units: u\n# command: c\n"
    names = "rigidity_low,rigidity_high,{},statistical,systematic\n"
    (folder / MEAN_FLUXES["proton"]).write_text(header + names.format("flux") + "1,2,9,1,1\n2.5,3,9,1,1\n")
    with pytest.raises(FileError, match="not contiguous"):
        mean_flux("proton")
    (folder / RATIOS["antiproton/proton"]).write_text(header + names.format("ratio") + "1,2,9,1,0\n")
    with pytest.raises(FileError, match="'systematic': '0'"):
        mean_ratio("antiproton/proton")
