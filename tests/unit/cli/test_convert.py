from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from propmat.cli.convert import build, convert
from propmat.errors import InputError


@dataclass(frozen=True)
class Inner:
    rate: float = 0.1


@dataclass(frozen=True)
class Outer:
    count: int
    name: str = "x"
    flag: bool = False
    pair: tuple[int, float] = (1, 2.0)
    many: tuple[int, ...] = ()
    kind: Literal["a", "b"] = "a"
    limit: float | None = None
    place: Path = Path()
    inner: Inner = field(default_factory=Inner)
    table: Mapping[str, float] = field(default_factory=dict)


def test_every_type_is_converted() -> None:
    values = {
        "count": 3.0, "name": "n", "flag": True, "pair": [2, 3], "many": [1, 2], "kind": "b", "limit": None,
        "place": "runs/x", "inner": {"rate": 1}, "table": {"k": 2},
    }  # fmt: skip
    outer = build(Outer, values)
    assert outer == Outer(3, "n", True, (2, 3.0), (1, 2), "b", None, Path("runs/x"), Inner(1.0), {"k": 2.0})
    assert type(outer.count) is int and type(outer.inner.rate) is float


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "missing key s.count"),
        ({"cout": 1}, "Did you mean 's.count'"),
        ({"count": 1.5}, "s.count = 1.5 must be a whole number"),
        ({"count": True}, "s.count = True must be a whole number"),
        ({"count": "many"}, "s.count = 'many' must be a whole number"),
        ({"count": None}, "s.count = None must be a whole number"),
        ({"count": 1, "flag": 1}, "s.flag = 1 must be true or false"),
        ({"count": 1, "limit": math.nan}, "s.limit is NaN"),
        ({"count": 1, "many": 3}, r"s.many = 3 must be a list, such as s.many=\[1,2\]"),
        ({"count": 1, "many": [1, "x"]}, r"s.many\[1\] = 'x' must be a whole number"),
        ({"count": 1, "pair": [1]}, "must have 2 entries"),
        ({"count": 1, "kind": "c"}, "unknown s.kind 'c'"),
        ({"count": 1, "inner": 3}, "s.inner = 3 must be a group of keys"),
        ({"count": 1, "inner": {"rat": 3}}, "Did you mean 's.inner.rate'"),
    ],
)
def test_what_does_not_fit_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(Outer, values, "s")


def test_integers_are_numbers_but_not_the_other_way_round() -> None:
    assert convert(2, float, "k") == 2.0
    with pytest.raises(InputError):
        convert(2.5, int, "k")
