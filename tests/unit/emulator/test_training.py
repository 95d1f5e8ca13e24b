from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback
from toy_heliosphere import SPACE, exact_matrix, toy_config, toy_samples

from propmat.emulator import (
    Emulator,
    ScheduleFreeConfig,
    SGDConfig,
    TrainerConfig,
    load,
    train,
    training,
)
from propmat.emulator.bundle import load_bundle
from propmat.errors import FileError, InputError
from propmat.samples import SampleStore, SampleTable
from propmat.species import SPECIES
from propmat.spectra import proton_lis


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> SampleStore:
    header, table = toy_samples(points=32, particles=100, seed=2)
    store = SampleStore.create(tmp_path_factory.mktemp("samples") / "toy", header)
    for shard in range(header.design.shards):
        numbers = header.design.shard_range(shard)
        store.write_shard(shard, table.select(slice(numbers.start, numbers.stop)))
    return store


def weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(load_bundle(path).weights)


def same(first: Path, second: Path) -> bool:
    one, two = weights(first), weights(second)
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_folded_flux_of_the_trained_emulator_is_that_of_the_exact_matrix(emulator: Emulator) -> None:
    points = SPACE.sobol(64, seed=99)
    weight = emulator.grid.phase_space_lis(proton_lis(), SPECIES["proton"])
    for drift_sign in (1, -1):
        with torch.no_grad():
            matrix = emulator.log_matrix(torch.from_numpy(points), 1.0, drift_sign).exp().numpy()
        exact = np.sum(exact_matrix(points, drift_sign) * weight, axis=-1)
        error = np.abs(np.sum(matrix * weight, axis=-1) / exact - 1.0)
        assert np.median(error) < 0.01
        assert np.quantile(error, 0.95) < 0.05


def test_a_store_becomes_a_bundle_with_its_history(store: SampleStore, tmp_path: Path) -> None:
    config = toy_config(3, 2)
    path = train(config, store.path, tmp_path, progress=False)
    card = load(path).card
    assert card.space == SPACE
    assert card.drift_signs == (1, -1)
    assert card.nucleons_per_charge == (1.0, 1.0)
    assert card.provenance["samples"]["sha256"] == store.digest()
    assert card.provenance["training"]["optimizer"]["sgd"]["epochs"] == 2
    assert card.accuracy["samples"] == 2 * round(config.trainer.validation_fraction * 32)
    with (tmp_path / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "phase", "train_loss", "validation_loss"]
    assert [row["phase"] for row in rows] == ["schedulefree"] * 3 + ["sgd"] * 2
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])


def test_same_seed_same_weights(store: SampleStore, tmp_path: Path) -> None:
    paths = [
        train(toy_config(2, 1, seed), store.path, tmp_path / str(number), progress=False)
        for number, seed in enumerate((0, 0, 1))
    ]
    assert same(paths[0], paths[1])
    assert not same(paths[0], paths[2])


class Stop(Callback):
    """The power fails after an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_epoch_start(self, trainer: object, module: training.Phases) -> None:
        if module.current_epoch == self.epoch:
            raise KeyboardInterrupt


@pytest.mark.parametrize("epoch", [0, 2, 3, 4])
def test_an_interrupted_run_resumes_to_the_same_weights(
    epoch: int, store: SampleStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = toy_config(3, 2)
    whole = train(config, store.path, tmp_path / "whole", progress=False)
    trainer = training.Trainer
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(
            training, "Trainer", lambda callbacks, **rest: trainer(callbacks=[*callbacks, Stop(epoch)], **rest)
        )
        train(config, store.path, tmp_path / "broken", progress=False)
    assert not (tmp_path / "broken" / training.BUNDLE_NAME).exists()
    resumed = train(config, store.path, tmp_path / "broken", resume=True, progress=False)
    assert same(whole, resumed)
    assert (tmp_path / "whole" / "metrics.csv").read_text() == (tmp_path / "broken" / "metrics.csv").read_text()


def test_resuming_a_finished_run_changes_nothing(store: SampleStore, tmp_path: Path) -> None:
    path = train(toy_config(2, 1), store.path, tmp_path, progress=False)
    before = path.read_bytes()
    assert train(toy_config(2, 1), store.path, tmp_path, resume=True, progress=False).read_bytes() == before


def test_refuses_a_folder_that_is_not_empty(store: SampleStore, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="resume=true"):
        train(toy_config(1, 0), store.path, tmp_path, progress=False)
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_refuses_a_file_in_place_of_a_folder(store: SampleStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="file"):
        train(toy_config(1, 0), store.path, tmp_path / "file", progress=False)


def test_refuses_to_resume_another_run(store: SampleStore, tmp_path: Path) -> None:
    train(toy_config(1, 0), store.path, tmp_path, progress=False)
    with pytest.raises(InputError, match="another configuration"):
        train(toy_config(1, 0, seed=5), store.path, tmp_path, resume=True, progress=False)


@pytest.mark.parametrize("damage", [lambda text: text[: len(text) // 2], lambda text: b"", lambda text: b"x" + text])
def test_a_damaged_checkpoint_is_named(store: SampleStore, tmp_path: Path, damage: object) -> None:
    train(toy_config(1, 0), store.path, tmp_path, progress=False)
    checkpoint = tmp_path / training.CHECKPOINT_NAME
    checkpoint.write_bytes(damage(checkpoint.read_bytes()))  # type: ignore[operator]
    with pytest.raises(FileError, match=r"last\.ckpt"):
        train(toy_config(1, 0), store.path, tmp_path, resume=True, progress=False)


def test_both_losses_train(tmp_path: Path) -> None:
    header, table = toy_samples(points=64, particles=500, seed=3)
    for loss in ("multinomial", "log_squared"):
        folder = tmp_path / loss
        folder.mkdir()
        config = toy_config(20, 5, loss=loss)
        path = training.train_on_table(config, table, header.grid, header.parameter_space, folder, progress=False)
        assert all(band["median"] < 0.15 for band in load(path).card.accuracy["bands"])


def test_samples_must_fit_grid_and_space(tmp_path: Path) -> None:
    header, table = toy_samples(points=4, particles=10, seed=0)
    with pytest.raises(InputError, match="grid"):
        training.train_on_table(toy_config(1, 0), table, type(header.grid).default(), SPACE, tmp_path)
    outside = SampleTable(**(vars(table) | {"parameters": table.parameters + 100.0}))
    with pytest.raises(InputError, match="B0"):
        training.train_on_table(toy_config(1, 0), outside, header.grid, SPACE, tmp_path)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        (ScheduleFreeConfig, "lr", 0.0),
        (ScheduleFreeConfig, "epochs", 0),
        (SGDConfig, "momentum", 1.0),
        (SGDConfig, "lr", float("nan")),
        (TrainerConfig, "batch_size", 0),
        (TrainerConfig, "validation_fraction", 1.0),
        (TrainerConfig, "threads", 0),
        (TrainerConfig, "loss", "poisson"),
    ],
)
def test_settings_out_of_range(section: type, key: str, value: object) -> None:
    with pytest.raises(InputError, match=key):
        section(**{key: value})
