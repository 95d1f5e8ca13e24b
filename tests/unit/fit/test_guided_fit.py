"""A guided search finds the region that a likelihood allows, fills it when hot, and goes on bit for bit."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fit_toy_emulator import ToyEmulator
from scipy.special import ndtr

from propmat.errors import FileError, InputError
from propmat.fit import FitConfig, guided
from propmat.fit.guided import Exploration, GuideConfig, explore
from propmat.fit.guided_heliosphere import QUIET_ROTATIONS, QuietRotation, quiet_rotations
from propmat.fit.problem import build_problem
from propmat.measurements import conditions
from propmat.parameters import HELIOSPHERE, Parameter, ParameterSpace
from propmat.species import FloatArray

CONFIG = GuideConfig(walkers=12, spacing=1, seed=4)


class Ball:
    """Data that hold x and y at 0.3 within ``width`` and say nothing on the third coordinate."""

    source, names, dof = "ball", ("x", "free", "y"), 10
    space = ParameterSpace("ball", tuple(Parameter(name, 0.0, 1.0) for name in names))

    def __init__(self, width: float = 0.02, floor: float = 0.0) -> None:
        self.width, self.floor, self.calls = width, floor, 0

    @property
    def identity(self) -> Mapping[str, object]:
        return {"width": self.width, "floor": self.floor}

    def chi_square(self, cube: FloatArray) -> FloatArray:
        self.calls += len(cube)
        found: FloatArray = self.floor + np.sum(((cube[:, [0, 2]] - 0.3) / self.width) ** 2, axis=-1)
        return found

    def points(self, cube: FloatArray) -> FloatArray:
        return cube


def search(path: Path, count: int = 400, likelihood: Ball | None = None, **changes: object) -> Exploration:
    return explore(likelihood or Ball(), replace(CONFIG, **changes), count, path)


def test_fit_is_chi_square_over_dof_of_every_visited_point(tmp_path: Path) -> None:
    visited = search(tmp_path / "chain.h5", 100).visited
    assert np.allclose(visited.fit, Ball().chi_square(visited.points) / 10, rtol=1e-9, atol=1e-9)
    assert len(visited.kept()) >= 100


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_spread_is_that_of_the_tempered_posterior(tmp_path: Path, temperature: float) -> None:
    points = search(tmp_path / "chain.h5", 2500, temperature=temperature).visited.points[3000:]
    x, free = points[:, 0], points[:, 1]
    # Some 300 independent points of 12 walkers: 4 % on a width, 8 % for two standard deviations.
    assert np.std(x) == pytest.approx(0.02 * np.sqrt(temperature), rel=0.2)
    assert np.std(free) == pytest.approx(1.0 / np.sqrt(12.0), rel=0.2)
    assert 0.0 < free.min() < 0.05
    assert 0.95 < free.max() < 1.0


def test_the_default_temperature_fills_the_region(tmp_path: Path) -> None:
    """Radius in units of the limit's: kept points of a uniform disc have a mean square of 1/2."""
    hot, cold = (search(tmp_path / f"{t}.h5", 1500, temperature=t).visited.kept()[300:] for t in (None, 1.0))
    squares = [np.mean(Ball().chi_square(points) / 100.0) for points in (hot, cold)]
    assert 0.15 < squares[0] < 0.5
    assert squares[1] < 0.05


def test_a_search_depends_neither_on_interruptions_nor_on_being_extended(tmp_path: Path) -> None:
    whole = search(tmp_path / "whole.h5", 300)
    for count in (40, 150, 300):
        parts = search(tmp_path / "parts.h5", count)
    assert np.array_equal(whole.visited.points, parts.visited.points)
    assert np.array_equal(whole.visited.fit, parts.visited.fit)
    assert whole.evaluations == parts.evaluations


def test_a_killed_chunk_is_made_again(tmp_path: Path) -> None:
    class Dies(Ball):
        def chi_square(self, cube: FloatArray) -> FloatArray:
            if self.calls > 400:
                raise KeyboardInterrupt
            return super().chi_square(cube)

    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "chain.h5", 200, Dies())
    resumed = search(tmp_path / "chain.h5", 200)
    assert np.array_equal(resumed.visited.points, search(tmp_path / "whole.h5", 200).visited.points)


def test_a_finished_search_evaluates_nothing(tmp_path: Path) -> None:
    first = search(tmp_path / "chain.h5", 100)
    again = Ball()
    assert np.array_equal(search(tmp_path / "chain.h5", 100, again).visited.points, first.visited.points)
    assert again.calls == 0


def test_evaluations_count_what_was_asked_of_the_likelihood(tmp_path: Path) -> None:
    ball = Ball()
    found = search(tmp_path / "chain.h5", 100, ball)
    # Proposals beyond four standard deviations of the prior are not asked.
    assert 0.9 * found.evaluations < ball.calls <= found.evaluations


@pytest.mark.parametrize("changes", [{"seed": 5}, {"temperature": 2.0}, {"likelihood": Ball(width=0.03)}])
def test_a_chain_of_another_search_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    search(tmp_path / "chain.h5", 20)
    with pytest.raises(FileError, match="another problem"):
        search(tmp_path / "chain.h5", 20, **changes)  # type: ignore[arg-type]


def test_a_limit_that_no_point_reaches_ends_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guided, "PATIENCE", 20)
    with pytest.raises(InputError, match=r"ball: no point of chi\^2/dof < 10 in 20 steps; the best so far has 20"):
        search(tmp_path / "chain.h5", 20, Ball(floor=200.0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"walkers": 5}, r"walkers = 5 .* \[6, 4096\]"),
        ({"limit": 0.0}, "limit = 0.0"),
        ({"limit": float("nan")}, "limit = nan"),
        ({"temperature": -1.0}, "temperature = -1.0"),
        ({"spacing": 0}, "spacing = 0"),
        ({"count": 0}, "count = 0"),
    ],
)
def test_bad_settings_name_key_and_value(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        search(tmp_path / "chain.h5", **changes)  # type: ignore[arg-type]
    assert not (tmp_path / "chain.h5").exists()


def test_points_of_a_rotation_have_its_observed_conditions_and_fill_the_domain() -> None:
    rotation = QuietRotation(2531, ToyEmulator())
    cube = np.random.default_rng(1).random((200, len(rotation.names)))
    points, observed = rotation.points(cube), conditions(2531)
    HELIOSPHERE.check(points)
    assert np.all(points[:, :2] == [observed.B0, observed.tilt])
    assert np.allclose(HELIOSPHERE.to_unit(points)[:, 2:], cube[:, :3], atol=1e-12)


def test_chi_square_of_a_rotation_counts_data_only() -> None:
    """It is that of the fit less the prior of the LIS, one unit for each value at one standard deviation."""
    rotation = QuietRotation(2531, ToyEmulator())
    fit = build_problem(FitConfig(rotations=(2531,)), ToyEmulator()).posterior
    assert rotation.dof == 11 + 15 - fit.size
    cube = np.full((1, fit.size), 0.5)
    cube[:, 3:] = ndtr(1.0)
    theta = fit.theta_of(np.where(np.arange(fit.size) < 3, cube, 0.3))
    expected = -2.0 * fit.log_probability(theta) - (fit.size - 3)
    assert rotation.chi_square(cube) == pytest.approx(expected, rel=1e-9)


def test_a_rotation_is_searched_from_end_to_end(tmp_path: Path) -> None:
    rotation = QuietRotation(2531, ToyEmulator())
    found = explore(rotation, GuideConfig(walkers=20, spacing=1), 30, tmp_path / "chain.h5")
    kept = found.visited.kept()
    assert len(kept) >= 30
    HELIOSPHERE.check(kept)
    assert found.visited.source == "rotation 2531"


def test_quiet_rotations_have_data_and_conditions() -> None:
    assert len(QUIET_ROTATIONS) == 20
    assert [item.rotation for item in quiet_rotations(QUIET_ROTATIONS, ToyEmulator())] == list(QUIET_ROTATIONS)


@pytest.mark.parametrize(
    ("rotations", "message"),
    [((2550,), "2550: AMS-02 has no proton flux"), ((), "at least one"), ((2531, 2531), "without repetition"),
     ((2460,), "reversal")],
)  # fmt: skip
def test_wrong_rotations_are_refused(rotations: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        quiet_rotations(rotations, ToyEmulator())
