"""The header of a sample store: what was simulated, and from it the key of every sample."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np

from propmat.errors import InputError
from propmat.parameters import HELIOSPHERE, ParameterSpace, get_space
from propmat.samples.design import Channel, Design, round_significant
from propmat.samples.imported import IMPORTED, ImportedDesign
from propmat.samples.table import SamplePlan
from propmat.species import FloatArray
from propmat.transfer import TransferGrid

SCHEMA: Final = 1
GRID_LIMIT: Final = 4096
"""Most rows, and most columns, of a grid."""
SHARD_LIMIT: Final = 2**28
"""Most numbers in the histograms of one shard."""
FIELDS: Final = ("simulator", "simulator_version", "model", "grid", "space", "design")
"""What identifies a store; the provenance may differ."""

Model = Mapping[str, float | int | bool | str]


@dataclass(frozen=True, eq=False)
class StoreHeader:
    """What a store holds.

    Attributes:
        simulator: name of the simulator, ``"heliosphere"``; ``"helprop"`` for imported samples.
        simulator_version: its version; samples of two versions never mix.
        model: every constant of the model.
        grid: rows and columns of the histograms.
        space: name of the parameter space the points are drawn from.
        design: points, channels, particles, seeds, shards; or the files that samples were imported from.
        provenance: who made it with what (command, package versions, date); it does not identify the store.

    Raises:
        InputError: an unknown space, or one that is not of the heliosphere; a grid or shard too large.
    """

    simulator: str
    simulator_version: str
    model: Model
    grid: TransferGrid
    space: str
    design: Design | ImportedDesign
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.parameter_space.names != HELIOSPHERE.names:
            raise InputError(f"space = {self.space!r} must have the parameters {', '.join(HELIOSPHERE.names)}.")
        if isinstance(self.design, ImportedDesign):
            self.parameter_space.check(self.design.sample_parameters(self.parameter_space))
        numbers = self.design.shard_size * self.grid.shape[0] * self.grid.shape[1]
        if max(self.grid.shape) > GRID_LIMIT or numbers > SHARD_LIMIT:
            raise InputError(
                f"a grid of {self.grid.shape} with shard_size = {self.design.shard_size} is too large: "
                f"at most {GRID_LIMIT} rows or columns and {SHARD_LIMIT} numbers a shard."
            )

    @property
    def parameter_space(self) -> ParameterSpace:
        """The space of the points."""
        return get_space(self.space)

    @cached_property
    def plan(self) -> SamplePlan:
        """Parameters, channel, seed and key of every sample."""
        design, numbers = self.design, range(self.design.samples)
        seeds = design.seeds()
        parameters = design.sample_parameters(self.parameter_space)
        channels = [design.channel(sample) for sample in numbers]
        particles = [design.sample_particles(sample) for sample in numbers]
        prefix = self._key_prefix()
        keys = [
            self._key(prefix, parameters[sample], channels[sample], particles[sample], int(seeds[sample]))
            for sample in numbers
        ]
        return SamplePlan(
            key=np.array(keys, dtype="U64"),
            parameters=parameters,
            drift_sign=np.array([channel.drift_sign for channel in channels], dtype=np.int8),
            nucleons_per_charge=np.array([channel.nucleons_per_charge for channel in channels]),
            seed=seeds,
            particles=np.array(particles, dtype=np.uint32),
        )

    def shard_plan(self, shard: int) -> SamplePlan:
        """The part of :attr:`plan` in one shard."""
        numbers = self.design.shard_range(shard)
        return self.plan.select(slice(numbers.start, numbers.stop))

    def differences(self, other: StoreHeader) -> tuple[str, ...]:
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
            "model": {key: _rounded(value) for key, value in self.model.items()},
            "grid": {
                "toa": [round_significant(value) for value in self.grid.toa.tolist()],
                "lis_edges": [round_significant(value) for value in self.grid.lis_edges.ravel().tolist()],
            },
            "space": self.space,
            "design": self.design.as_dict(),
        }

    def _key_prefix(self) -> dict[str, object]:
        identity = self.identity()
        prefix = {name: identity[name] for name in ("simulator", "simulator_version", "model")}
        return prefix | {"grid": digest(identity["grid"])}

    def _key(self, prefix: dict[str, object], point: FloatArray, channel: Channel, particles: int, seed: int) -> str:
        return digest(
            prefix
            | {
                "particles": particles,
                "parameters": dict(zip(self.parameter_space.names, point.tolist(), strict=True)),
                "channel": [channel.nucleons_per_charge, channel.drift_sign],
                "seed": seed,
            }
        )

    def to_json(self) -> str:
        """The text of ``store.json``; it carries a checksum of itself."""
        content = {
            "schema": SCHEMA,
            "simulator": self.simulator,
            "simulator_version": self.simulator_version,
            "model": dict(self.model),
            "grid": {"toa": self.grid.toa.tolist(), "lis_edges": self.grid.lis_edges.tolist()},
            "space": self.space,
            "design": self.design.as_dict(),
            "provenance": dict(self.provenance),
        }
        return json.dumps(content | {"sha256": digest(content)}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> StoreHeader:
        """The header of a ``store.json``.

        Raises:
            InputError: not JSON, a wrong checksum, another schema, or fields that make no header.
        """
        content = _parse(text)
        if set(content) != {"schema", "provenance", *FIELDS}:
            raise InputError(f"it has the keys {sorted(content)}")
        model, grid, design, provenance = (content[key] for key in ("model", "grid", "design", "provenance"))
        if not all(isinstance(value, dict) for value in (model, grid, design, provenance)):
            raise InputError("model, grid, design and provenance must be objects")
        if not all(isinstance(content[key], str) for key in ("simulator", "simulator_version", "space")):
            raise InputError("simulator, simulator_version and space must be strings")
        if not all(isinstance(value, float | int | str) for value in model.values()):
            raise InputError("the model must hold numbers, booleans and strings only")
        if set(grid) != {"toa", "lis_edges"}:
            raise InputError("the grid needs toa and lis_edges")
        return cls(
            simulator=content["simulator"],
            simulator_version=content["simulator_version"],
            model=model,
            grid=TransferGrid(_array(grid["toa"]), _array(grid["lis_edges"])),
            space=content["space"],
            design=(ImportedDesign if design.get("kind") == IMPORTED else Design).from_dict(design),
            provenance={str(key): str(value) for key, value in provenance.items()},
        )


def digest(content: object) -> str:
    """sha256 of the canonical JSON of plain values (sorted keys, no spaces, shortest reals)."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _rounded(value: float | int | bool | str) -> float | int | bool | str:
    return round_significant(value) if isinstance(value, float) else value


def _parse(text: str) -> dict[str, Any]:
    """The content of a ``store.json`` less its checksum, which must match."""
    try:
        content = json.loads(text)
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


def _array(values: object) -> FloatArray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        raise InputError("the grid must hold numbers") from None
