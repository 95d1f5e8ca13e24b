"""From a store of single particles to batches of tensors, a few shards in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Final, Self

import numpy as np
import torch
from torch import Tensor

from propmat.errors import FileError, InputError
from propmat.samples import ParticleStore, ParticleTable
from propmat.transfer import TransferGrid

POOL: Final = 2**18
"""Particles that are mixed with each other: whole shards, until they are as many."""


@dataclass(frozen=True)
class ParticleData:
    """Particles that left, as tensors.

    Attributes:
        points: (n, parameter) float32, raw values.
        nucleons_per_charge: (n) float32.
        drift_sign: (n) int8.
        row: (n) float32, the energy at Earth as a number of rows: 2.5 is halfway, in ln T, between rows 2 and 3.
        column: (n) int16, in which the particle left.
    """

    points: Tensor
    nucleons_per_charge: Tensor
    drift_sign: Tensor
    row: Tensor
    column: Tensor

    @classmethod
    def from_table(cls, table: ParticleTable, grid: TransferGrid) -> ParticleData:
        """The particles of a table that left; those at the step cap are in no column, and left out.

        Args:
            table: energies within the rows of the grid.
            grid: columns at the same ln(T_exit/T) in every row. Exit energies beyond it are in its end columns.
        """
        left = ~table.truncated
        energy = np.log(table.kinetic_energy[left].astype(np.float64))
        row = np.interp(energy, np.log(grid.toa), np.arange(grid.toa.size))
        edges = np.log(grid.lis_edges[0] / grid.toa[0])
        column = np.clip(np.searchsorted(edges, table.log_gain[left], side="right") - 1, 0, grid.shape[1] - 1)
        return cls(
            torch.from_numpy(table.parameters[left]),
            torch.from_numpy(table.nucleons_per_charge[left].astype(np.float32)),
            torch.from_numpy(table.drift_sign[left].astype(np.int8)),
            torch.from_numpy(row.astype(np.float32)),
            torch.from_numpy(column.astype(np.int16)),
        )

    @classmethod
    def concatenate(cls, parts: list[ParticleData]) -> ParticleData:
        """All of them in one."""
        return cls(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def to(self, device: torch.device) -> ParticleData:
        """The same on a device."""
        return ParticleData(*(getattr(self, field.name).to(device) for field in fields(self)))

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, index: Tensor) -> ParticleData:
        return ParticleData(*(getattr(self, field.name)[index] for field in fields(self)))


@dataclass(frozen=True)
class ParticleStream:
    """One pass over some shards of a store in batches, read shard by shard.

    With ``order_seed`` the shards come in random order, and particles are mixed with those of about :data:`POOL`
    others. What is left at the end of a pass is no whole batch, and waits for another order in another pass; without
    ``order_seed`` it is the last batch.

    Attributes:
        store: complete.
        shards: which to read.
        grid: see :meth:`ParticleData.from_table`.
        size: particles a batch.
        order_seed: of the order; None: as stored.

    Raises:
        FileError: while reading, a shard that is missing or damaged.
    """

    store: ParticleStore
    shards: range
    grid: TransferGrid
    size: int
    order_seed: int | None = None

    def ordered(self, seed: int) -> Self:
        """The same particles in the random order of a seed."""
        return replace(self, order_seed=seed)

    def __iter__(self) -> Iterator[ParticleData]:
        generator = None if self.order_seed is None else torch.Generator().manual_seed(self.order_seed)
        waiting: list[ParticleData] = []
        whole = False
        for number, shard in enumerate(shards := self._shard_order(generator), start=1):
            waiting.append(ParticleData.from_table(read_shard(self.store, shard), self.grid))
            if sum(map(len, waiting)) < max(POOL, self.size) and number < len(shards):
                continue
            pool = ParticleData.concatenate(waiting)
            order = torch.arange(len(pool)) if generator is None else torch.randperm(len(pool), generator=generator)
            batches = list(torch.split(order, self.size))
            waiting = [pool[batches.pop()]] if len(batches[-1]) < self.size else []
            whole = whole or bool(batches)
            yield from (pool[batch] for batch in batches)
        if waiting and len(waiting[0]) and (generator is None or not whole):
            yield waiting[0]

    def _shard_order(self, generator: torch.Generator | None) -> list[int]:
        if generator is None:
            return list(self.shards)
        return [self.shards[index] for index in torch.randperm(len(self.shards), generator=generator).tolist()]


def read_shard(store: ParticleStore, shard: int) -> ParticleTable:
    """A shard that must be there.

    Raises:
        FileError: it is missing or damaged.
    """
    table = store.read_shard(shard)
    if table is None:
        raise FileError(
            f"{store.path} has no shard {shard} yet; finish it with `{store.header.design.remedy}` and resume=true."
        )
    return table


def split_shards(store: ParticleStore, fraction: float) -> tuple[range, range]:
    """Shards to train on, and the last ones of the store for validation: particles of higher numbers, at other points.

    Args:
        store: of at least two shards.
        fraction: share of the shards for validation, in (0, 1); at least one is on each side.

    Raises:
        InputError: fewer than two shards.
    """
    shards = store.header.design.shards
    if shards < 2:
        raise InputError(
            f"{store.path} is one file, and the last files are held out for validation: make it with a "
            f"samples.shard_size below {store.header.design.samples // 2}."
        )
    held_out = min(max(1, round(fraction * shards)), shards - 1)
    return range(shards - held_out), range(shards - held_out, shards)
