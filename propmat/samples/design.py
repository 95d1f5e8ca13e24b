"""Which samples a store holds: points of a Sobol sequence, in the heliosphere times channels, and a seed for each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from propmat.errors import InputError, out_of_range, unknown_name
from propmat.parameters import ParameterSpace
from propmat.species import FloatArray, get_species

KINDS: Final = ("sobol",)
LIMITS: Final[dict[str, tuple[int, int]]] = {
    "seed": (0, 2**63 - 1),
    "count": (1, 10**6),
    "particles": (1, 10**6),
    "shard_size": (1, 4096),
    "start": (0, 10**8),
}
"""Allowed range of each integer of a design."""
SAMPLE_LIMIT: Final = 10**6
SIGNIFICANT_DIGITS: Final = 9
"""Parameters are rounded to this, so that another machine's exp() makes the same keys."""


@dataclass(frozen=True)
class Channel:
    """A species in a polarity: what a simulation runs, and all that the heliosphere distinguishes of it.

    That is the sign of the drift and the mass and charge of a nucleon's share: nuclei of one A/|Z| are one channel
    (their masses per nucleon agree within 0.8 %), electron and positron are another.

    Raises:
        InputError: no such species, or a polarity that is not +1 or -1.
    """

    species: str
    polarity: int

    def __post_init__(self) -> None:
        get_species(self.species).drift_sign(self.polarity)

    @property
    def nucleons_per_charge(self) -> float:
        """A/|Z|; 0 for leptons, which have no nucleon."""
        species = get_species(self.species)
        return species.mass_number / abs(species.charge)

    @property
    def drift_sign(self) -> int:
        """sign(Z) * polarity."""
        return get_species(self.species).drift_sign(self.polarity)

    @property
    def identity(self) -> tuple[float, int]:
        """(A/|Z|, drift sign): two channels of one identity have the same transfer matrices."""
        return self.nucleons_per_charge, self.drift_sign

    def __str__(self) -> str:
        return f"{self.species} at polarity {self.polarity:+d}"


def unique_channels(channels: Iterable[Channel]) -> tuple[Channel, ...]:
    """The first channel of each identity: what has to be simulated so that nothing is simulated twice."""
    first: dict[tuple[float, int], Channel] = {}
    for channel in channels:
        first.setdefault(channel.identity, channel)
    return tuple(first.values())


def check_channels(channels: Sequence[Channel]) -> None:
    """Raise InputError if there are none, or two that the heliosphere cannot tell apart."""
    if not channels:
        raise InputError("a design needs at least one channel, such as proton at polarity +1.")
    if len(unique_channels(channels)) < len(channels):
        named = ", ".join(map(str, channels))
        raise InputError(f"channels = {named} has two of the same (A/|Z|, drift sign); see unique_channels.")


def channel_pairs(channels: Iterable[Channel]) -> list[list[object]]:
    """Channels as [species, polarity] for JSON."""
    return [[channel.species, channel.polarity] for channel in channels]


def channels_from(pairs: object) -> tuple[Channel, ...]:
    """The inverse of :func:`channel_pairs`; what is read is not trusted (InputError)."""
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise InputError(f"channels = {pairs!r} must be a list of [species, polarity].")
    if not all(isinstance(species, str) and type(polarity) is int for species, polarity in pairs):
        raise InputError(f"channels = {pairs!r} must be a list of [species, polarity].")
    return tuple(Channel(*pair) for pair in pairs)


PROTON_CHANNELS: Final = (Channel("proton", 1), Channel("proton", -1))
"""A/|Z| = 1 at drift sign +1 and -1."""


class Sharded(ABC):
    """What every design has: numbered samples in files of ``shard_size``."""

    remedy: ClassVar[str] = "propmat simulate"
    """The command that makes missing samples."""
    shard_size: int

    @property
    @abstractmethod
    def samples(self) -> int:
        """Number of samples."""

    @abstractmethod
    def sample_parameters(self, space: ParameterSpace) -> FloatArray:
        """(sample, parameter) in the order of the space's names."""

    @abstractmethod
    def seeds(self) -> NDArray[np.uint64]:
        """(sample,) what makes two samples of one point different."""

    @abstractmethod
    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""

    def summary(self) -> dict[str, object]:
        """:meth:`as_dict`, or less where that is long."""
        return self.as_dict()

    @property
    def shards(self) -> int:
        """Number of files; the last may be shorter."""
        return -(-self.samples // self.shard_size)

    def shard_range(self, shard: int) -> range:
        """The sample numbers of a shard.

        Raises:
            InputError: no such shard.
        """
        if not 0 <= shard < self.shards:
            raise out_of_range("shard", shard, 0, self.shards - 1)
        return range(shard * self.shard_size, min((shard + 1) * self.shard_size, self.samples))


class SobolPoints(Sharded):
    """Points number ``start`` to ``start + count - 1`` of the scrambled Sobol sequence ``seed``."""

    count: int
    seed: int
    kind: str
    start: int = 0

    def check(self, *keys: str) -> None:
        """Raise InputError at an unknown kind, or at one of the integers ``keys`` that is none or out of range."""
        if self.kind not in KINDS:
            raise unknown_name("design kind", self.kind, KINDS)
        for key in keys:
            value, (low, high) = getattr(self, key), LIMITS[key]
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise out_of_range(key, value, low, high)

    def points(self, space: ParameterSpace) -> FloatArray:
        """(count, parameter) points, rounded to nine significant digits."""
        points = space.sobol(self.count, seed=self.seed, start=self.start)
        return np.array([[round_significant(value) for value in point] for point in points.tolist()])


@dataclass(frozen=True)
class Design(SobolPoints):
    """``count`` points, each simulated in every channel; sample number = point * len(channels) + channel.

    With a ``start`` it has the very samples that the whole sequence has there, seeds and keys included.

    Attributes:
        count: points of the Sobol sequence.
        particles: simulated particles a row (TOA energy) of a sample.
        seed: of the sequence and, with the sample number, of each simulation.
        shard_size: samples a file.
        channels: distinct in (A/|Z|, drift sign).
        kind: how points are chosen; ``"sobol"``.
        start: number in the sequence of the first point.

    Raises:
        InputError: a value out of range, an unknown kind, no channels or two that the heliosphere cannot tell apart.
    """

    count: int
    particles: int
    seed: int = 0
    shard_size: int = 64
    channels: tuple[Channel, ...] = PROTON_CHANNELS
    kind: str = "sobol"
    start: int = 0

    def __post_init__(self) -> None:
        self.check(*LIMITS)
        if self.samples > SAMPLE_LIMIT:
            raise InputError(
                f"count = {self.count} in {len(self.channels)} channels is more than {SAMPLE_LIMIT} samples."
            )
        check_channels(self.channels)

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
        """(sample,) seeds below 2^63, each from (design seed, sample number counted from the start of the sequence)."""
        first = self.start * len(self.channels)
        states = [
            np.random.SeedSequence(self.seed, spawn_key=(index,)).generate_state(1, np.uint64)[0]
            for index in range(first, first + self.samples)
        ]
        return np.array(states, dtype=np.uint64) >> np.uint64(1)

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON; channels as [species, polarity]."""
        return without_start(asdict(self)) | {"channels": channel_pairs(self.channels)}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Design:
        """The inverse of :meth:`as_dict`.

        Raises:
            InputError: missing or unknown keys, or values that make no design.
        """
        expected = {"kind", "count", "particles", "seed", "shard_size", "channels"}
        if {*values, "start"} != {*expected, "start"}:
            raise InputError(f"a design has the keys {sorted(expected)}, not {sorted(map(str, values))}.")
        integers = {key: values[key] for key in LIMITS if key in values}
        return cls(
            channels=channels_from(values["channels"]),
            kind=str(values["kind"]),
            **integers,  # type: ignore[arg-type]
        )


def without_start(values: dict[str, object]) -> dict[str, object]:
    """The values of a design, less a ``start`` of 0: headers and shards that never had one stay as they are."""
    return values if values["start"] else {key: value for key, value in values.items() if key != "start"}


def round_significant(value: float) -> float:
    """``value`` to nine significant digits."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
