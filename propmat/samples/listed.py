"""Designs of points that are given, not drawn, such as what a chain visited."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from propmat.errors import InputError, out_of_range
from propmat.parameters import ParameterSpace
from propmat.samples.design import (
    LIMITS,
    PROTON_CHANNELS,
    SAMPLE_LIMIT,
    Channel,
    Sharded,
    channel_pairs,
    channels_from,
    check_channels,
    round_significant,
)
from propmat.species import FloatArray

LISTED: Final = "listed"
"""``kind`` of such a design."""
NUMBER_LIMIT: Final = 3_500_000
"""Most numbers of a list: the header holds them, at most 19 characters each, and must stay below 64 MiB."""

Points = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class ListedPoints(Sharded):
    """Points that are given, one sample each or one in every channel.

    Attributes:
        listed: the points, each in the order of the space's names; kept to nine significant digits.
        shard_size: samples a file.

    Raises:
        InputError: no points or too many, one that comes twice, or a shard size out of range.
    """

    kind: ClassVar[str] = LISTED

    listed: Points
    shard_size: int = 64

    def __post_init__(self) -> None:
        self._check_integer("shard_size")
        numbers = sum(map(len, self.listed))
        if not 1 <= self.samples <= SAMPLE_LIMIT or numbers > NUMBER_LIMIT:
            raise InputError(
                f"a list makes 1 to {SAMPLE_LIMIT} samples and has at most {NUMBER_LIMIT} numbers, "
                f"not {self.samples} samples and {numbers} numbers."
            )
        points = rounded_points(self.listed)
        object.__setattr__(self, "listed", points)
        if twins := first_twins(points):
            raise InputError(f"points {twins[0] + 1} and {twins[1] + 1} of the list are the same: {points[twins[0]]}.")

    @property
    def count(self) -> int:
        """Number of points."""
        return len(self.listed)

    @property
    def samples(self) -> int:
        """Number of samples."""
        return self.count

    def points(self, space: ParameterSpace) -> FloatArray:
        """(count, parameter) the points.

        Raises:
            InputError: a point has not the parameters of the space, or lies outside it.
        """
        if any(len(point) != len(space.names) for point in self.listed):
            raise InputError(f"every point of a list needs the parameters {', '.join(space.names)}.")
        points = np.array(self.listed)
        space.check(points)
        return points

    def sample_parameters(self, space: ParameterSpace) -> FloatArray:
        """(sample, parameter)."""
        return self.points(space)

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {"kind": LISTED, "shard_size": self.shard_size, "points": self._rows}

    def summary(self) -> dict[str, object]:
        """As :meth:`as_dict`, with number and checksum in place of the points."""
        values = {key: value for key, value in self.as_dict().items() if key != "points"}
        return values | {"count": self.count, "sha256": self._checksum}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`as_dict`.

        Raises:
            InputError: missing or unknown keys, or values that make no design.
        """
        expected = cls._keys()
        if set(values) != expected:
            raise InputError(f"a design of listed points has the keys {sorted(expected)}.")
        rows = values["points"]
        sound = isinstance(rows, list) and all(isinstance(row, list) for row in rows)
        if not sound or not all(type(value) is float for row in rows for value in row):
            raise InputError("points must be a list of lists of real numbers.")
        rest = {key: values[key] for key in expected - {"kind", "points", "channels"}}
        if "channels" in expected:
            rest["channels"] = channels_from(values["channels"])
        return cls(listed=tuple(map(tuple, rows)), **rest)

    @classmethod
    def _keys(cls) -> set[str]:
        return {"kind", "shard_size", "points"}

    @cached_property
    def _rows(self) -> list[list[float]]:
        """The points for JSON; every shard that is written asks for them."""
        return [list(point) for point in self.listed]

    @cached_property
    def _checksum(self) -> str:
        return hashlib.sha256(json.dumps(self.listed).encode()).hexdigest()

    def _check_integer(self, key: str) -> None:
        value, (low, high) = getattr(self, key), LIMITS[key]
        if type(value) is not int or not low <= value <= high:
            raise out_of_range(key, value, low, high)


@dataclass(frozen=True)
class ListedSpectra(ListedPoints):
    """Points of the Galaxy, one sample each."""

    def seeds(self) -> NDArray[np.uint64]:
        """(sample,) zeros: a solver draws no random numbers."""
        return np.zeros(self.samples, dtype=np.uint64)


@dataclass(frozen=True)
class ListedDesign(ListedPoints):
    """Points of the heliosphere, each simulated in every channel; sample number = point * len(channels) + channel.

    A sample's seed follows from the design's, the point and the channel, not from the place in the list: the same point
    in another list is the same sample.

    Attributes:
        particles: simulated particles a row (TOA energy) of a sample.
        seed: of the simulations.
        channels: distinct in (A/|Z|, drift sign).

    Raises:
        InputError: a value out of range, no channels or two that the heliosphere cannot tell apart.
    """

    particles: int = field(kw_only=True)
    seed: int = 0
    channels: tuple[Channel, ...] = PROTON_CHANNELS

    def __post_init__(self) -> None:
        self._check_integer("particles")
        self._check_integer("seed")
        check_channels(self.channels)
        super().__post_init__()

    @property
    def samples(self) -> int:
        """Number of samples."""
        return self.count * len(self.channels)

    def channel(self, sample: int) -> Channel:
        """The channel of a sample number."""
        return self.channels[sample % len(self.channels)]

    def sample_particles(self, sample: int) -> int:
        """Simulated particles a row of a sample."""
        return self.particles

    def sample_parameters(self, space: ParameterSpace) -> FloatArray:
        """(sample, parameter)."""
        return np.repeat(self.points(space), len(self.channels), axis=0)

    def seeds(self) -> NDArray[np.uint64]:
        """(sample,) seeds below 2^63, each from (design seed, point, channel)."""
        samples = ([self.seed, point, channel.identity] for point in self.listed for channel in self.channels)
        sums = (hashlib.sha256(json.dumps(sample).encode()).digest() for sample in samples)
        return np.array([int.from_bytes(content[:8], "big") >> 1 for content in sums], dtype=np.uint64)

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON; channels as [species, polarity]."""
        own = {"particles": self.particles, "seed": self.seed, "channels": channel_pairs(self.channels)}
        return super().as_dict() | own

    @classmethod
    def _keys(cls) -> set[str]:
        return super()._keys() | {"particles", "seed", "channels"}


def rounded_points(points: Iterable[Iterable[float]]) -> Points:
    """The points to nine significant digits."""
    # + 0.0 makes one zero of -0 and 0, which are one point.
    return tuple(tuple(round_significant(value) + 0.0 for value in row) for row in points)


def first_twins(points: Points) -> tuple[int, int] | None:
    """The rows of the first point that comes again, or None."""
    seen: dict[tuple[float, ...], int] = {}
    for row, point in enumerate(points):
        first = seen.setdefault(point, row)
        if first != row:
            return first, row
    return None
