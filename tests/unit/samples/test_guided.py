"""What a design keeps of a chain: good fits, each once, evenly along the chain, always the same ones."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from propmat.errors import InputError
from propmat.parameters import GALAXY, HELIOSPHERE
from propmat.samples.guided import Visited, guided_points, share_of
from propmat.samples.points import read_points, write_points


def chain(count: int = 400, seed: int = 1, source: str = "chain") -> Visited:
    """A walk whose every point stands twice in a row; every third pair fits badly."""
    points = np.repeat(GALAXY.sobol(count // 2, seed=seed), 2, axis=0)
    return Visited(points, np.where(np.arange(count) // 2 % 3 == 0, 30.0, 1.0), source)


def test_kept_are_the_good_ones_once_and_in_the_order_of_the_chain() -> None:
    kept = chain().kept()
    expected = chain().points[::2][np.arange(200) % 3 != 0]
    assert np.allclose(kept, expected, rtol=1e-8, atol=0.0)


def test_the_limit_itself_is_not_included() -> None:
    visited = Visited(GALAXY.sobol(3, seed=2), np.array([9.9, 10.0, np.inf]), "chain")
    assert len(visited.kept(10.0)) == 1
    assert visited.kept(1.0).shape == (0, 10)


def test_points_of_a_design_are_distinct_visited_and_evenly_spaced() -> None:
    kept = {tuple(point): place for place, point in enumerate(chain().kept().tolist())}
    points = guided_points([chain()], GALAXY, count=40)
    places = sorted(kept[tuple(point)] for point in points.tolist())
    steps = {later - earlier for earlier, later in pairwise(places)}
    assert len(set(places)) == 40
    assert steps <= {len(kept) // 40, len(kept) // 40 + 1}


def test_a_design_is_a_function_of_its_chains_and_seed() -> None:
    first, again, other = (guided_points([chain()], GALAXY, count=30, seed=seed) for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(np.unique(first, axis=0), np.unique(other, axis=0))


def test_every_chain_gives_its_share_and_any_part_of_the_design_is_mixed() -> None:
    chains = [chain(seed=number, source=f"chain {number}") for number in range(3)]
    points = guided_points(chains, GALAXY, count=62)
    owner = [next(k for k, item in enumerate(chains) if point in item.kept().tolist()) for point in points.tolist()]
    assert [owner.count(k) for k in range(3)] == [21, 21, 20] == [share_of(62, 3, k) for k in range(3)]
    assert set(owner[:20]) == {0, 1, 2}


def test_points_survive_being_written_and_read(tmp_path: Path) -> None:
    points = guided_points([chain()], GALAXY, count=50)
    assert write_points(tmp_path / "points.csv", GALAXY, points) == 50
    assert np.array_equal(np.array(read_points(tmp_path / "points.csv", GALAXY)), points)


def test_rounding_keeps_the_ends_of_the_space_and_its_order() -> None:
    cube = np.random.default_rng(3).integers(0, 2, (64, 5)).astype(np.float64)
    points = HELIOSPHERE.from_unit(cube) * (1.0 + 1e-13)
    HELIOSPHERE.check(Visited(points, np.zeros(64), "chain").kept())


@pytest.mark.parametrize(
    ("count", "limit", "message"),
    [
        (134, 10.0, r"chain: 133 distinct points of chi\^2/dof < 10 among 400 visited, but 134 are needed"),
        (5, 0.5, r"chain: 0 distinct points of chi\^2/dof < 0.5"),
        (0, 10.0, "count = 0 must be at least"),
    ],
)
def test_too_few_points_are_an_error(count: int, limit: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        guided_points([chain()], GALAXY, count=count, limit=limit)


def test_points_outside_the_space_and_arrays_that_do_not_match_are_refused() -> None:
    outside = Visited(chain().points * 2.0, chain().fit, "chain")
    with pytest.raises(InputError, match="allowed range"):
        guided_points([outside], GALAXY, count=5)
    with pytest.raises(InputError, match="chain: points"):
        Visited(chain().points, chain().fit[:-1], "chain")
