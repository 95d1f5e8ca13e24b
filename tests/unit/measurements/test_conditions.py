"""Conditions per Bartels rotation: tilt, field, wind, polarity."""

from datetime import date, timedelta

import numpy as np
import pytest

from propmat.errors import InputError
from propmat.measurements import conditions, rotations

BARTELS_2426 = date(2011, 5, 15)


def tilts(first: int, last: int, model: str = "L") -> np.ndarray:
    return np.array([conditions(rotation, tilt=model).tilt for rotation in range(first, last + 1)])


@pytest.mark.parametrize("rotation", [2177, 2426, 2531, 2543, 2607])
def test_a_rotation_lasts_27_days_without_gaps(rotation: int) -> None:
    found = conditions(rotation)
    assert found.start == BARTELS_2426 + timedelta(days=27 * (rotation - 2426))
    assert found.end == found.start + timedelta(days=26)


def test_quiet_interval_of_the_paper_is_tilt_l_of_rotations_2506_to_2565() -> None:
    """papers/000: "tilt < 30 deg", 13 April 2017 - 19 September 2021.

    The dates are the start of 2506 and the day after 2565. In tilt L, 2506 is the first rotation below 30 deg of the
    AMS data; six of the 60 rotations lie above, by up to 6 deg. In tilt R the criterion would hold since 2014.
    """
    assert conditions(2506).start == date(2017, 4, 13)
    assert conditions(2565).end + timedelta(days=1) == date(2021, 9, 19)
    assert np.all(tilts(2426, 2505) > 30.0) and np.all(tilts(2568, 2575) > 30.0)
    inside = tilts(2506, 2565)
    above = 2506 + np.flatnonzero(inside > 30.0)
    assert inside[0] < 30.0 and above.tolist() == [2507, 2508, 2509, 2513, 2555, 2565]
    assert inside.max() < 36.0 and inside.mean() < 30.0
    assert np.any(tilts(2466, 2505, "R") < 30.0)


def test_default_is_the_unaveraged_tilt_l_and_field_of_the_rotation() -> None:
    found = conditions(2531)
    assert (found.B0, found.tilt, found.wind) == (4.71852, 16.5435, 393.148)
    assert conditions(2531, tilt="R").tilt == 6.75245


def test_backward_average_is_the_mean_of_the_last_rotations() -> None:
    single = [conditions(rotation) for rotation in range(2520, 2532)]
    mean = conditions(2531, average_rotations=12)
    for name in ("B0", "tilt", "wind"):
        assert getattr(mean, name) == pytest.approx(np.mean([getattr(one, name) for one in single]))
    assert (mean.start, mean.end, mean.polarity) == (single[-1].start, single[-1].end, single[-1].polarity)


def test_polarity_is_certain_only_away_from_reversals() -> None:
    every = {rotation: conditions(rotation) for rotation in range(2177, 2608)}
    assert all(one.polarity == 1 and one.polarity_certain for n, one in every.items() if 2476 <= n <= 2578)
    for one in every.values():
        if one.start.year >= 2002 and one.end.year <= 2011:
            assert one.polarity == -1 and one.polarity_certain
        if {one.start.year, one.end.year} & {1999, 2000, 2001, 2012, 2013, 2014, 2023, 2024}:
            assert not one.polarity_certain
    assert [n for n in (2579, 2580, 2598) if every[n].polarity_certain] == [], "no polar field was given there"
    flips = [n for n in range(2178, 2608) if every[n].polarity != every[n - 1].polarity]
    assert all(not every[n].polarity_certain for n in flips)


def test_every_rotation_with_fluxes_has_conditions() -> None:
    assert all(1.0 < conditions(n).B0 < 10.0 and 200.0 < conditions(n).wind < 800.0 for n in rotations("proton"))


@pytest.mark.parametrize(
    ("rotation", "options", "reason"),
    [
        (2176, {}, r"rotation = 2176.*\[2177, 2607\]"),
        (float("nan"), {}, "rotation = nan"),
        (2531.5, {}, "must be integers"),
        (2531, {"tilt": "l"}, "unknown tilt model 'l'.*Valid: L, R"),
        (2531, {"average_rotations": 0}, "average_rotations = 0"),
        (2180, {"average_rotations": 5}, r"average_rotations = 5.*\[1, 4\]"),
    ],
)
def test_bad_requests_are_named(rotation: int, options: dict, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        conditions(rotation, **options)
