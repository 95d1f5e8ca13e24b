"""The traps of AdamWScheduleFree: which weights are validated, saved and handed over."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from toy_heliosphere import GRID, SPACE, toy_config, toy_samples

from propmat.emulator.bundle import Card
from propmat.emulator.data import TrainingData, split
from propmat.emulator.phases import Phases
from propmat.emulator.training import initial_network

EPOCHS, REFINEMENT, BEST = 3, 2, 1
Weights = dict[str, torch.Tensor]


class Spy(Callback):
    """Averages the z sequence of AdamWScheduleFree by hand and notes the weights seen at each moment.

    Makes the module believe that no epoch after BEST is better, so that best and last weights differ.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mean: Weights = {}
        self.steps = 0
        self.averaged: list[Weights] = []
        self.validated: list[Weights] = []
        self.started: list[Weights] = []
        self.saved: list[Weights] = []

    def on_train_batch_start(self, trainer: Trainer, module: Phases, batch: TrainingData, index: int) -> None:
        if index == 0:
            self.started.append(weights(module))

    def on_train_batch_end(self, trainer: Trainer, module: Phases, out: object, batch: object, index: int) -> None:
        if module.refining:
            return
        self.steps += 1
        state = module._raw_optimizers()[0].state
        for name, weight in module.network.named_parameters():
            z = state[weight]["z"].double()
            self.mean[name] = self.mean.get(name, 0.0 * z) * (1 - 1 / self.steps) + z / self.steps

    def on_validation_batch_start(self, trainer: Trainer, module: Phases, batch: object, index: int) -> None:
        if index == 0:
            self.validated.append(weights(module))
            self.averaged.append({name: value.clone() for name, value in self.mean.items()})

    def on_train_epoch_end(self, trainer: Trainer, module: Phases) -> None:
        if module.current_epoch == BEST:
            module._best_loss = -1.0
        path = self.folder / "epoch.ckpt"
        trainer.save_checkpoint(path)
        state = torch.load(path, weights_only=True)["state_dict"]
        self.saved.append({name.removeprefix("network."): value for name, value in state.items()})


def weights(module: Phases) -> Weights:
    return {name: weight.detach().clone() for name, weight in module.network.named_parameters()}


def equal(first: Weights, second: Weights) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Phases, Spy]:
    """A run without warm-up, in which the averaged weights are the plain mean of the z sequence."""
    _, table = toy_samples(points=64, particles=100, seed=2)
    config = toy_config(EPOCHS, REFINEMENT)
    object.__setattr__(config.optimizer.schedulefree, "warmup_steps", 0)
    training, validation = (TrainingData.from_table(side) for side in split(table, 0.2, 0))
    network = initial_network(Card(SPACE, config.emulator, (1, -1), (1.0, 1.0)), GRID, training, 0)
    module, spy = Phases(config, network, training, validation), Spy(tmp_path_factory.mktemp("spy"))
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=config.epochs,
        callbacks=[spy],
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module)
    return module, spy


def test_validation_sees_the_averaged_weights(run: tuple[Phases, Spy]) -> None:
    _, spy = run
    assert len(spy.averaged) == EPOCHS + REFINEMENT
    for averaged, validated in zip(spy.averaged[:EPOCHS], spy.validated, strict=False):
        for name, value in averaged.items():
            torch.testing.assert_close(validated[name].double(), value, atol=2e-6, rtol=1e-4)


def test_training_resumes_from_other_weights_than_the_averaged(run: tuple[Phases, Spy]) -> None:
    _, spy = run
    for epoch in range(1, EPOCHS):
        assert not equal(spy.started[epoch], spy.validated[epoch - 1])


def test_checkpoints_hold_the_validated_weights(run: tuple[Phases, Spy]) -> None:
    _, spy = run
    assert all(equal(saved, validated) for saved, validated in zip(spy.saved, spy.validated, strict=True))


def test_sgd_starts_from_the_best_averaged_weights(run: tuple[Phases, Spy]) -> None:
    _, spy = run
    assert equal(spy.started[EPOCHS], spy.validated[BEST])
    assert not equal(spy.started[EPOCHS], spy.validated[EPOCHS - 1])


def test_sgd_continues_from_its_own_weights(run: tuple[Phases, Spy]) -> None:
    _, spy = run
    assert equal(spy.started[EPOCHS + 1], spy.validated[EPOCHS])
    assert not equal(spy.started[EPOCHS + 1], spy.started[EPOCHS])


def test_history_and_best_weights(run: tuple[Phases, Spy]) -> None:
    module, spy = run
    assert [(epoch, phase) for epoch, phase, _, _ in module.history] == [
        *((epoch, "schedulefree") for epoch in range(EPOCHS)),
        *((epoch, "sgd") for epoch in range(EPOCHS, EPOCHS + REFINEMENT)),
    ]
    best = spy.validated[BEST]
    assert equal({name: module.best_weights[name] for name in best}, best)
