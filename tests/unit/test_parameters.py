"""Parameter spaces: the unit cube maps one to one onto the allowed points, and bad points are named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from propmat.errors import InputError
from propmat.parameters import GALAXY, HELIOSPHERE, HELIOSPHERE_TABLE_II, SPACES, get_space

GOOD = {"B0": 5.0, "tilt": 15.0, "K0": 0.15, "a": 0.5, "b": 2.0}
spaces = st.sampled_from(sorted(SPACES))


def cubes(count: int):
    return arrays(np.float64, (3, count), elements=st.floats(0.0, 1.0))


@given(spaces, st.data())
def test_unit_cube_and_back(name: str, data: st.DataObject) -> None:
    space = SPACES[name]
    cube = data.draw(cubes(len(space.names)))
    points = space.from_unit(cube)
    space.check(points)
    np.testing.assert_allclose(space.to_unit(points), cube, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", sorted(SPACES))
@pytest.mark.parametrize("corner", [0.0, 1.0])
def test_corners_of_the_cube_are_the_ends_of_the_ranges(name: str, corner: float) -> None:
    space = SPACES[name]
    point = space.from_unit(np.full(len(space.names), corner))
    space.check(point)
    for parameter, value in zip(space.parameters, point, strict=True):
        assert value == pytest.approx(parameter.high if corner else parameter.low, rel=1e-14)


@given(cubes(5))
def test_b_is_never_below_a(cube: np.ndarray) -> None:
    points = HELIOSPHERE.from_unit(cube)
    assert np.all(points[..., HELIOSPHERE.names.index("a")] <= points[..., HELIOSPHERE.names.index("b")])


def test_b_equal_to_a_is_allowed() -> None:
    HELIOSPHERE.stack(GOOD | {"a": 0.7, "b": 0.7})


def test_sobol_points_are_allowed_reproducible_and_fill_every_range() -> None:
    points = HELIOSPHERE.sobol(64, seed=3)
    HELIOSPHERE.check(points)
    np.testing.assert_array_equal(points, HELIOSPHERE.sobol(64, seed=3))
    assert not np.array_equal(points, HELIOSPHERE.sobol(64, seed=4))
    occupied = np.sort(np.floor(HELIOSPHERE.to_unit(points) * 64), axis=0)
    np.testing.assert_array_equal(occupied, np.repeat(np.arange(64.0)[:, None], 5, axis=1))


@given(st.integers(1, 40), st.integers(1, 40))
def test_sobol_sequence_is_continued_by_start(first: int, second: int) -> None:
    whole = GALAXY.sobol(first + second, seed=11)
    np.testing.assert_array_equal(GALAXY.sobol(first, seed=11), whole[:first])
    np.testing.assert_array_equal(GALAXY.sobol(second, seed=11, start=first), whole[first:])


@pytest.mark.filterwarnings("error")
def test_sobol_takes_any_count_without_a_warning() -> None:
    assert HELIOSPHERE.sobol(5, seed=1).shape == (5, 5)


@pytest.mark.parametrize(("count", "start"), [(0, 0), (3, -1)])
def test_sobol_refuses(count: int, start: int) -> None:
    with pytest.raises(InputError, match="count"):
        HELIOSPHERE.sobol(count, seed=0, start=start)


def test_ranges_are_those_of_the_tables() -> None:
    table = HELIOSPHERE_TABLE_II
    assert [(p.low, p.high) for p in table.parameters] == [(3, 8), (0, 75), (0.001, 1.5), (0, 1), (0, 3)]
    assert [(p.low, p.high) for p in HELIOSPHERE.parameters] == [(3, 9), (0, 75), (0.03, 1.5), (0, 1), (0, 3)]
    assert [(p.low, p.high) for p in GALAXY.parameters] == [
        (1.5, 2.5), (2.2, 2.5), (1.5, 3.0), (1, 80), (100, 10000), (1, 20), (-3, 1.5), (0.3, 0.6), (6, 80), (1.5, 15),
    ]  # fmt: skip


def test_stack_broadcasts_in_the_order_of_the_names() -> None:
    points = HELIOSPHERE.stack(GOOD | {"K0": [0.1, 0.2, 0.3]})
    assert points.shape == (3, 5)
    np.testing.assert_array_equal(points[:, HELIOSPHERE.names.index("K0")], [0.1, 0.2, 0.3])
    np.testing.assert_array_equal(points[:, HELIOSPHERE.names.index("tilt")], 15.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"B0": 12.0}, r"B0 = 12\.0 nT is outside the allowed range \[3, 9\] nT"),
        ({"K0": 1.50000001}, r"K0 = 1\.50000001 .*\[0\.03, 1\.5\]"),
        ({"tilt": float("nan")}, r"tilt is NaN.*\[0, 75\]"),
        ({"tilt": float("inf")}, r"tilt = inf deg"),
        ({"a": 0.9, "b": 0.2}, r"b = 0\.2 must be at least a = 0\.9"),
        ({"k0": 0.1}, r"'k0'.*'K0'"),
        ({"tilt": "steep"}, r"tilt = 'steep' is not a number"),
        ({"tilt": None}, r"tilt"),
        ({"B0": [4.0, 5.0], "tilt": [1.0, 2.0, 3.0]}, r"B0 \(2,\), tilt \(3,\)"),
    ],
)
def test_bad_values_are_named_with_what_is_allowed(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        HELIOSPHERE.stack(GOOD | change)


def test_missing_parameters_are_named() -> None:
    with pytest.raises(InputError, match=r"missing parameter.*tilt, a"):
        HELIOSPHERE.stack({"B0": 5.0, "K0": 0.1, "b": 2.0})


def test_unchecked_points_pass_for_the_caller_who_extrapolates() -> None:
    assert HELIOSPHERE.stack(GOOD | {"B0": 12.0}, check=False)[0] == 12.0


def test_one_bad_point_of_many_is_found() -> None:
    points = HELIOSPHERE.sobol(16, seed=0)
    points[7, HELIOSPHERE.names.index("tilt")] = 80.0
    with pytest.raises(InputError, match=r"tilt = 80\.0 deg"):
        HELIOSPHERE.check(points)


@pytest.mark.parametrize("method", ["check", "from_unit", "to_unit"])
@pytest.mark.parametrize("shape", [(4,), (6,), (2, 4), ()])
def test_points_of_another_space_are_refused(method: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="5"):
        getattr(HELIOSPHERE, method)(np.full(shape, 0.5))


@pytest.mark.parametrize("bad", [-0.1, 1.1, np.nan])
def test_points_outside_the_unit_cube_are_refused(bad: float) -> None:
    with pytest.raises(InputError, match="unit cube"):
        HELIOSPHERE.from_unit([0.5, bad, 0.5, 0.5, 0.5])


def test_names_are_looked_up_with_a_hint() -> None:
    assert get_space("galaxy") is GALAXY
    assert GALAXY["z_h"].unit == "kpc"
    with pytest.raises(InputError, match="'heliosphere'"):
        get_space("heliosfere")
    with pytest.raises(InputError, match="'z_h'"):
        GALAXY["zh"]
