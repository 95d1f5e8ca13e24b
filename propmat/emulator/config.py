"""Everything that decides the trained weights, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, field

from propmat.emulator.losses import get_loss
from propmat.emulator.network import NetworkConfig
from propmat.errors import out_of_range


def check_limits(section: str, config: object, **limits: tuple[float, float]) -> None:
    """Raise InputError for the first value of ``config`` outside its limits."""
    for name, (low, high) in limits.items():
        value = getattr(config, name)
        if not low <= value <= high:
            raise out_of_range(f"{section}.{name}", value, low, high)


@dataclass(frozen=True)
class ScheduleFreeConfig:
    """Phase 1, AdamWScheduleFree.

    Attributes:
        epochs: passes over the training samples.
        lr: learning rate.
        weight_decay: decoupled, relative to ``lr``.
        warmup_steps: batches over which the learning rate rises from zero.

    Raises:
        InputError: a value out of range.
    """

    epochs: int = 80
    lr: float = 0.01
    weight_decay: float = 0.0
    warmup_steps: int = 100

    def __post_init__(self) -> None:
        limits = {"epochs": (1, 10**5), "lr": (1e-8, 10.0), "weight_decay": (0.0, 10.0), "warmup_steps": (0, 10**6)}
        check_limits("optimizer.schedulefree", self, **limits)


@dataclass(frozen=True)
class SGDConfig:
    """Phase 2, stochastic gradient descent.

    Attributes:
        epochs: passes over the training samples; 0 for no such phase.
        lr: initial learning rate; it falls to zero along a cosine.
        momentum: of the gradient.

    Raises:
        InputError: a value out of range.
    """

    epochs: int = 20
    lr: float = 0.01
    momentum: float = 0.9

    def __post_init__(self) -> None:
        check_limits("optimizer.sgd", self, epochs=(0, 10**5), lr=(1e-10, 10.0), momentum=(0.0, 0.999))


@dataclass(frozen=True)
class OptimizerConfig:
    """The two phases."""

    schedulefree: ScheduleFreeConfig = field(default_factory=ScheduleFreeConfig)
    sgd: SGDConfig = field(default_factory=SGDConfig)


@dataclass(frozen=True)
class TrainerConfig:
    """How the samples are used.

    Attributes:
        loss: name in :data:`propmat.emulator.losses.LOSSES`.
        batch_size: samples a step.
        seed: of initial weights, split and order of the batches.
        validation_fraction: share of the parameter points that is held out.
        row_smoothing: width of the Gaussian through which basis matrices are seen along the TOA energies, in rows.
        column_smoothing: the same along the LIS energies, in columns.
        threads: of torch; the same seed and number of threads give the same weights on one machine.

    Raises:
        InputError: a value out of range, or an unknown loss.
    """

    loss: str = "multinomial"
    batch_size: int = 64
    seed: int = 0
    validation_fraction: float = 0.08
    row_smoothing: float = 2.0
    column_smoothing: float = 3.0
    threads: int = 2

    def __post_init__(self) -> None:
        get_loss(self.loss)
        limits = {
            "batch_size": (1, 10**6),
            "seed": (0, 2**31),
            "validation_fraction": (0.001, 0.9),
            "row_smoothing": (0.0, 100.0),
            "column_smoothing": (0.0, 100.0),
            "threads": (1, 1024),
        }
        check_limits("trainer", self, **limits)


@dataclass(frozen=True)
class TrainingConfig:
    """A training run."""

    emulator: NetworkConfig = field(default_factory=NetworkConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)

    @property
    def epochs(self) -> int:
        """Of both phases."""
        return self.optimizer.schedulefree.epochs + self.optimizer.sgd.epochs
