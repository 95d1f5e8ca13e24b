"""The header of a sample store: what was simulated, and which datasets its shards have."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from propmat.errors import InputError
from propmat.parameters import ParameterSpace, get_space
from propmat.samples.design import Sharded, round_significant
from propmat.samples.imported import Imported
from propmat.samples.listed import ListedPoints
from propmat.samples.table import Table
from propmat.species import FloatArray

SCHEMA: Final = 1
HISTOGRAMS: Final = "histograms"
"""``content`` of a store whose header does not say: those of the heliosphere."""
GRID_LIMIT: Final = 4096
"""Most rows, and most columns, of a grid."""
SHARD_LIMIT: Final = 2**28
"""Most numbers in the largest dataset of one shard."""
FIELDS: Final = ("simulator", "simulator_version", "model", "grid", "space", "design")
"""What identifies a store; the provenance may differ."""

Model = Mapping[str, float | int | bool | str]
Columns = Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]
"""Type and shape on disk of every dataset of a shard."""
TableT = TypeVar("TableT", bound=Table)


@dataclass(frozen=True, eq=False)
class Header(ABC, Generic[TableT]):
    """What a store holds.

    Attributes:
        simulator: name of the simulator.
        simulator_version: its version; samples of two versions never mix.
        model: every constant of the model.
        grid: the axes of the results.
        space: name of the parameter space the points are drawn from.
        design: points, seeds, shards; or the files that samples were imported from.
        provenance: who made it with what (command, package versions, date); it does not identify the store.

    Raises:
        InputError: an unknown space, or one that is not this simulator's; imported or listed points outside it;
            shards too large.
    """

    content: ClassVar[str]
    """What the samples are, in ``store.json``."""
    described: ClassVar[str]
    """The same in words."""
    parameter_names: ClassVar[tuple[str, ...]]

    simulator: str
    simulator_version: str
    model: Model
    grid: Any
    space: str
    design: Sharded
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.parameter_space.names != self.parameter_names:
            raise InputError(f"space = {self.space!r} must have the parameters {', '.join(self.parameter_names)}.")
        if isinstance(self.design, Imported | ListedPoints):
            self.parameter_space.check(self.design.sample_parameters(self.parameter_space))
        for name, (_, shape) in self.columns(self.design.shard_size).items():
            if max(shape[1:], default=0) > GRID_LIMIT or np.prod(shape, dtype=np.float64) > SHARD_LIMIT:
                raise InputError(
                    f"{name} of {shape[1:]} with shard_size = {self.design.shard_size} is too large: "
                    f"at most {GRID_LIMIT} rows or columns and {SHARD_LIMIT} numbers a shard."
                )

    @abstractmethod
    def columns(self, samples: int) -> Columns:
        """The datasets of a shard of ``samples`` samples, in their order on disk."""

    @abstractmethod
    def pack(self, shard: int, table: TableT) -> Mapping[str, NDArray[Any]]:
        """The datasets of a shard (InputError if the table is not the samples planned for it)."""

    @abstractmethod
    def unpack(self, shard: int, columns: Mapping[str, NDArray[Any]]) -> TableT:
        """The inverse of :meth:`pack`, of datasets that have the types and shapes of :meth:`columns`."""

    @abstractmethod
    def grid_values(self) -> dict[str, object]:
        """The grid as plain values for JSON."""

    def grid_identity(self) -> dict[str, object]:
        """:meth:`grid_values`, reals to nine significant digits."""
        return {key: rounded(value) for key, value in self.grid_values().items()}

    @classmethod
    @abstractmethod
    def from_parts(cls, grid: Mapping[str, Any], design: Mapping[str, Any], **rest: Any) -> Self:
        """A header from plain values of grid and design, and the other attributes (InputError if they make none)."""

    @property
    def parameter_space(self) -> ParameterSpace:
        """The space of the points."""
        return get_space(self.space)

    def differences(self, other: Header[Any]) -> tuple[str, ...]:
        """Names of the identifying fields in which two stores differ; nested ones as ``design.count``."""
        mine, theirs = self.identity(), other.identity()
        names: list[str] = []
        for name in FIELDS:
            first, second = mine[name], theirs[name]
            if isinstance(first, dict) and isinstance(second, dict) and name != "grid":
                names += [f"{name}.{key}" for key in sorted({*first, *second}) if first.get(key) != second.get(key)]
            elif first != second:
                names.append(name)
        return tuple(names)

    def identity(self) -> dict[str, object]:
        """The identifying fields as plain values, reals to nine significant digits."""
        return {
            "simulator": self.simulator,
            "simulator_version": self.simulator_version,
            "model": {key: rounded(value) for key, value in self.model.items()},
            "grid": self.grid_identity(),
            "space": self.space,
            "design": self.design.as_dict(),
        }

    def to_json(self) -> str:
        """The text of ``store.json``; it carries a checksum of itself."""
        content = self.values()
        return json.dumps(content | {"sha256": digest(content)}, allow_nan=False)

    def values(self) -> dict[str, object]:
        """The content of ``store.json`` less its checksum: what :meth:`from_values` takes."""
        return {
            "schema": SCHEMA,
            **({} if self.content == HISTOGRAMS else {"content": self.content}),
            "simulator": self.simulator,
            "simulator_version": self.simulator_version,
            "model": dict(self.model),
            "grid": self.grid_values(),
            "space": self.space,
            "design": self.design.as_dict(),
            "provenance": dict(self.provenance),
        }

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The header of the text of a ``store.json``.

        Raises:
            InputError: not JSON, a wrong checksum, another schema or content, or fields that make no header.
        """
        return cls.from_values(parse(text))

    @classmethod
    def from_values(cls, content: dict[str, Any]) -> Self:
        """The header of what :func:`parse` returned.

        Raises:
            InputError: another content, or fields that make no header.
        """
        if content.pop("content", HISTOGRAMS) != cls.content:
            raise InputError(f"it is not a header of {cls.described}")
        if set(content) != {"schema", "provenance", *FIELDS}:
            raise InputError(f"it has the keys {sorted(content)}")
        model, grid, design, provenance = (content[key] for key in ("model", "grid", "design", "provenance"))
        if not all(isinstance(value, dict) for value in (model, grid, design, provenance)):
            raise InputError("model, grid, design and provenance must be objects")
        if not all(isinstance(content[key], str) for key in ("simulator", "simulator_version", "space")):
            raise InputError("simulator, simulator_version and space must be strings")
        if not all(isinstance(value, float | int | str) for value in model.values()):
            raise InputError("the model must hold numbers, booleans and strings only")
        return cls.from_parts(
            grid,
            design,
            simulator=content["simulator"],
            simulator_version=content["simulator_version"],
            model=model,
            space=content["space"],
            provenance={str(key): str(value) for key, value in provenance.items()},
        )


def digest(content: object) -> str:
    """sha256 of the canonical JSON of plain values (sorted keys, no spaces, shortest reals)."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def parse(text: str) -> dict[str, Any]:
    """The content of a ``store.json`` less its checksum, which must match."""
    try:
        content = json.loads(text)
        if "\\ud" in text.lower():  # half of a pair of UTF-16 codes is no character: nobody could print it
            json.dumps(content, ensure_ascii=False).encode()
        if not isinstance(content, dict):
            raise InputError("it is not a JSON object")
        if content.get("schema") != SCHEMA:
            raise InputError(f"its schema is {content.get('schema')!r}, this version of propmat reads {SCHEMA}")
        checksum = content.pop("sha256", None)
        if checksum != digest(content):
            raise InputError("its checksum does not match its content")
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"it is not JSON ({error})") from None
    return content


def float_array(values: object) -> FloatArray:
    """Numbers of JSON (InputError if they are none)."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        raise InputError("the grid must hold numbers") from None


def rounded(value: Any) -> Any:
    """A plain value or a list of them, reals to nine significant digits."""
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round_significant(value) if isinstance(value, float) else value
