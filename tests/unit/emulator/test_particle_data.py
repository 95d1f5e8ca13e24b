from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from toy_particles import toy_store

from propmat.emulator import particle_data
from propmat.emulator.particle_data import ParticleData, ParticleStream, split_shards
from propmat.emulator.particle_survey import cells, number_of_cells, survey
from propmat.errors import FileError, InputError
from propmat.parameters import HELIOSPHERE
from propmat.samples import ParticleStore
from propmat.transfer import TransferGrid

GRID = TransferGrid.default()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ParticleStore:
    return toy_store(tmp_path_factory.mktemp("particles") / "toy", 1000, 160)


@pytest.fixture(autouse=True)
def small_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(particle_data, "POOL", 300)


def rows(batches: list[ParticleData]) -> list[float]:
    """What tells particles apart: energies and points, as one number each."""
    return [value for batch in batches for value in (batch.row + 1000.0 * batch.drift_sign).tolist()]


def test_rows_and_columns_are_where_the_particles_are(store: ParticleStore) -> None:
    table = store.read()
    data = ParticleData.from_table(table, GRID)
    left = ~table.truncated
    assert len(data) == np.count_nonzero(left) == 998
    energy = np.exp(np.interp(data.row.double().numpy(), np.arange(28), np.log(GRID.toa)))
    assert np.allclose(energy, table.kinetic_energy[left], rtol=1e-5)
    edges = GRID.lis_edges[0] / GRID.toa[0]
    gain, column = np.exp(table.log_gain[left]), data.column.numpy()
    inside = (gain >= edges[0]) & (gain < edges[-1])
    assert np.all(edges[column[inside]] <= gain[inside] * (1 + 1e-12))
    assert np.all(gain[inside] <= edges[column[inside] + 1] * (1 + 1e-12))
    assert set(column[~inside]) <= {0, GRID.shape[1] - 1}


def test_a_pass_gives_every_particle_once(store: ParticleStore) -> None:
    stream = ParticleStream(store, range(5), GRID, 64)
    stored = rows(list(stream))
    everything = ParticleData.concatenate(
        [ParticleData.from_table(particle_data.read_shard(store, shard), GRID) for shard in range(5)]
    )
    assert stored == rows([everything])
    for seed in range(3):
        batches = list(stream.ordered(seed))
        assert {len(batch) for batch in batches} == {64}
        assert len(batches) == len(everything) // 64
        mixed = rows(batches)
        assert len(set(mixed)) == len(mixed) and set(mixed) <= set(stored) and mixed != stored[: len(mixed)]


def test_the_order_is_that_of_the_seed(store: ParticleStore) -> None:
    stream = ParticleStream(store, range(4), GRID, 50)
    assert rows(list(stream.ordered(1))) == rows(list(stream.ordered(1)))
    assert rows(list(stream.ordered(1))) != rows(list(stream.ordered(2)))


def test_a_batch_larger_than_the_store_is_all_of_it(store: ParticleStore) -> None:
    (batch,) = ParticleStream(store, range(7), GRID, 10**6).ordered(0)
    assert len(batch) == 998


def test_the_last_files_are_held_out(store: ParticleStore, tmp_path: Path) -> None:
    assert split_shards(store, 0.3) == (range(5), range(5, 7))
    assert split_shards(store, 0.001) == (range(6), range(6, 7))
    assert split_shards(store, 0.99) == (range(1), range(1, 7))
    with pytest.raises(InputError, match="shard_size"):
        split_shards(toy_store(tmp_path / "one", 10, 10), 0.5)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "toy", 30, 10)
    store.shard_path(1).unlink()
    with pytest.raises(FileError, match="shard 1 yet"):
        list(ParticleStream(store, range(3), GRID, 8))
    with pytest.raises(FileError, match="shard 1 yet"):
        survey(store, range(2), GRID)


def test_a_survey_counts_the_particles_to_train_on(store: ParticleStore) -> None:
    found = survey(store, range(4), GRID)
    assert found.truncated == np.count_nonzero(store.read().truncated) == 2
    assert int(found.histograms.counts.sum()) == 640 - 1
    for sign in (1, -1):
        assert int(found.histograms.counts[found.histograms.drift_sign == sign].sum()) in range(310, 330)
    HELIOSPHERE.check(found.histograms.points.numpy())


def test_cells_share_the_points_evenly() -> None:
    points = HELIOSPHERE.sobol(2**12, seed=3)
    number = np.bincount(cells(HELIOSPHERE, points), minlength=number_of_cells(HELIOSPHERE))
    assert number_of_cells(HELIOSPHERE) == 128
    assert number.min() >= 28 and number.max() <= 36
    corners = HELIOSPHERE.from_unit(np.array([np.zeros(5), np.ones(5)]))
    assert cells(HELIOSPHERE, corners).tolist() == [0, 127]


def test_tensors_stay_together() -> None:
    data = ParticleData(*(torch.arange(4.0) + 10 * k for k in range(5)))
    assert [float(v) for v in vars(data[torch.tensor([2])]).values()] == [2.0, 12.0, 22.0, 32.0, 42.0]
