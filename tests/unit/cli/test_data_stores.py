"""What `propmat data merge`, `export`, `status` ask for and say; what they do is tested beside the stores."""

from pathlib import Path

import numpy as np
import pytest

from propmat.cli.config import Config
from propmat.cli.data_status import status
from propmat.cli.data_stores import export, merge
from propmat.cli.designs import build_design
from propmat.errors import InputError
from propmat.parameters import HELIOSPHERE
from propmat.samples import Design, SampleStore, StoreHeader
from propmat.samples.listed import ListedDesign
from propmat.samples.points import write_points
from propmat.transfer import TransferGrid

KEYS = {"store": None, "stores": None, "output": "runs/imported", "file": None, "skip_damaged": False, "resume": False}
SAMPLES = {"particles": 9, "seed": 1, "shard_size": 4, "channels": [{"species": "proton", "polarity": 1}]}


def config(**values):
    words = tuple(f"{key}={value}" for key, value in values.items())
    return Config("data", KEYS | values, {}, words)


def test_a_merge_says_what_it_took_and_how_to_make_the_rest(tmp_path, capsys):
    grid = TransferGrid.relative([1.0, 2.0], [0.0, 0.5, 1.0])
    for name, start in (("a", 0), ("b", 3)):
        design = Design(count=3, particles=9, shard_size=2, start=start)
        SampleStore.create(tmp_path / name, StoreHeader("fake", "1", {}, grid, "heliosphere", design))
    merge(config(stores=[f"{tmp_path}/a", f"{tmp_path}/b"], output=f"{tmp_path}/c"))
    said = capsys.readouterr().out
    assert "0 samples from" in said and "12 samples of 6 points" in said and "6 of 6 shards missing" in said
    assert "samples.start=0 samples.count=6 samples.shard_size=2" in said and "resume=true" in said
    assert (tmp_path / "c" / "config.yaml").exists() and SampleStore.open(tmp_path / "c").header.design.count == 6


def test_the_missing_samples_of_merged_lists_can_be_made_of_a_file(tmp_path, capsys):
    grid = TransferGrid.relative([1.0, 2.0], [0.0, 0.5, 1.0])
    points = [(5.0, 15.0, 0.1, 0.5, b) for b in (1.0, 2.0, 3.0)]
    for name, part in (("a", points[:2]), ("b", points[1:])):
        design = ListedDesign(tuple(part), particles=9, shard_size=2)
        SampleStore.create(tmp_path / name, StoreHeader("fake", "1", {}, grid, "heliosphere", design))
    merge(config(stores=[f"{tmp_path}/a", f"{tmp_path}/b"], output=f"{tmp_path}/c"))
    assert f"samples.points={tmp_path}/c/points.csv samples.shard_size=2 output=" in capsys.readouterr().out
    values = {"kind": "listed", "points": f"{tmp_path}/c/points.csv", "shard_size": 2, "particles": 9}
    again = build_design({"listed": ListedDesign}, values, "heliosphere")
    assert again == SampleStore.open(tmp_path / "c").header.design


@pytest.mark.parametrize("given", [{}, {"stores": ["a", "b"]}, {"output": "c"}])
def test_a_merge_needs_stores_and_a_place(given):
    with pytest.raises(InputError, match="needs stores="):
        merge(config(**given))


@pytest.mark.parametrize("given", [{}, {"store": "heliosphere_test"}, {"file": "a.nc"}])
def test_an_export_needs_a_store_and_a_file(given):
    with pytest.raises(InputError, match="needs store="):
        export(config(**given))


def test_a_shipped_store_is_exported_by_name(tmp_path, capsys):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    export(config(store="heliosphere_test", file=f"{tmp_path}/a.nc"))
    assert "MB" in capsys.readouterr().out
    with xarray.open_dataset(tmp_path / "a.nc") as found:
        assert found.sizes["sample"] == 32 and found.attrs["simulator"] == "heliosphere"


def test_who_follows_a_complete_store_is_told_once(capsys):
    status(config(store="heliosphere_test", follow=True))
    lines = capsys.readouterr().out.splitlines(keepends=True)
    assert lines[-1].strip() == "samples      32 of 32" and lines[-1].endswith("\n")


def test_a_config_describes_points_of_a_sequence_or_of_a_file(tmp_path):
    kinds = {"sobol": Design, "listed": ListedDesign}
    drawn = build_design(kinds, SAMPLES | {"kind": "sobol", "count": 5, "start": 2}, "heliosphere")
    assert isinstance(drawn, Design) and drawn.start == 2
    write_points(tmp_path / "points.csv", HELIOSPHERE, drawn.points(HELIOSPHERE))
    listed = build_design(kinds, SAMPLES | {"kind": "listed", "points": f"{tmp_path}/points.csv"}, "heliosphere")
    assert np.array_equal(listed.points(HELIOSPHERE), drawn.points(HELIOSPHERE)) and listed.particles == 9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "liste"}, "Did you mean 'listed'"),
        ({"kind": "listed"}, "needs samples.points"),
        ({"kind": "sobol"}, "missing key samples.count"),
        ({"kind": "listed", "points": str(Path(__file__))}, "unknown parameter"),
        ({"kind": "listed", "points": 5}, "must be a path"),
    ],
)
def test_a_config_that_makes_no_design_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        build_design({"sobol": Design, "listed": ListedDesign}, SAMPLES | change, "heliosphere")
