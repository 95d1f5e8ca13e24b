"""Trains an emulator (PropMat) on a sample store: of the heliosphere or of the Galaxy, as the samples are.

Histograms of the heliosphere and single particles give the same kind of emulator; particles, by maximum likelihood.

The emulator of the heliosphere learns the transfer matrix as a smooth function of (B0, tilt, K0, a, b), that of the
Galaxy the spectra at the Sun of the ten parameters of injection and transport, in two phases: AdamWScheduleFree, then
SGD. The result is one file, emulator.safetensors, which carries its domain, its accuracy on held-out points and where
it came from; propmat.load(...) takes its path, and for the heliosphere `propmat evaluate` and `propmat fit` do too.

Examples:
  propmat train experiment=heliosphere_small
  propmat train experiment=heliosphere_small emulator.n_basis=16 optimizer.schedulefree.lr=0.01 output=runs/small
  propmat train data.store=runs/my_samples output=runs/mine
  propmat train experiment=heliosphere_particles data.store=runs/my_particles output=runs/particles
  propmat train experiment=galaxy_small data.store=runs/my_spectra output=runs/my_galaxy
  propmat train data.store=runs/my_samples output=runs/mine resume=true       go on after an interruption
"""

from __future__ import annotations

from dataclasses import fields

from propmat.cli.config import Config
from propmat.cli.convert import build, convert
from propmat.cli.runs import open_run, shipped, told_warnings, warn_truncated
from propmat.errors import InputError


def run(config: Config) -> None:
    """Train into ``output``.

    Raises:
        InputError: a setting out of range, no such store, or a folder that is not empty.
        FileError: a damaged store, or a folder that cannot be written.
    """
    from propmat.emulator import (
        GalacticTrainingConfig,
        ParticleTrainingConfig,
        TrainingConfig,
        train,
        train_galaxy,
        train_particles,
    )
    from propmat.samples import ParticleStore, SampleStore, SpectraStore, open_store

    settings = {key: config.values[key] for key in ("emulator", "optimizer", "trainer")}
    store = shipped("samples", convert(config.values["data"]["store"], str, "data.store"))
    # open_run refuses a folder with anything but this very run in it, so that resuming is safe.
    found = open_store(store)
    for kind, own, experiment in (
        (SpectraStore, GalacticTrainingConfig(), "galaxy_small"),
        (ParticleStore, ParticleTrainingConfig(), "heliosphere_particles"),
        (SampleStore, TrainingConfig(), "heliosphere_small"),
    ):
        if isinstance(found, kind) and set(settings["trainer"]) != {item.name for item in fields(own.trainer)}:
            raise InputError(
                f"{store} holds {found.header.described}, and these settings are for other samples: add "
                f"experiment={experiment}."
            )
    if isinstance(found, SpectraStore):
        galactic = build(GalacticTrainingConfig, settings)
        bundle = train_galaxy(galactic, store, open_run(config), resume=True)
    elif isinstance(found, ParticleStore):
        likelihood = build(ParticleTrainingConfig, settings)
        output = open_run(config)
        with told_warnings():
            bundle = train_particles(likelihood, store, output, resume=True)
    else:
        training = build(TrainingConfig, settings)
        samples = SampleStore.open(store)
        output = open_run(config)
        warn_truncated(samples)
        bundle = train(training, store, output, resume=True)
    print(f"emulator: {bundle}")
