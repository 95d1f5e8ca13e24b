from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback
from toy_heliosphere import SPACE, exact_matrix
from toy_particles import toy_store, toy_training

from propmat.emulator import ParticleTrainerConfig, load, train_particles, training
from propmat.emulator.bundle import load_bundle
from propmat.errors import InputError, TruncationWarning
from propmat.samples import ParticleStore
from propmat.species import SPECIES
from propmat.spectra import proton_lis

pytestmark = pytest.mark.filterwarnings("ignore::propmat.errors.TruncationWarning")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ParticleStore:
    return toy_store(tmp_path_factory.mktemp("particles") / "toy", 6000, 1000)


def same(first: Path, second: Path) -> bool:
    one, two = load_bundle(first).weights, load_bundle(second).weights
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_folded_flux_is_that_of_the_exact_matrix(tmp_path: Path) -> None:
    """65 000 particles, each at a point and energy of its own, give the flux at every point."""
    many = toy_store(tmp_path / "toy", 2**16, 2**13)
    config = toy_training(6, 2, rows=8, row_smoothing=0.5, batch_size=1024)
    emulator = load(train_particles(config, many.path, tmp_path / "run", progress=False))
    points = SPACE.sobol(64, seed=99)
    weight = emulator.grid.phase_space_lis(proton_lis(), SPECIES["proton"])
    for drift_sign in (1, -1):
        with torch.no_grad():
            matrix = emulator.log_matrix(torch.from_numpy(points), 1.0, drift_sign).exp().numpy()
        exact = np.sum(exact_matrix(points, drift_sign, emulator.grid) * weight, axis=-1)
        error = np.abs(np.sum(matrix * weight, axis=-1) / exact - 1.0)
        assert np.median(error) < 0.015
        assert np.quantile(error, 0.75) < 0.06


def test_the_card_says_what_it_learned_from(store: ParticleStore, tmp_path: Path) -> None:
    with pytest.warns(TruncationWarning, match="12 of 6000"):
        card = load(train_particles(toy_training(2, 1, rows=12), store.path, tmp_path, progress=False)).card
    assert card.space == SPACE
    assert card.drift_signs == (1, -1)
    assert card.nucleons_per_charge == (1.0, 1.0)
    samples = card.provenance["samples"]
    assert (samples["sha256"], samples["number"], samples["truncated"]) == (store.digest(), 6000, 12)
    assert card.provenance["training"]["trainer"]["rows"] == 12
    assert not card.accuracy
    grid = load_bundle(tmp_path / training.BUNDLE_NAME).grid
    assert grid.toa[[0, -1]] == pytest.approx([0.08, 50.0])
    assert grid.toa.size == 12


class Stop(Callback):
    """The power fails after an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_epoch_start(self, trainer: object, module: training.PhasedTraining) -> None:
        if module.current_epoch == self.epoch:
            raise KeyboardInterrupt


@pytest.mark.parametrize("epoch", [1, 2])
def test_an_interrupted_run_resumes_to_the_same_weights(
    epoch: int, store: ParticleStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = toy_training(2, 1)
    whole = train_particles(config, store.path, tmp_path / "whole", progress=False)
    trainer = training.Trainer
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(
            training, "Trainer", lambda callbacks, **rest: trainer(callbacks=[*callbacks, Stop(epoch)], **rest)
        )
        train_particles(config, store.path, tmp_path / "broken", progress=False)
    resumed = train_particles(config, store.path, tmp_path / "broken", resume=True, progress=False)
    assert same(whole, resumed)
    metrics = [(tmp_path / run / "metrics.csv").read_text() for run in ("whole", "broken")]
    assert metrics[0] == metrics[1] and len(metrics[0].splitlines()) == 4


def test_another_seed_gives_other_weights(store: ParticleStore, tmp_path: Path) -> None:
    runs = [
        train_particles(toy_training(1, 0, seed=seed), store.path, tmp_path / str(seed), progress=False)
        for seed in (0, 1)
    ]
    assert not same(*runs)


def test_refuses_to_resume_with_other_particles(store: ParticleStore, tmp_path: Path) -> None:
    train_particles(toy_training(1, 0), store.path, tmp_path / "run", progress=False)
    other = toy_store(tmp_path / "other", 6000, 1000, start=6000)
    with pytest.raises(InputError, match="other samples"):
        train_particles(toy_training(1, 0), other.path, tmp_path / "run", resume=True, progress=False)


@pytest.mark.parametrize(
    ("key", "value"), [("batch_size", 0), ("validation_fraction", 1.0), ("rows", 3), ("row_smoothing", -1.0)]
)
def test_settings_out_of_range(key: str, value: object) -> None:
    with pytest.raises(InputError, match=key):
        ParticleTrainerConfig(**{key: value})  # type: ignore[arg-type]
