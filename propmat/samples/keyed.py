"""Headers of stores whose samples each have a key: histograms of the heliosphere, spectra of the Galaxy."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from propmat.errors import InputError
from propmat.samples.header import Header, digest
from propmat.samples.table import SamplePlan
from propmat.species import FloatArray

PlannedT = TypeVar("PlannedT", bound=SamplePlan)


@dataclass(frozen=True, eq=False)
class KeyedHeader(Header[PlannedT]):
    """A store that keeps the parameters, seed and key of every sample beside its results."""

    @property
    @abstractmethod
    def plan(self) -> SamplePlan:
        """What identifies every sample."""

    @abstractmethod
    def table(self, columns: Mapping[str, NDArray[Any]]) -> PlannedT:
        """The samples in the datasets of :meth:`columns` (InputError if they make none)."""

    def shard_plan(self, shard: int) -> SamplePlan:
        """The part of :attr:`plan` in one shard."""
        numbers = self.design.shard_range(shard)
        return self.plan.select(slice(numbers.start, numbers.stop))

    def keys(
        self, parameters: FloatArray, seeds: NDArray[np.uint64], own: Sequence[Mapping[str, object]]
    ) -> NDArray[np.str_]:
        """(sample,) keys: hashes of simulator, version, model, grid, parameters, seed, and each sample's ``own``."""
        identity = self.identity()
        prefix = {name: identity[name] for name in ("simulator", "simulator_version", "model")}
        prefix["grid"] = digest(identity["grid"])
        names = self.parameter_space.names
        rows = zip(parameters.tolist(), seeds.tolist(), own, strict=True)
        keys = [
            digest(prefix | {"parameters": dict(zip(names, point, strict=True)), "seed": seed} | dict(more))
            for point, seed, more in rows
        ]
        return np.array(keys, dtype="U64")

    def pack(self, shard: int, table: PlannedT) -> Mapping[str, NDArray[Any]]:
        """The datasets of a shard (InputError if the table is not the samples planned for it)."""
        self._check_plan(shard, table)
        return {name: getattr(table, name).astype(dtype) for name, (dtype, _) in self.columns(len(table)).items()}

    def unpack(self, shard: int, columns: Mapping[str, NDArray[Any]]) -> PlannedT:
        """The inverse of :meth:`pack`, of datasets that have the types and shapes of :meth:`columns`."""
        try:
            key = np.char.decode(columns["key"], "ascii")
        except UnicodeDecodeError:
            raise InputError("its key is not ASCII") from None
        table = self.table({**columns, "key": key})
        self._check_plan(shard, table)
        return table

    def _check_plan(self, shard: int, table: SamplePlan) -> None:
        """Raise InputError unless the table is the planned samples of this shard, on the grid of the store."""
        plan = self.shard_plan(shard)
        for name, (_, shape) in self.columns(len(plan)).items():
            if (found := getattr(table, name).shape) != shape:
                raise InputError(f"shard {shard} has {len(plan)} samples and {name} of shape {shape}, not {found}")
        for item in fields(plan):
            if not np.array_equal(getattr(table, item.name), getattr(plan, item.name)):
                raise InputError(f"its {item.name} is not what the store's design has for shard {shard}")
