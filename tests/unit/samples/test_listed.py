"""A list of points is the samples at these points, in whatever order its lines and columns come, or an error."""

import json
from dataclasses import replace

import numpy as np
import pytest
from fake_samples import fake_simulate, tiny_header
from fake_spectra import fake_simulator, tiny_design

from propmat.errors import FileError, InputError
from propmat.parameters import GALAXY, HELIOSPHERE
from propmat.samples import (
    PROTON_CHANNELS,
    Channel,
    SampleStore,
    SpectraStore,
    StoreHeader,
    create_spectra,
    open_store,
    produce,
    produce_spectra,
)
from propmat.samples.listed import NUMBER_LIMIT, ListedDesign, ListedSpectra
from propmat.samples.points import read_points, write_points

# The fake simulation loses some particles on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::propmat.errors.TruncationWarning")

POINTS = ((5.0, 15.0, 0.1, 0.5, 2.0), (3.0, 75.0, 0.03, 0.0, 0.0), (8.25, 1.5, 1.5, 1.0, 3.0))


def listed_header(points=POINTS, **design) -> StoreHeader:
    return replace(tiny_header(), design=ListedDesign(points, **{"particles": 20, "seed": 3, "shard_size": 4} | design))


def test_every_point_is_simulated_in_every_channel(tmp_path):
    store = SampleStore.create(tmp_path, listed_header())
    produce(store, simulate=fake_simulate, progress=False)
    table = open_store(tmp_path).read()
    assert np.array_equal(table.parameters, np.repeat(POINTS, 2, axis=0))
    assert np.array_equal(table.drift_sign, [1, -1] * 3)
    assert len(set(table.seed.tolist())) == len(set(table.key.tolist())) == 6 and table.seed.max() < 2**63
    assert SampleStore.open(tmp_path).header.differences(listed_header()) == ()


def test_points_of_the_galaxy_are_the_samples_that_a_sequence_has_there(tmp_path):
    """A solver draws no random numbers: how a point was chosen makes no other sample of it."""
    drawn = create_spectra(tmp_path / "drawn", fake_simulator(), tiny_design())
    points = tuple(map(tuple, drawn.header.plan.parameters.tolist()))
    listed = create_spectra(tmp_path / "listed", fake_simulator(), ListedSpectra(points, shard_size=2))
    for store in (drawn, listed):
        produce_spectra(store, fake_simulator(), progress=False)
    first, second = drawn.read(), SpectraStore.open(tmp_path / "listed").read()
    assert all(np.array_equal(getattr(first, name), getattr(second, name)) for name in vars(first))


def test_a_sample_is_the_same_wherever_in_a_list_its_point_stands():
    plan, turned = listed_header().plan, listed_header(POINTS[::-1]).plan
    order = [4, 5, 2, 3, 0, 1]
    assert np.array_equal(plan.key, turned.key[order]) and np.array_equal(plan.seed, turned.seed[order])
    assert np.array_equal(plan.key[:2], listed_header(POINTS[:1]).plan.key)
    assert np.array_equal(plan.key[::2], listed_header(channels=PROTON_CHANNELS[:1]).plan.key)


@pytest.mark.parametrize("change", [{"seed": 4}, {"particles": 21}, {"channels": (Channel("helium4", 1),)}])
def test_other_settings_are_other_samples(change):
    assert not set(listed_header().plan.key) & set(listed_header(**change).plan.key)


def test_a_file_gives_back_the_points_written(tmp_path):
    points, comments = HELIOSPHERE.sobol(40, seed=1), ["visited by a chain\nof 4 walkers", "B0 = 5"]
    path = tmp_path / "points.csv"
    assert write_points(path, HELIOSPHERE, np.repeat(points, 3, axis=0), comments) == 40
    found = np.array(read_points(path, HELIOSPHERE))
    assert np.allclose(found, points, rtol=5e-9, atol=0.0)
    assert write_points(tmp_path / "again.csv", HELIOSPHERE, found) == 40
    assert np.array_equal(read_points(tmp_path / "again.csv", HELIOSPHERE), found)
    assert path.read_text().startswith("# visited by a chain\n# of 4 walkers\n# B0 = 5\nB0,tilt,K0,a,b\n")


def test_columns_and_separators_are_free(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("# mine\nb; a; K0; tilt; B0\n2; 0.5; 0.1; 15; 5  # the first\n\n0; -0.0; 3e-2; 75; 3\n")
    assert read_points(path, HELIOSPHERE) == POINTS[:2]


GOOD = "B0,tilt,K0,a,b\n5,15,0.1,0.5,2\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("B0,tilt,K0,a,c\n5,15,0.1,0.5,2\n", r":1: unknown parameter 'c'"),
        ("B0,titl,K0,a,b\n5,15,0.1,0.5,2\n", r":1: unknown parameter 'titl'. Did you mean 'tilt'"),
        ("B0,tilt,K0,a\n5,15,0.1,0.5\n", r":1: the titles must be B0, tilt, K0, a, b, each once"),
        ("B0,tilt,K0,a,b,B0\n5,15,0.1,0.5,2,5\n", r":1: the titles"),
        ("B0,tilt,K0,a,b\n", "titles and no points"),
        ("5,15,0.1,0.5,2\n", r":1: unknown parameter '5'"),
        (GOOD + "5,15,0.1,0.5\n", r":3: 4 cells"),
        ("B0,tilt,K0,a,b\n5,15,0.1,0.5,2,1\n", r":2: 6 cells under 5 titles"),
        (GOOD + "5,15,,0.5,2\n", r":3: cell 3, '', is not a finite number"),
        (GOOD + "5,15,nan,0.5,2\n", r":3: cell 3, 'nan'"),
        (GOOD + "# x\n5,80,0.1,0.5,2\n", r":4: tilt = 80.0 deg is outside the allowed range \[0, 75\] deg"),
        (GOOD + "5,15,0.1,0.5,0.4\n", r":3: b = 0.4 must be at least a = 0.5"),
        (GOOD + "6,15,0.1,0.5,2\n5.0000000001,15,0.1,0.5,2\n", r":4: the same point as .*:2, to 9 digits"),
        ("", "holds no numbers"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(tmp_path, text, message):
    path = tmp_path / "points.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_points(path, HELIOSPHERE)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileError, match=r"points\.csv is missing"):
        read_points(tmp_path / "points.csv", GALAXY)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "at least one"),
        ([[5.0, 15.0]], r"\(point, 5\)"),
        ([POINTS[0], (5.0, 80.0, 0.1, 0.5, 2.0)], "point 2: tilt = 80"),
        ([(5.0, np.nan, 0.1, 0.5, 2.0)], "point 1: tilt is NaN"),
    ],
)
def test_only_points_of_the_space_are_written(tmp_path, points, message):
    with pytest.raises(InputError, match=message):
        write_points(tmp_path / "points.csv", HELIOSPHERE, points)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": ()}, "not 0 samples"),
        ({"points": ((1.0,) * (NUMBER_LIMIT + 1),)}, "not 2 samples and 3500001 numbers"),
        ({"points": POINTS + POINTS[1:2]}, "points 2 and 4 of the list are the same"),
        ({"points": ((5.0, 15.0, 0.1, 0.5),)}, "every point of a list needs the parameters"),
        ({"points": ((5.0, 80.0, 0.1, 0.5, 2.0),)}, "tilt = 80"),
        ({"points": ((5.0, float("nan"), 0.1, 0.5, 2.0),)}, "tilt is NaN"),
        ({"particles": 0}, "particles = 0"),
        ({"particles": 1.5}, "particles = 1.5"),
        ({"seed": -1}, "seed = -1"),
        ({"shard_size": True}, "shard_size = True"),
        ({"channels": ()}, "at least one channel"),
        ({"channels": (Channel("proton", 1), Channel("antiproton", -1))}, "same"),
    ],
)
def test_senseless_lists_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        listed_header(**change)


@pytest.mark.parametrize("design", [ListedDesign(POINTS, particles=5), ListedSpectra(((1.0, 2.0),))])
def test_a_list_round_trips_through_json(design):
    assert type(design).from_dict(json.loads(json.dumps(design.as_dict()))) == design


@pytest.mark.parametrize(
    "change",
    [
        {"points": None},
        {"points": [5.0]},
        {"points": [["5"]]},
        {"points": [[True, 1.0, 1.0, 1.0, 1.0]]},
        {"points": [[10**400, 1.0, 1.0, 1.0, 1.0]]},
        {"points": [[]]},
        {"particles": "20"},
        {"channels": [["proton", "1"]]},
        {"extra": 1},
    ],
)
def test_a_hostile_header_is_refused(change):
    header = listed_header()
    design = header.design.as_dict() | change
    with pytest.raises(InputError):
        StoreHeader.from_parts(
            header.grid_values(), design, simulator="fake", simulator_version="1", model={}, space="heliosphere"
        )


def test_a_shard_says_number_and_checksum_of_the_points_only():
    summary = listed_header().design.summary()
    assert summary["count"] == 3 and "points" not in summary
    assert summary["sha256"] != listed_header(POINTS[::-1]).design.summary()["sha256"]
