"""A look at all particles of a store before the training: is it whole, and what could the network start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from propmat.emulator.data import TrainingData
from propmat.emulator.particle_data import ParticleData, read_shard
from propmat.parameters import ParameterSpace
from propmat.samples import ParticleStore
from propmat.species import FloatArray
from propmat.transfer import TransferGrid

PARTS: Final = (2, 8)
"""Into how many parts the unit cube is cut along a parameter: a linear one, a logarithmic one."""
SURVEYED: Final = 2**21
"""Particles in the histograms at most: the first of the store."""


@dataclass(frozen=True)
class Survey:
    """What was found.

    Attributes:
        histograms: of the particles to train on, one a drift sign and cell of the parameter space that has any; an
            energy counts for the nearest row. The point of a cell is the mean of its particles.
        truncated: particles at the step cap.
    """

    histograms: TrainingData
    truncated: int


def survey(store: ParticleStore, training: range, grid: TransferGrid) -> Survey:
    """Read all of a store once; ``training`` are the shards that the histograms are of.

    Raises:
        FileError: a shard is missing or damaged.
    """
    space = store.header.parameter_space
    signs = (1, -1)
    shape = (len(signs), number_of_cells(space), *grid.shape)
    counts = np.zeros(shape, dtype=np.float32)
    points = np.zeros((*shape[:2], len(space.names)))
    truncated = seen = 0
    for shard in range(store.header.design.shards):
        table = read_shard(store, shard)
        truncated += int(table.truncated.sum())
        if shard in training and seen < SURVEYED:
            seen += len(table)
            data = ParticleData.from_table(table, grid)
            where = (data.points.double().numpy(), (data.drift_sign.numpy() < 0).astype(np.int64))
            cell = cells(space, where[0])
            row = np.rint(data.row.numpy()).astype(np.int64)
            np.add.at(counts, (where[1], cell, row, data.column.numpy()), 1.0)
            np.add.at(points, (where[1], cell), where[0])
    number = counts.sum(axis=(2, 3))
    channel, cell = np.nonzero(number)
    mean = points[channel, cell] / number[channel, cell][:, None]
    histograms = TrainingData(
        torch.from_numpy(mean),
        torch.ones(len(channel), dtype=torch.float64),
        torch.tensor(signs)[torch.from_numpy(channel)],
        torch.from_numpy(counts[channel, cell]),
    )
    return Survey(histograms, truncated)


def number_of_cells(space: ParameterSpace) -> int:
    """Of a parameter space."""
    return int(np.prod(_parts(space)))


def cells(space: ParameterSpace, points: FloatArray) -> NDArray[np.int64]:
    """(n,) in which cell of the space each point (n, parameter) is; equal shares of the points of a design."""
    parts = _parts(space)
    index = np.clip((space.to_unit(points) * parts).astype(np.int64), 0, np.array(parts) - 1)
    numbers: NDArray[np.int64] = np.ravel_multi_index(tuple(index.T), parts).astype(np.int64)
    return numbers


def _parts(space: ParameterSpace) -> tuple[int, ...]:
    return tuple(PARTS[parameter.logarithmic] for parameter in space.parameters)
