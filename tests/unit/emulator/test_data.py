from __future__ import annotations

import numpy as np
import pytest
import torch
from toy_heliosphere import toy_samples

from propmat.emulator.data import Batches, TrainingData, split
from propmat.errors import InputError

TABLE = toy_samples(points=20, particles=50, seed=5)[1]


def test_split_keeps_the_channels_of_a_point_together() -> None:
    training, validation = split(TABLE, 0.25, seed=0)
    assert len(validation) == 2 * 5
    assert len(training) == 2 * 15
    sides = [{tuple(point) for point in side.parameters} for side in (training, validation)]
    assert not sides[0] & sides[1]
    assert set(training.key) | set(validation.key) == set(TABLE.key)


def test_split_depends_on_the_seed_only() -> None:
    first, again, other = (split(TABLE, 0.25, seed)[1].key for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("fraction", "held_out"), [(0.001, 1), (0.999, 19)])
def test_neither_side_is_empty(fraction: float, held_out: int) -> None:
    assert len(split(TABLE, fraction, seed=0)[1]) == 2 * held_out


@pytest.mark.parametrize("fraction", [0.0, 1.0, float("nan")])
def test_fraction_out_of_range(fraction: float) -> None:
    with pytest.raises(InputError, match="validation_fraction"):
        split(TABLE, fraction, seed=0)


def test_one_point_cannot_be_split() -> None:
    with pytest.raises(InputError, match="1 parameter point"):
        split(TABLE.select([0, 1]), 0.5, seed=0)


def test_batches_have_every_sample_once_in_an_order_of_their_seed() -> None:
    data = TrainingData.from_table(TABLE)
    passes = [list(Batches(data, 7, seed)) for seed in (None, 3, 3, 4)]
    orders = [torch.cat([batch.points[:, 0] for batch in batches]) for batches in passes]
    assert all(len(batches) == len(Batches(data, 7)) == 6 for batches in passes)
    assert all(torch.equal(order.sort().values, orders[0].sort().values) for order in orders)
    assert torch.equal(orders[0], data.points[:, 0])
    assert torch.equal(orders[1], orders[2])
    assert not torch.equal(orders[1], orders[3])
