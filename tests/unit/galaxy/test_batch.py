"""Many points: the same as one by one, in order, and refused before any work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from propmat.errors import InputError
from propmat.galaxy import Galaxy
from propmat.parameters import GALAXY
from propmat.species import FloatArray


@pytest.fixture(scope="module")
def galaxy(toy_tables: Path) -> Galaxy:
    return Galaxy.preset("converged", toy_tables).replace(energies=50, radial_step=1.7, heights=15)


@pytest.fixture(scope="module")
def points() -> FloatArray:
    return GALAXY.sobol(7, seed=5)


@pytest.mark.parametrize("workers", [1, 3])
def test_many_points_are_those_one_by_one_bit_for_bit_and_in_order(
    galaxy: Galaxy, points: FloatArray, workers: int
) -> None:
    many = list(galaxy.solve_many(points, workers=workers))
    assert len(many) == len(points)
    for point, found in zip(points, many, strict=True):
        alone = galaxy.solve(dict(zip(GALAXY.names, point, strict=True)))
        for name in alone.species:
            np.testing.assert_array_equal(found.flux(name), alone.flux(name))


def test_matrices_are_those_one_by_one(galaxy: Galaxy, points: FloatArray) -> None:
    pairs = [("proton", "antiproton"), ("carbon12", "boron11")]
    found = next(iter(galaxy.solve_many(points[:1], species=["antiproton", "boron11"], matrices=pairs)))
    alone = galaxy.solve(dict(zip(GALAXY.names, points[0], strict=True)), species=["antiproton", "boron11"])
    assert found.species == ("antiproton", "boron11")
    for pair in pairs:
        np.testing.assert_array_equal(found.green(*pair), alone.green(*pair))


def test_leading_axes_of_points_are_flattened_and_none_is_none(galaxy: Galaxy, points: FloatArray) -> None:
    assert len(list(galaxy.solve_many(points[:4].reshape(2, 2, -1), species=["proton"]))) == 4
    assert list(galaxy.solve_many(points[:0])) == []


def test_everything_is_checked_before_any_work(
    galaxy: Galaxy, points: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the call, not on the first spectrum asked for; the bad value may be in the last point."""

    def no_work(*_: object) -> None:
        raise AssertionError("work was started")

    monkeypatch.setattr("propmat.galaxy.batch.Point", no_work)
    bad = points.copy()
    bad[-1, GALAXY.names.index("z_h")] = 20.0
    with pytest.raises(InputError, match=r"z_h = 20.0 kpc.*\[1.5, 15\]"):
        galaxy.solve_many(bad)
    bad[-1, GALAXY.names.index("z_h")] = np.nan
    with pytest.raises(InputError, match="z_h is NaN"):
        galaxy.solve_many(bad)
    with pytest.raises(InputError, match="points must be"):
        galaxy.solve_many(points[:, :9])
    with pytest.raises(InputError, match=r"'boron'.*Did you mean 'boron1"):
        galaxy.solve_many(points, species=["boron"])
    with pytest.raises(InputError, match="workers = 0"):
        galaxy.solve_many(points, workers=0)
    with pytest.raises(InputError, match="abacus"):
        galaxy.solve_many(points, device="abacus")


def test_a_mistyped_matrix_is_refused_before_any_work(galaxy: Galaxy, points: FloatArray) -> None:
    with pytest.raises(InputError, match="carbon"):
        galaxy.solve_many(points, matrices=[("carbon", "boron11")])


def test_giving_up_early_is_fine(galaxy: Galaxy, points: FloatArray) -> None:
    many = galaxy.solve_many(np.tile(points, (20, 1)), species=["proton"], workers=2)
    first = next(many)
    many.close()  # type: ignore[attr-defined]
    alone = galaxy.solve(dict(zip(GALAXY.names, points[0], strict=True)), species=["proton"])
    np.testing.assert_array_equal(first.flux("proton"), alone.flux("proton"))
