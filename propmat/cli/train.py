"""Trains an emulator of the heliosphere (PropMat) on a sample store.

The emulator learns the transfer matrix as a smooth function of (B0, tilt, K0, a, b), in two phases: AdamWScheduleFree,
then SGD. The result is one file, emulator.safetensors, which carries its domain, its accuracy on held-out points and
where it came from; `propmat evaluate`, `propmat fit` and propmat.load(...) take its path.

Examples:
  propmat train experiment=heliosphere_small
  propmat train experiment=heliosphere_small emulator.n_basis=16 optimizer.schedulefree.lr=0.01 output=runs/small
  propmat train data.store=runs/my_samples output=runs/mine
  propmat train data.store=runs/my_samples output=runs/mine resume=true       go on after an interruption
"""

from __future__ import annotations

from propmat.cli.config import Config
from propmat.cli.convert import build, convert
from propmat.cli.runs import open_run, shipped, warn_truncated


def run(config: Config) -> None:
    """Train into ``output``.

    Raises:
        InputError: a setting out of range, no such store, or a folder that is not empty.
        FileError: a damaged store, or a folder that cannot be written.
    """
    from propmat.emulator import TrainingConfig, train
    from propmat.samples import SampleStore

    training = build(TrainingConfig, {key: config.values[key] for key in ("emulator", "optimizer", "trainer")})
    store = shipped("samples", convert(config.values["data"]["store"], str, "data.store"))
    samples = SampleStore.open(store)
    output = open_run(config)
    warn_truncated(samples)
    # open_run has refused a folder with anything but this very run in it.
    bundle = train(training, store, output, resume=True)
    print(f"emulator: {bundle}")
