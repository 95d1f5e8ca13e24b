"""Training: from a sample store to a bundle, in a run folder that can be resumed."""

from __future__ import annotations

import csv
import hashlib
import importlib.metadata
import io
import logging
import os
import warnings
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from rich.progress import Progress
from torch import Tensor

import propmat
from propmat.emulator.bundle import Bundle, Card, save_bundle
from propmat.emulator.config import TrainingConfig
from propmat.emulator.data import TrainingData, split
from propmat.emulator.inference import Emulator
from propmat.emulator.losses import smoothed_log_target
from propmat.emulator.metrics import folded_errors, summarise
from propmat.emulator.network import PropMatNetwork, Synthesis, plain_weights, smooth_matrices
from propmat.emulator.phases import PhasedTraining, Phases
from propmat.errors import FileError, InputError
from propmat.parameters import ParameterSpace
from propmat.progress import progress_bar
from propmat.samples import SampleStore, SampleTable
from propmat.samples.files import prepare_folder, write_atomic
from propmat.transfer import TransferGrid

BUNDLE_NAME: Final = "emulator.safetensors"
METRICS_NAME: Final = "metrics.csv"
CHECKPOINT_NAME: Final = "last.ckpt"
PACKAGES: Final = ("torch", "lightning", "schedulefree", "numpy")


def train(config: TrainingConfig, store: Path, out: Path, *, resume: bool = False, progress: bool = True) -> Path:
    """Train an emulator on a sample store.

    ``out`` receives the bundle, ``metrics.csv`` (epoch, phase, train_loss, validation_loss) and the private
    ``last.ckpt``, from which ``resume`` continues; a resumed run ends with the weights of an unbroken one.

    Args:
        config: what to train and how.
        store: folder of the samples.
        out: new or empty folder, or that of the run to resume.
        resume: continue the run in ``out``.
        progress: show a bar with the remaining time on stderr.

    Returns:
        Path of the bundle: the weights of lowest validation loss, with their accuracy on the held-out points.

    Raises:
        InputError: a non-empty ``out`` without ``resume``, or a run of another configuration to resume.
        FileError: a damaged store or checkpoint, or an unwritable ``out``.
    """
    prepare_folder(out, resume=resume)
    samples = SampleStore.open(store)
    header, table = samples.header, samples.read()
    origin = {
        "sha256": samples.digest(),
        "simulator": header.simulator,
        "simulator_version": header.simulator_version,
        "model": dict(header.model),
        "design": header.design.summary(),
    }
    return train_on_table(
        config, table, header.grid, header.parameter_space, out, origin=origin, resume=resume, progress=progress
    )


def train_on_table(
    config: TrainingConfig,
    table: SampleTable,
    grid: TransferGrid,
    space: ParameterSpace,
    out: Path,
    *,
    origin: Mapping[str, Any] | None = None,
    resume: bool = False,
    progress: bool = True,
) -> Path:
    """:func:`train` on samples in memory; ``origin`` says in JSON who made them."""
    torch.set_num_threads(config.trainer.threads)
    if table.counts.shape[1:] != grid.shape:
        raise InputError(f"samples of shape {table.counts.shape} do not fit a grid of {grid.shape}.")
    space.check(table.parameters)
    if np.any(table.nucleons_per_charge <= 0.0):
        raise InputError("the samples hold leptons; an emulator learns nuclei, by their A/|Z|.")
    training, validation = split(table, config.trainer.validation_fraction, config.trainer.seed)
    ratios = table.nucleons_per_charge
    provenance = {
        "samples": {"number": len(table), **(origin or {})},
        "training": asdict(config),
        "packages": {"propmat": propmat.__version__} | {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    card = Card(
        space=space,
        network=config.emulator,
        drift_signs=tuple(sorted({int(sign) for sign in table.drift_sign}, reverse=True)),
        nucleons_per_charge=(float(ratios.min()), float(ratios.max())),
        provenance=provenance,
    )
    training_data = TrainingData.from_table(training)
    network = initial_network(card, grid, training_data, config.trainer.seed)
    smooth_matrices(network, config.trainer.row_smoothing, config.trainer.column_smoothing)
    identity = hashlib.sha256(card.to_json().encode()).hexdigest()
    module = Phases(config, network, training_data, TrainingData.from_table(validation), identity)
    fit_phases(module, out, resume=resume, progress=progress)

    network.load_state_dict(module.best_weights)
    bundle = Bundle(card, grid, plain_weights(network))
    accuracy = summarise(folded_errors(Emulator(bundle), validation, grid)).as_dict()
    save_bundle(out / BUNDLE_NAME, replace(bundle, card=replace(card, accuracy=accuracy)))
    return out / BUNDLE_NAME


def initial_network(card: Card, grid: TransferGrid, data: TrainingData, seed: int) -> PropMatNetwork:
    """A network that starts from the training samples.

    The encoder has seeded random weights. The mean matrix is the mean smoothed ln histogram of each drift sign, the
    basis matrices are its principal components, scaled by their standard deviations; training moves both.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = PropMatNetwork(card.network, card.space, grid.shape, card.drift_signs)
        for sign, synthesis in zip(network.drift_signs, network.synthesis, strict=True):
            counts = data.counts[data.drift_sign == sign]
            if len(counts) == 0:
                raise InputError(f"no training samples of drift sign {sign:+d}.")
            _start_from(cast(Synthesis, synthesis), smoothed_log_target(counts))
    return network


@torch.no_grad()
def _start_from(synthesis: Synthesis, log_matrices: Tensor) -> None:
    """Set mean and principal components of (sample, toa, lis); bases beyond their number stay random."""
    mean = log_matrices.mean(dim=0)
    deviation = (log_matrices - mean).flatten(1)
    number = min(len(synthesis.basis), *deviation.shape)
    _, scale, components = torch.svd_lowrank(deviation, q=number)
    synthesis.mean.copy_(mean)
    synthesis.basis[:number] = (components * scale).T.reshape(number, *mean.shape) / len(deviation) ** 0.5


class Recorder(Callback):
    """After each epoch: metrics.csv and checkpoint, each replaced atomically, and the progress bar."""

    def __init__(self, out: Path, bar: Progress) -> None:
        self._out = out
        self._bar = bar
        self._task = bar.add_task("train")

    def on_train_epoch_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Tell the bar where a resumed run stands."""
        self._bar.update(self._task, total=trainer.max_epochs, completed=trainer.current_epoch)

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Write both files; the optimizer is in evaluation mode since the validation."""
        history = cast(PhasedTraining[Any], module).history
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("epoch", "phase", "train_loss", "validation_loss"))
        writer.writerows(history)
        write_atomic(self._out / METRICS_NAME, text.getvalue().encode())
        temporary = self._out / f".{CHECKPOINT_NAME}"
        try:
            trainer.save_checkpoint(temporary)
            os.replace(temporary, self._out / CHECKPOINT_NAME)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
            raise FileError(f"{self._out / CHECKPOINT_NAME} cannot be written: {error}") from error
        _, phase, _, validation = history[-1]
        self._bar.update(self._task, advance=1, description=f"train ({phase}), validation loss {validation:.4f}")


def fit_phases(module: PhasedTraining[Any], out: Path, *, resume: bool, progress: bool) -> None:
    """Run, or finish, both phases."""
    checkpoint = out / CHECKPOINT_NAME
    known = resume and checkpoint.exists()
    if known:
        _check_checkpoint(checkpoint, module.identity)
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings(), progress_bar(show=progress) as bar:
        warnings.simplefilter("ignore")
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=module.config.epochs,
            callbacks=[Recorder(out, bar)],
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        try:
            trainer.fit(module, ckpt_path=checkpoint if known else None, weights_only=True)
        except SystemExit as stop:
            if isinstance(stop.__context__, KeyboardInterrupt):  # Lightning turns Ctrl-C into an exit
                raise KeyboardInterrupt from stop
            raise


def _check_checkpoint(path: Path, identity: str) -> None:
    """Refuse a checkpoint that cannot be read (FileError) or is of another run (InputError)."""
    try:
        found = torch.load(path, weights_only=True)["propmat"]["identity"]
    except Exception as error:  # a damaged file fails in torch, zip and unpickler in many ways
        raise FileError(f"{path} is damaged; delete it and train again from the start: {error}") from error
    if found != identity:
        raise InputError(
            f"{path} is of a run with another configuration, other samples or other package versions; "
            "train in a new folder."
        )
