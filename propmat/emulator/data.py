"""From a table of samples to tensors, and the split into training and validation by parameter point."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from propmat.errors import InputError, out_of_range
from propmat.samples import SampleTable


class Samples(Protocol):
    """Samples as tensors, all of them indexed together."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Tensor) -> Self: ...

    def to(self, device: torch.device) -> Self:
        """The same on a device."""


SamplesT = TypeVar("SamplesT", bound=Samples)


@dataclass(frozen=True)
class TrainingData:
    """Samples as tensors.

    Attributes:
        points: (sample, parameter) float64, raw values.
        nucleons_per_charge: (sample) float64.
        drift_sign: (sample) int64.
        counts: (sample, toa, lis) float32, exit histograms.
    """

    points: Tensor
    nucleons_per_charge: Tensor
    drift_sign: Tensor
    counts: Tensor

    @classmethod
    def from_table(cls, table: SampleTable) -> TrainingData:
        """The tensors of a table."""
        return cls(
            torch.from_numpy(np.asarray(table.parameters, dtype=np.float64)),
            torch.from_numpy(np.asarray(table.nucleons_per_charge, dtype=np.float64)),
            torch.from_numpy(np.asarray(table.drift_sign, dtype=np.int64)),
            torch.from_numpy(np.asarray(table.counts, dtype=np.float32)),
        )

    def to(self, device: torch.device) -> TrainingData:
        """The same on a device."""
        return TrainingData(*(getattr(self, field.name).to(device) for field in fields(self)))

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, index: Tensor) -> TrainingData:
        return TrainingData(*(getattr(self, field.name)[index] for field in fields(self)))


@dataclass(frozen=True)
class Batches(Generic[SamplesT]):
    """One pass over the samples in batches, in an order drawn from ``order_seed`` (None: as stored).

    The data fit in memory, so that indexing a tensor is all the loading there is.
    """

    data: SamplesT
    size: int
    order_seed: int | None = None

    def __len__(self) -> int:
        return -(-len(self.data) // self.size)

    def __iter__(self) -> Iterator[SamplesT]:
        order = torch.arange(len(self.data))
        if self.order_seed is not None:
            order = torch.randperm(len(self.data), generator=torch.Generator().manual_seed(self.order_seed))
        for start in range(0, len(order), self.size):
            yield self.data[order[start : start + self.size]]


def split(table: SampleTable, fraction: float, seed: int) -> tuple[SampleTable, SampleTable]:
    """Training and validation tables, divided by parameter point.

    All channels of a point go to the same side: the two drift signs of one point resemble each other, and a
    validation set that shared points with the training set would flatter the emulator.

    Args:
        table: at least two points.
        fraction: share of the points for validation, in (0, 1); at least one point goes to each side.
        seed: of the random choice.

    Raises:
        InputError: a fraction out of range, or fewer than two points.
    """
    if not 0.0 < fraction < 1.0:
        raise out_of_range("validation_fraction", fraction, 0.0, 1.0)
    points, point_of_sample = np.unique(table.parameters, axis=0, return_inverse=True)
    if len(points) < 2:
        raise InputError(f"{len(points)} parameter point(s) cannot be split into training and validation.")
    held_out = min(max(1, round(fraction * len(points))), len(points) - 1)
    chosen = np.random.default_rng(seed).permutation(len(points))[:held_out]
    validation = np.isin(point_of_sample.reshape(-1), chosen)
    return table.select(~validation), table.select(validation)
