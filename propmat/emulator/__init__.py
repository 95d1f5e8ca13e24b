"""PropMat: networks that give the transfer matrix of a simulator in microseconds, with derivatives.

Names are resolved on first use (PEP 562): loading an emulator imports torch, and only training imports Lightning.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from propmat.emulator.config import (
        OptimizerConfig,
        ScheduleFreeConfig,
        SGDConfig,
        TrainerConfig,
        TrainingConfig,
    )
    from propmat.emulator.inference import Emulator, load
    from propmat.emulator.metrics import Accuracy, BandAccuracy, FoldedErrors, folded_errors, summarise
    from propmat.emulator.network import NetworkConfig
    from propmat.emulator.training import train

_HOME = {
    "Accuracy": "metrics",
    "BandAccuracy": "metrics",
    "Emulator": "inference",
    "FoldedErrors": "metrics",
    "NetworkConfig": "network",
    "OptimizerConfig": "config",
    "SGDConfig": "config",
    "ScheduleFreeConfig": "config",
    "TrainerConfig": "config",
    "TrainingConfig": "config",
    "folded_errors": "metrics",
    "load": "inference",
    "summarise": "metrics",
    "train": "training",
}
__all__ = [
    "Accuracy",
    "BandAccuracy",
    "Emulator",
    "FoldedErrors",
    "NetworkConfig",
    "OptimizerConfig",
    "SGDConfig",
    "ScheduleFreeConfig",
    "TrainerConfig",
    "TrainingConfig",
    "folded_errors",
    "load",
    "summarise",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import the module of a public name on first use."""
    if name in _HOME:
        return getattr(import_module(f"propmat.emulator.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
