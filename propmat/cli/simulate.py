"""Simulates cosmic rays in the heliosphere and fills a sample store with where they came from.

Each sample is one point of the modulation parameters (B0, tilt, K0, a, b) in one channel (a species in a magnetic
polarity). From every kinetic energy at Earth particles are followed backward to the heliopause; the store keeps the
histogram of the energies with which they leave, which is a row of the transfer matrix. Samples are numbered: any part
can be made again, on another machine, with the same result.

Examples:
  propmat simulate experiment=heliosphere_tiny              a few samples in seconds, to see that all works
  propmat simulate experiment=heliosphere_small             the sample set that the shipped emulator learned from
  propmat simulate experiment=heliosphere_small resume=true go on after an interruption
  propmat simulate samples.count=64 samples.particles=500 simulator.r_hp=110 output=runs/near_boundary
"""

from __future__ import annotations

import warnings
from dataclasses import asdict
from typing import TYPE_CHECKING

from propmat.cli.config import Config
from propmat.cli.convert import build, convert
from propmat.cli.runs import check_output, save_config, warn_truncated
from propmat.errors import TruncationWarning

if TYPE_CHECKING:
    from propmat.heliosphere import Heliosphere


def run(config: Config) -> None:
    """Fill the store in ``output``.

    Raises:
        InputError: settings that make no design or model, or a folder that is not empty.
        FileError: the folder cannot be written, or holds other samples.
    """
    from propmat.samples import Channel, Design, SampleStore, heliosphere_header, produce, unique_channels
    from propmat.transfer import TransferGrid

    model = _model(config)
    samples = dict(config.values["samples"])
    space, row_step = samples.pop("space"), convert(samples.pop("row_step"), int, "samples.row_step")
    asked = convert(samples.pop("channels"), tuple[Channel, ...], "samples.channels")
    channels = unique_channels(asked)
    design = build(Design, samples | {"channels": [asdict(channel) for channel in channels]}, "samples")
    grid = TransferGrid.default().every(row_step)
    command = ("propmat", "simulate", *config.overrides)
    header = heliosphere_header(model, design, space=space, grid=grid, command=command)
    output = check_output(config)
    store = SampleStore.create(output, header, resume=config.get("resume", bool))
    save_config(config, output)
    for channel in asked:
        if channel not in channels:
            twin = next(first for first in channels if first.identity == channel.identity)
            print(f"{channel} has the transfer matrices of {twin}: simulated once")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)
        produce(store)
    warn_truncated(store)
    print(f"{design.samples} samples of {design.particles} particles an energy in {output}")


def _model(config: Config) -> Heliosphere:
    """The preset with the changes that are not null."""
    from propmat.heliosphere import Heliosphere

    simulator = config.values["simulator"]
    preset = Heliosphere.preset(simulator["preset"])
    changes = {key: value for key, value in simulator.items() if key != "preset" and value is not None}
    name = preset.name + "*" if changes else preset.name
    return build(Heliosphere, preset.as_dict() | changes | {"name": name}, "simulator")
