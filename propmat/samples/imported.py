"""The design of a store of imported samples: one sample a file, at whatever points and channels they were run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Final, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from propmat.errors import InputError, out_of_range
from propmat.parameters import ParameterSpace
from propmat.samples.design import LIMITS, SAMPLE_LIMIT, Channel, Sharded, round_significant
from propmat.species import FloatArray

IMPORTED: Final = "imported"
"""``kind`` of such a design."""
_TYPES: Final = {"file": str, "sha256": str, "parameters": list, "species": str, "polarity": int, "particles": int}


@dataclass(frozen=True)
class ImportedPoint:
    """Where one sample comes from.

    Attributes:
        file: name of the file, without its folder.
        sha256: of its content.
        parameters: in the order of the space's names, to nine significant digits.

    Raises:
        InputError: no sha256.
    """

    file: str
    sha256: str
    parameters: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.sha256) != 64 or not set(self.sha256) <= set("0123456789abcdef"):
            raise InputError(f"sha256 = {self.sha256!r} is no sha256.")
        object.__setattr__(self, "parameters", tuple(round_significant(value) for value in self.parameters))

    @property
    def identity(self) -> tuple[object, ...]:
        """What only one sample of a store may have."""
        return (self.parameters,)

    @property
    def identity_words(self) -> str:
        """:attr:`identity` for messages."""
        return "parameters"

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """An entry of JSON, whose types are not trusted.

        Raises:
            InputError: other keys, or values of other types.
        """
        keys = [item.name for item in fields(cls)]
        if not isinstance(values, dict) or set(values) != set(keys):
            raise InputError(f"an imported sample has the keys {sorted(keys)}.")
        sound = all(type(values[key]) is _TYPES[key] for key in keys)
        if not sound or not all(type(number) in (int, float) for number in values["parameters"]):
            raise InputError(f"the values of imported sample {values['file']!r} are of the wrong type.")
        return cls(**values | {"parameters": tuple(values["parameters"])})


@dataclass(frozen=True)
class ImportedSample(ImportedPoint):
    """Where one sample of the heliosphere comes from.

    Attributes:
        species, polarity: the channel.
        particles: simulated particles a row.

    Raises:
        InputError: an unknown species or polarity, particles out of range, or no sha256.
    """

    species: str
    polarity: int
    particles: int

    def __post_init__(self) -> None:
        super().__post_init__()
        Channel(self.species, self.polarity)
        if not LIMITS["particles"][0] <= self.particles <= LIMITS["particles"][1]:
            raise out_of_range("particles", self.particles, *LIMITS["particles"])

    @property
    def channel(self) -> Channel:
        """What it is a sample of."""
        return Channel(self.species, self.polarity)

    @property
    def identity(self) -> tuple[object, ...]:
        """The point and the channel."""
        return self.parameters, self.channel.identity

    @property
    def identity_words(self) -> str:
        """:attr:`identity` for messages."""
        return f"parameters, A/|Z| and drift sign ({self.channel})"


EntryT = TypeVar("EntryT", bound=ImportedPoint)


@dataclass(frozen=True)
class Imported(Sharded, Generic[EntryT]):
    """One sample for each entry, in their order.

    Attributes:
        entries: what was imported.
        shard_size: samples a file of the store.

    Raises:
        InputError: no entries or too many, a shard size out of range, or two entries of one identity.
    """

    remedy: ClassVar[str] = "propmat data import"
    kind: ClassVar[str] = IMPORTED
    entry: ClassVar[type[ImportedPoint]] = ImportedPoint

    entries: tuple[EntryT, ...]
    shard_size: int = 64

    def __post_init__(self) -> None:
        if not 1 <= len(self.entries) <= SAMPLE_LIMIT:
            raise InputError(f"{len(self.entries)} files to import; allowed: 1 to {SAMPLE_LIMIT}.")
        if not LIMITS["shard_size"][0] <= self.shard_size <= LIMITS["shard_size"][1]:
            raise out_of_range("shard_size", self.shard_size, *LIMITS["shard_size"])
        seen: dict[tuple[object, ...], EntryT] = {}
        for entry in self.entries:
            twin = seen.setdefault(entry.identity, entry)
            if twin is not entry:
                raise InputError(f"{twin.file} and {entry.file} are of the same {entry.identity_words}.")

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.entries)

    @property
    def count(self) -> int:
        """Number of different points."""
        return len({entry.parameters for entry in self.entries})

    def sample_parameters(self, space: ParameterSpace) -> FloatArray:
        """(sample, parameter).

        Raises:
            InputError: an entry has not as many parameters as the space.
        """
        if any(len(entry.parameters) != len(space.names) for entry in self.entries):
            raise InputError(f"every imported sample needs the parameters {', '.join(space.names)}.")
        return np.array([entry.parameters for entry in self.entries])

    def seeds(self) -> NDArray[np.uint64]:
        """(sample,) in place of seeds, the beginning of each file's checksum: another file is another sample."""
        return np.array([int(entry.sha256[:16], 16) >> 1 for entry in self.entries], dtype=np.uint64)

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {"kind": IMPORTED, "shard_size": self.shard_size, "entries": [asdict(entry) for entry in self.entries]}

    def summary(self) -> dict[str, object]:
        """As :meth:`as_dict`, with a checksum in place of the entries."""
        text = json.dumps(self.as_dict()["entries"], sort_keys=True)
        return {
            "kind": IMPORTED,
            "shard_size": self.shard_size,
            "samples": self.samples,
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """The inverse of :meth:`as_dict`.

        Raises:
            InputError: missing or unknown keys, or values that make no design.
        """
        entries, size = values.get("entries"), values.get("shard_size")
        if set(values) != {"kind", "shard_size", "entries"} or not isinstance(entries, list) or type(size) is not int:
            raise InputError("a design of imported samples has kind, shard_size and a list of entries.")
        return cls(tuple(cls.entry.from_dict(entry) for entry in entries), size)  # type: ignore[misc]


@dataclass(frozen=True)
class ImportedDesign(Imported[ImportedSample]):
    """Samples of the heliosphere, one for each entry; two of one point and channel are refused."""

    entry: ClassVar[type[ImportedPoint]] = ImportedSample

    @property
    def particles(self) -> int:
        """Most particles a row."""
        return max(entry.particles for entry in self.entries)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The different channels, in the order in which they come."""
        return tuple(dict.fromkeys(entry.channel for entry in self.entries))

    def channel(self, sample: int) -> Channel:
        """The channel of a sample number."""
        return self.entries[sample].channel

    def sample_particles(self, sample: int) -> int:
        """Simulated particles a row of a sample."""
        return self.entries[sample].particles
