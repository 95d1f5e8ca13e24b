"""Training by maximum likelihood on single particles: from a store of particles to a bundle.

Each particle left from a point and an energy of its own; the loss is the mean of -ln of the probability that the
network gives to the column in which it left (:mod:`propmat.emulator.particle_likelihood`). Nothing is binned in the
parameters or in the energy at Earth.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

import propmat
from propmat.emulator.bundle import Bundle, Card, save_bundle
from propmat.emulator.config import OptimizerConfig, check_limits
from propmat.emulator.network import NetworkConfig, PropMatNetwork, plain_weights, smooth_matrices
from propmat.emulator.particle_data import ParticleData, ParticleStream, split_shards
from propmat.emulator.particle_likelihood import STENCIL, log_probability
from propmat.emulator.particle_survey import survey
from propmat.emulator.phases import PhasedTraining
from propmat.emulator.training import BUNDLE_NAME, PACKAGES, fit_phases, initial_network
from propmat.errors import InputError, TruncationWarning
from propmat.samples import ParticleStore
from propmat.samples.files import prepare_folder
from propmat.transfer import TransferGrid


@dataclass(frozen=True)
class ParticleTrainerConfig:
    """How the particles are used.

    Attributes:
        batch_size: particles a step.
        seed: of initial weights and order of the particles.
        validation_fraction: share of the files, the last ones, that is held out.
        rows: energies at Earth of the emulator, evenly in the logarithm over the energies of the store.
        row_smoothing: width of the Gaussian through which basis matrices are seen along the TOA energies, in rows.
        column_smoothing: the same along the LIS energies, in columns.
        threads: of torch; the same seed and number of threads give the same weights on one machine.

    Raises:
        InputError: a value out of range.
    """

    batch_size: int = 2048
    seed: int = 0
    validation_fraction: float = 0.06
    rows: int = 28
    row_smoothing: float = 2.0
    column_smoothing: float = 3.0
    threads: int = 2

    def __post_init__(self) -> None:
        limits = {
            "batch_size": (1, 2**22),
            "seed": (0, 2**31),
            "validation_fraction": (0.001, 0.9),
            "rows": (STENCIL, 1000),
            "row_smoothing": (0.0, 100.0),
            "column_smoothing": (0.0, 100.0),
            "threads": (1, 1024),
        }
        check_limits("trainer", self, **limits)


@dataclass(frozen=True)
class ParticleTrainingConfig:
    """A training run."""

    emulator: NetworkConfig = field(default_factory=NetworkConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    trainer: ParticleTrainerConfig = field(default_factory=ParticleTrainerConfig)

    @property
    def epochs(self) -> int:
        """Of both phases."""
        return self.optimizer.schedulefree.epochs + self.optimizer.sgd.epochs


class ParticlePhases(PhasedTraining[ParticleData]):
    """Both phases on streams of particles."""

    def __init__(
        self,
        config: ParticleTrainingConfig,
        network: PropMatNetwork,
        training: ParticleStream,
        validation: ParticleStream,
        identity: str = "",
    ) -> None:
        super().__init__(config, network, identity)
        self._training, self._validation = training, validation

    def train_dataloader(self) -> ParticleStream:
        """The particles in the order of this epoch."""
        return self._training.ordered(self.order_seed)

    def val_dataloader(self) -> ParticleStream:
        """The held-out particles."""
        return self._validation

    def batch_loss(self, batch: ParticleData) -> Tensor:
        """Negative log likelihood a particle."""
        return -log_probability(cast(PropMatNetwork, self.network), batch).mean()


def train_particles(
    config: ParticleTrainingConfig, store: Path, out: Path, *, resume: bool = False, progress: bool = True
) -> Path:
    """Train an emulator of the heliosphere on a store of particles; files of ``out`` as :func:`propmat.emulator.train`.

    Particles at the step cap are in no column: they are left out, which makes the matrix that of the others, and
    counted in the provenance.

    Args:
        config: what to train and how.
        store: folder of the particles, complete.
        out: new or empty folder, or that of the run to resume.
        resume: continue the run in ``out``.
        progress: show a bar with the remaining time on stderr.

    Returns:
        Path of the bundle: the weights of lowest validation loss. It states no accuracy, since single particles
        give no flux to compare with: score it with ``propmat evaluate`` on histograms.

    Raises:
        InputError: a non-empty ``out`` without ``resume``, a run of another configuration to resume, leptons, a store
            of a single file, or one without particles of both sides that left.
        FileError: a store that is damaged or not complete, a damaged checkpoint, or an unwritable ``out``.
    """
    prepare_folder(out, resume=resume)
    torch.set_num_threads(config.trainer.threads)
    samples = ParticleStore.open(store)
    design = samples.header.design
    ratios = [channel.nucleons_per_charge for channel in design.channels]
    if min(ratios) <= 0.0:
        raise InputError("the particles hold leptons; an emulator learns nuclei, by their A/|Z|.")
    grid = TransferGrid.default(np.geomspace(design.energy_low, design.energy_high, config.trainer.rows))
    sides = split_shards(samples, config.trainer.validation_fraction)
    training, validation = (ParticleStream(samples, shards, grid, config.trainer.batch_size) for shards in sides)
    found = survey(samples, sides[0], grid)
    if found.truncated:
        warnings.warn(
            f"{found.truncated} of {design.samples} particles hit the step cap: they are in no column, and the "
            "matrices leave them out.",
            TruncationWarning,
            stacklevel=2,
        )
    card = Card(
        space=samples.header.parameter_space,
        network=config.emulator,
        drift_signs=tuple(sorted({channel.drift_sign for channel in design.channels}, reverse=True)),
        nucleons_per_charge=(min(ratios), max(ratios)),
        provenance=_provenance(config, samples, found.truncated),
    )
    network = initial_network(card, grid, found.histograms, config.trainer.seed)
    smooth_matrices(network, config.trainer.row_smoothing, config.trainer.column_smoothing)
    identity = hashlib.sha256(card.to_json().encode()).hexdigest()
    module = ParticlePhases(config, network, training, validation, identity)
    fit_phases(module, out, resume=resume, progress=progress)

    network.load_state_dict(module.best_weights)
    save_bundle(out / BUNDLE_NAME, Bundle(card, grid, plain_weights(network)))
    return out / BUNDLE_NAME


def _provenance(config: ParticleTrainingConfig, samples: ParticleStore, truncated: int) -> dict[str, Any]:
    """Which particles and what made the weights of them."""
    header = samples.header
    return {
        "samples": {
            "number": header.design.samples,
            "truncated": truncated,
            "sha256": samples.digest(),
            "simulator": header.simulator,
            "simulator_version": header.simulator_version,
            "model": dict(header.model),
            "design": header.design.summary(),
        },
        "training": asdict(config),
        "packages": {"propmat": propmat.__version__} | {name: importlib.metadata.version(name) for name in PACKAGES},
    }
