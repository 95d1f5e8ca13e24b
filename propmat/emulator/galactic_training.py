"""Training the emulator of the Galaxy: from a store of spectra to a bundle, in a run folder that can be resumed."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

import propmat
from propmat.emulator.config import OptimizerConfig, check_limits
from propmat.emulator.galactic import GalacticEmulator
from propmat.emulator.galactic_bundle import GalacticBundle, GalacticCard, save_galactic_bundle
from propmat.emulator.galactic_columns import GalacticGrid
from propmat.emulator.galactic_data import SpectraData, split_by_transport
from propmat.emulator.galactic_metrics import galactic_accuracy
from propmat.emulator.galactic_network import Amplitude, GalacticNetwork, GalacticNetworkConfig, Kernel
from propmat.emulator.phases import TwoPhases
from propmat.emulator.training import BUNDLE_NAME, PACKAGES, fit_phases
from propmat.errors import InputError
from propmat.parameters import ParameterSpace
from propmat.samples import SpectraGrid, SpectraStore, SpectraTable
from propmat.samples.files import prepare_folder

SPECIES = ("proton", "antiproton", "helium3", "helium4", "boron10", "boron11", "carbon12", "carbon13")
PERCENT = 100.0
"""The loss is in squared per cent: of order 1 while training, which the learning rate of SGD relies on."""


@dataclass(frozen=True)
class GalacticTrainerConfig:
    """How the samples are used.

    Attributes:
        batch_size: samples a step.
        seed: of initial weights, split and order of the batches.
        validation_fraction: share of the transports that is held out.
        energy_low, energy_high: of the emulated spectra [GeV/n].
        regularisation: beta of papers/000, eq. (17): weight of the mean squared deviation of the kernels from
            their mean, in the first epoch ...
        regularisation_end: ... and from the end of phase 1 on; between, it falls exponentially.
        gradient_limit: largest norm of a gradient.
        species: whose spectra are learned.
        threads: of torch; the same seed and number of threads give the same weights on one machine.

    Raises:
        InputError: a value out of range.
    """

    batch_size: int = 64
    seed: int = 0
    validation_fraction: float = 0.08
    energy_low: float = 0.03
    energy_high: float = 1100.0
    regularisation: float = 10.0
    regularisation_end: float = 1.0e-3
    gradient_limit: float = 1.0e3
    species: tuple[str, ...] = SPECIES
    threads: int = 2

    def __post_init__(self) -> None:
        limits = {
            "batch_size": (1, 10**6),
            "seed": (0, 2**31),
            "validation_fraction": (0.001, 0.9),
            "energy_low": (1e-4, 50.0),
            "energy_high": (200.0, 1e7),
            "regularisation": (1e-12, 1e9),
            "regularisation_end": (1e-12, 1e9),
            "gradient_limit": (1e-6, 1e12),
            "threads": (1, 1024),
        }
        check_limits("trainer", self, **limits)


@dataclass(frozen=True)
class GalacticTrainingConfig:
    """A training run."""

    emulator: GalacticNetworkConfig = field(default_factory=GalacticNetworkConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    trainer: GalacticTrainerConfig = field(default_factory=GalacticTrainerConfig)

    @property
    def epochs(self) -> int:
        """Of both phases."""
        return self.optimizer.schedulefree.epochs + self.optimizer.sgd.epochs


class GalacticPhases(TwoPhases[SpectraData]):
    """LossG of papers/000, eq. (17), on the network of the Galaxy."""

    def batch_loss(self, batch: SpectraData) -> Tensor:
        """Squared error of ln J [per cent squared], and the regularisation of this epoch."""
        return self.validation_loss(batch) + self.beta * self._galactic.deviation()

    def validation_loss(self, batch: SpectraData) -> Tensor:
        """Mean squared error of ln J [per cent squared]."""
        error = torch.where(batch.known, self._galactic(batch.points) - batch.log_flux, 0.0)
        return PERCENT**2 * error.square().sum() / batch.known.sum()

    def limit_gradient(self) -> None:
        """Keep the rare steep batch from throwing the weights far away."""
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self._trainer_config.gradient_limit)

    @property
    def beta(self) -> float:
        """Weight of the regularisation in this epoch."""
        trainer = self._trainer_config
        done = min(1.0, self.current_epoch / max(1, self.config.optimizer.schedulefree.epochs - 1))
        return float(trainer.regularisation ** (1.0 - done) * trainer.regularisation_end**done)

    @property
    def _galactic(self) -> GalacticNetwork:
        return cast(GalacticNetwork, self.network)

    @property
    def _trainer_config(self) -> GalacticTrainerConfig:
        return cast(GalacticTrainerConfig, self.config.trainer)


def train_galaxy(
    config: GalacticTrainingConfig, store: Path, out: Path, *, resume: bool = False, progress: bool = True
) -> Path:
    """Train an emulator of the Galaxy on a store of spectra; files and errors as :func:`propmat.emulator.train`.

    Raises:
        InputError: a non-empty ``out`` without ``resume``, or a run of another configuration to resume.
        FileError: a damaged store or checkpoint, or an unwritable ``out``.
    """
    prepare_folder(out, resume=resume)
    samples = SpectraStore.open(store)
    header, table = samples.header, samples.read()
    proton_flux = header.model.get("proton_flux")
    if not isinstance(proton_flux, float):
        raise InputError(f"{store} does not say the proton flux at 100 GeV that its spectra are normalised to.")
    origin = {
        "sha256": samples.digest(),
        "simulator": header.simulator,
        "simulator_version": header.simulator_version,
        "model": dict(header.model),
        "design": header.design.summary(),
    }
    return train_on_spectra(
        config,
        table,
        header.grid,
        header.parameter_space,
        out,
        proton_flux=proton_flux,
        origin=origin,
        resume=resume,
        progress=progress,
    )


def train_on_spectra(
    config: GalacticTrainingConfig,
    table: SpectraTable,
    axes: SpectraGrid,
    space: ParameterSpace,
    out: Path,
    *,
    proton_flux: float,
    origin: Mapping[str, Any] | None = None,
    resume: bool = False,
    progress: bool = True,
) -> Path:
    """:func:`train_galaxy` on samples in memory; ``origin`` says in JSON who made them."""
    torch.set_num_threads(config.trainer.threads)
    space.check(table.parameters)
    trainer = config.trainer
    grid = GalacticGrid.within(axes.kinetic_energy, trainer.energy_low, trainer.energy_high)
    tables = split_by_transport(table, trainer.validation_fraction, trainer.seed)
    training, validation = (SpectraData.from_table(part, axes, grid, trainer.species) for part in tables)
    provenance = {
        "samples": {"number": len(table), **(origin or {})},
        "training": asdict(config),
        "packages": {"propmat": propmat.__version__} | {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    rows = (grid.first, grid.last)
    card = GalacticCard(space, config.emulator, trainer.species, rows, proton_flux, provenance)
    network = initial_galactic_network(card, grid, training, trainer.seed)
    identity = hashlib.sha256(card.to_json().encode()).hexdigest()
    module = GalacticPhases(config, network, training, validation, identity)
    fit_phases(module, out, resume=resume, progress=progress)

    bundle = GalacticBundle(card, grid.energy, module.best_weights)
    with torch.no_grad():
        predicted = GalacticEmulator(bundle).log_flux(validation.points).exp().numpy()
    truth = np.where(validation.known, validation.log_flux.double().exp(), 0.0)
    accuracy = galactic_accuracy(trainer.species, grid.rows, predicted, truth)
    save_galactic_bundle(out / BUNDLE_NAME, replace(bundle, card=replace(card, accuracy=accuracy.as_dict())))
    return out / BUNDLE_NAME


def initial_galactic_network(card: GalacticCard, grid: GalacticGrid, data: SpectraData, seed: int) -> GalacticNetwork:
    """A network whose amplitudes start from the training samples.

    Encoder and heads have seeded random weights. Where kernels are what they start from, ln A = ln J minus the rest of
    the network's answer; of this the mean and the principal components, times their standard deviations, are taken.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = GalacticNetwork(card.network, card.space, grid, card.species)
    with torch.no_grad():
        for part in network.amplitudes:
            cast(Amplitude, part).basis.zero_()
        kernels = [*network.kernels, network.norm]
        noise = [cast(Kernel, kernel).basis.clone() for kernel in kernels]
        for kernel in kernels:
            cast(Kernel, kernel).basis.zero_()
        amplitudes = torch.where(data.known, data.log_flux - network(data.points).float(), torch.nan)
        for number, part in enumerate(network.amplitudes):
            _start_from(cast(Amplitude, part), amplitudes[:, number])
        for kernel, basis in zip(kernels, noise, strict=True):
            cast(Kernel, kernel).basis.copy_(basis)
    return network


def _start_from(amplitude: Amplitude, samples: Tensor) -> None:
    """Set mean and principal components of (sample, row), in which NaN is what is not known."""
    mean = samples.nanmean(dim=0).nan_to_num()
    deviation = (samples - mean).nan_to_num()
    number = min(len(amplitude.basis), *deviation.shape)
    _, scale, components = torch.linalg.svd(deviation, full_matrices=False)
    amplitude.mean.copy_(mean)
    amplitude.basis[:number] = (components * scale[:, None])[:number] / len(deviation) ** 0.5
