"""The two phases of training, AdamWScheduleFree and then SGD with momentum, as one Lightning module.

The epoch number tells which of the two optimizers works. Two things about AdamWScheduleFree are easy to get wrong.
It keeps two sets of weights, and only those of ``optimizer.eval()``, the averaged ones, are the result: validation,
checkpoints and the handover to SGD must see these. And a step is taken only after ``optimizer.train()``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Generic, Protocol, cast

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from schedulefree import AdamWScheduleFree
from torch import Tensor, nn

from propmat.emulator.config import OptimizerConfig, TrainingConfig
from propmat.emulator.data import Batches, SamplesT, TrainingData
from propmat.emulator.losses import get_loss
from propmat.emulator.network import PropMatNetwork

Record = tuple[int, str, float, float]
"""(epoch, phase, training loss, validation loss)."""


class BatchConfig(Protocol):
    """How samples are put in batches."""

    @property
    def batch_size(self) -> int:
        """Samples a step."""

    @property
    def seed(self) -> int:
        """Of the order of the samples."""


class PhasesConfig(Protocol):
    """What both phases need to know."""

    @property
    def optimizer(self) -> OptimizerConfig:
        """The two optimizers."""

    @property
    def trainer(self) -> BatchConfig:
        """The batches."""

    @property
    def epochs(self) -> int:
        """Of both phases."""


class PhasedTraining(LightningModule, Generic[SamplesT]):
    """Both phases on one network; :meth:`batch_loss` and the batches are what a kind of emulator adds.

    Attributes:
        config: what to do.
        network: whose weights change.
        identity: written into checkpoints, to be compared before one is resumed.
        history: one record of each finished epoch.
        best_weights: those of lowest validation loss so far; of phase 1 the averaged ones.
    """

    def __init__(
        self,
        config: PhasesConfig,
        network: nn.Module,
        identity: str = "",
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.config = config
        self.network = network
        self.identity = identity
        self.history: list[Record] = []
        self.best_weights = self._weights()
        self._best_loss = math.inf
        self._sums = torch.zeros(2, 2, dtype=torch.float64)  # (training, validation) x (loss * samples, samples)

    @property
    def refining(self) -> bool:
        """Whether this is phase 2."""
        return self.current_epoch >= self.config.optimizer.schedulefree.epochs

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Both optimizers on the same weights."""
        first, second = self.config.optimizer.schedulefree, self.config.optimizer.sgd
        weights = list(self.network.parameters())
        return [
            AdamWScheduleFree(weights, lr=first.lr, weight_decay=first.weight_decay, warmup_steps=first.warmup_steps),
            torch.optim.SGD(weights, lr=second.lr, momentum=second.momentum),
        ]

    def batch_loss(self, batch: SamplesT) -> Tensor:
        """The loss of a batch."""
        raise NotImplementedError

    def validation_loss(self, batch: SamplesT) -> Tensor:
        """What chooses the best weights; the loss, unless a kind of emulator adds terms to that."""
        return self.batch_loss(batch)

    def limit_gradient(self) -> None:
        """Change the gradient before a step; nothing, unless a kind of emulator does."""

    def train_dataloader(self) -> Iterable[SamplesT]:
        """Batches of an epoch. Asked for every epoch: the order is that of :attr:`order_seed`."""
        raise NotImplementedError

    def val_dataloader(self) -> Iterable[SamplesT]:
        """Batches of the held-out samples."""
        raise NotImplementedError

    @property
    def order_seed(self) -> int:
        """A function of (seed, epoch) only, so that a resumed run sees the same batches."""
        return self.config.trainer.seed * 10**6 + self.current_epoch

    def transfer_batch_to_device(self, batch: SamplesT, device: torch.device, dataloader_idx: int) -> SamplesT:
        """Lightning cannot move a frozen dataclass by itself."""
        return batch.to(device)

    def on_train_epoch_start(self) -> None:
        """Put the optimizer in its training mode; at the handover, take the best averaged weights."""
        self._sums.zero_()
        schedulefree, sgd = self._raw_optimizers()
        if not self.refining:
            schedulefree.train()
            return
        first, second = self.config.optimizer.schedulefree, self.config.optimizer.sgd
        if self.current_epoch == first.epochs:
            self.network.load_state_dict(self.best_weights)
        done = (self.current_epoch - first.epochs) / second.epochs
        sgd.param_groups[0]["lr"] = 0.5 * second.lr * (1.0 + math.cos(math.pi * done))

    def training_step(self, batch: SamplesT, _index: int) -> None:
        """One step of the optimizer of this phase."""
        optimizers = cast(list[LightningOptimizer], self.optimizers())
        optimizer = optimizers[1 if self.refining else 0]
        loss = self.batch_loss(batch)
        optimizer.zero_grad()
        self.manual_backward(loss)
        self.limit_gradient()
        optimizer.step()
        self._count(0, loss, batch)

    def on_validation_epoch_start(self) -> None:
        """Show the averaged weights; they stay until the next epoch starts, so that a checkpoint has them too."""
        self._raw_optimizers()[0].eval()

    def validation_step(self, batch: SamplesT, _index: int) -> None:
        """Loss of held-out samples."""
        self._count(1, self.validation_loss(batch), batch)

    def on_validation_epoch_end(self) -> None:
        """Record the epoch, and its weights if they are the best."""
        training, validation = (self._sums[:, 0] / self._sums[:, 1]).tolist()
        self.history.append((self.current_epoch, "sgd" if self.refining else "schedulefree", training, validation))
        if validation < self._best_loss:
            self._best_loss, self.best_weights = validation, self._weights()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what Lightning does not know."""
        checkpoint["propmat"] = {
            "identity": self.identity,
            "history": self.history,
            "best_loss": self._best_loss,
            "best_weights": self.best_weights,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it back."""
        state = checkpoint["propmat"]
        self.history = [tuple(record) for record in state["history"]]
        self._best_loss, self.best_weights = state["best_loss"], state["best_weights"]

    def _count(self, row: int, loss: Tensor, batch: SamplesT) -> None:
        self._sums[row] += torch.tensor([float(loss.detach()) * len(batch), len(batch)])

    def _weights(self) -> dict[str, Tensor]:
        return {name: weight.detach().clone() for name, weight in self.network.state_dict().items()}

    def _raw_optimizers(self) -> tuple[AdamWScheduleFree, torch.optim.SGD]:
        schedulefree, sgd = cast(list[Any], self.optimizers(use_pl_optimizer=False))
        return schedulefree, sgd


class TwoPhases(PhasedTraining[SamplesT]):
    """Both phases on samples in memory."""

    def __init__(
        self,
        config: PhasesConfig,
        network: nn.Module,
        training: SamplesT,
        validation: SamplesT,
        identity: str = "",
    ) -> None:
        super().__init__(config, network, identity)
        self._training, self._validation = training, validation

    def train_dataloader(self) -> Batches[SamplesT]:
        """The training samples in the order of this epoch."""
        return Batches(self._training, self.config.trainer.batch_size, order_seed=self.order_seed)

    def val_dataloader(self) -> Batches[SamplesT]:
        """The held-out samples."""
        return Batches(self._validation, self.config.trainer.batch_size)


class Phases(TwoPhases[TrainingData]):
    """Both phases on the network of the heliosphere."""

    def __init__(
        self,
        config: TrainingConfig,
        network: PropMatNetwork,
        training: TrainingData,
        validation: TrainingData,
        identity: str = "",
    ) -> None:
        super().__init__(config, network, training, validation, identity)
        self._loss = get_loss(config.trainer.loss)

    def batch_loss(self, batch: TrainingData) -> Tensor:
        """The loss of a batch in which drift signs are mixed."""
        network = cast(PropMatNetwork, self.network)
        log_matrices, counts = [], []
        for sign in network.drift_signs:
            part = batch[batch.drift_sign == sign]
            if len(part):
                log_matrices.append(network(part.points, part.nucleons_per_charge, sign))
                counts.append(part.counts)
        return self._loss(torch.cat(log_matrices), torch.cat(counts))
