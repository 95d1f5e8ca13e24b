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
    from propmat.emulator.galactic import GalacticEmulator
    from propmat.emulator.galactic_network import GalacticNetworkConfig
    from propmat.emulator.galactic_training import GalacticTrainerConfig, GalacticTrainingConfig, train_galaxy
    from propmat.emulator.inference import Emulator, load
    from propmat.emulator.metrics import Accuracy, BandAccuracy, FoldedErrors, folded_errors, summarise
    from propmat.emulator.network import NetworkConfig
    from propmat.emulator.particle_training import ParticleTrainerConfig, ParticleTrainingConfig, train_particles
    from propmat.emulator.training import train

_HOME = {
    "Accuracy": "metrics",
    "BandAccuracy": "metrics",
    "Emulator": "inference",
    "FoldedErrors": "metrics",
    "GalacticEmulator": "galactic",
    "GalacticNetworkConfig": "galactic_network",
    "GalacticTrainerConfig": "galactic_training",
    "GalacticTrainingConfig": "galactic_training",
    "NetworkConfig": "network",
    "OptimizerConfig": "config",
    "ParticleTrainerConfig": "particle_training",
    "ParticleTrainingConfig": "particle_training",
    "SGDConfig": "config",
    "ScheduleFreeConfig": "config",
    "TrainerConfig": "config",
    "TrainingConfig": "config",
    "folded_errors": "metrics",
    "load": "inference",
    "summarise": "metrics",
    "train": "training",
    "train_galaxy": "galactic_training",
    "train_particles": "particle_training",
}
__all__ = [
    "Accuracy",
    "BandAccuracy",
    "Emulator",
    "FoldedErrors",
    "GalacticEmulator",
    "GalacticNetworkConfig",
    "GalacticTrainerConfig",
    "GalacticTrainingConfig",
    "NetworkConfig",
    "OptimizerConfig",
    "ParticleTrainerConfig",
    "ParticleTrainingConfig",
    "SGDConfig",
    "ScheduleFreeConfig",
    "TrainerConfig",
    "TrainingConfig",
    "folded_errors",
    "load",
    "summarise",
    "train",
    "train_galaxy",
    "train_particles",
]


def __getattr__(name: str) -> Any:
    """Import the module of a public name on first use."""
    if name in _HOME:
        return getattr(import_module(f"propmat.emulator.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
