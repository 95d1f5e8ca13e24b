"""Simulates cosmic rays in the heliosphere or in the Galaxy and fills a sample store.

simulator=paper, consistent or helprop: the heliosphere. Each sample is one point of the modulation parameters (B0,
tilt, K0, a, b) in one channel (a species in a magnetic polarity). From every kinetic energy at Earth particles are
followed backward to the heliopause; the store keeps the histogram of the energies with which they leave, which is a row
of the transfer matrix.

simulator=galaxy: propmat's solver of the Galaxy; simulator=galprop: your own GALPROP. Each sample is one point of the
ten parameters of injection and transport (nu1 to z_h); the store keeps the spectra at the Sun before modulation, and
the transfer matrices that samples.matrices names (galaxy only).

Samples are numbered: any part can be made again, on another machine, with the same result.

Examples:
  propmat simulate experiment=heliosphere_tiny              a few samples in seconds, to see that all works
  propmat simulate experiment=heliosphere_small             the sample set that the shipped emulator learned from
  propmat simulate experiment=heliosphere_small resume=true go on after an interruption
  propmat simulate samples.count=64 samples.particles=500 simulator.r_hp=110 output=runs/near_boundary
  propmat simulate simulator=galaxy samples=sobol_small output=runs/galaxy
  propmat simulate simulator=galaxy samples=sobol_small 'samples.matrices=[[proton,proton]]' output=runs/matrices
  propmat simulate simulator=galprop samples=sobol_small simulator.executable=/path/to/galprop output=runs/galprop
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from propmat.cli.config import Config
from propmat.cli.convert import build, convert
from propmat.cli.runs import check_output, save_config, told_warnings, warn_truncated
from propmat.errors import InputError, TruncationWarning, unknown_name

if TYPE_CHECKING:
    from propmat.heliosphere import Heliosphere
    from propmat.samples import SpectraSimulator


class Model(Protocol):
    """A frozen dataclass of a simulator's constants, one of which is its name."""

    def as_dict(self) -> dict[str, Any]:
        """Every attribute."""


ModelT = TypeVar("ModelT", bound=Model)


def run(config: Config) -> None:
    """Fill the store in ``output``.

    Raises:
        InputError: settings that make no design or model, or a folder that is not empty.
        FileError: the folder cannot be written, or holds other samples; a run of GALPROP failed.
    """
    from propmat.parameters import GALAXY, HELIOSPHERE, get_space

    simulator, samples = config.values["simulator"], config.values["samples"]
    kind, space = simulator.get("kind", "heliosphere"), convert(samples["space"], str, "samples.space")
    if kind not in ("heliosphere", *GALACTIC):
        raise unknown_name("simulator.kind", kind, ("heliosphere", *GALACTIC))
    wanted, example = (GALAXY, "sobol_small") if kind in GALACTIC else (HELIOSPHERE, "heliosphere_small")
    if get_space(space).names != wanted.names:
        raise InputError(
            f"simulator={config.choices['simulator']} has the parameters {', '.join(wanted.names)}, the samples are "
            f"of {space} ({', '.join(get_space(space).names)}): choose others, such as samples={example}."
        )
    if kind in GALACTIC:
        _spectra(config, GALACTIC[kind](simulator))
    else:
        _histograms(config)


def _histograms(config: Config) -> None:
    """Samples of the heliosphere."""
    from propmat.samples import Channel, Design, SampleStore, heliosphere_header, produce, unique_channels
    from propmat.transfer import TransferGrid

    model = _model(config)
    samples = dict(config.values["samples"])
    space, row_step = samples.pop("space"), convert(samples.pop("row_step"), int, "samples.row_step")
    asked = convert(samples.pop("channels"), tuple[Channel, ...], "samples.channels")
    channels = unique_channels(asked)
    design = build(Design, samples | {"channels": [asdict(channel) for channel in channels]}, "samples")
    grid = TransferGrid.default().every(row_step)
    header = heliosphere_header(model, design, space=space, grid=grid, command=_command(config))
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


def _spectra(config: Config, simulator: SpectraSimulator) -> None:
    """Samples of the Galaxy."""
    from propmat.samples import SpectraDesign, create_spectra, produce_spectra

    samples = dict(config.values["samples"])
    space, pairs = samples.pop("space"), samples.pop("matrices")
    matrices = convert(pairs, tuple[tuple[str, str], ...], "samples.matrices")
    simulator.check_matrices(matrices)
    design = build(SpectraDesign, samples, "samples")
    output = check_output(config)
    resume = config.get("resume", bool)
    with told_warnings():
        store = create_spectra(
            output, simulator, design, space=space, matrices=matrices, command=_command(config), resume=resume
        )
    save_config(config, output)
    produce_spectra(store, simulator)
    grid = store.header.grid
    print(f"{design.samples} samples of {len(grid.species)} species at {grid.kinetic_energy.size} energies in {output}")


def _command(config: Config) -> tuple[str, ...]:
    return ("propmat", "simulate", *config.overrides)


def _model(config: Config) -> Heliosphere:
    """The heliosphere that the config describes."""
    from propmat.heliosphere import Heliosphere

    simulator = config.values["simulator"]
    return _variant(Heliosphere.preset(simulator["preset"]), simulator)


def _galaxy(simulator: Mapping[str, Any]) -> SpectraSimulator:
    """propmat's solver of the Galaxy that the config describes."""
    from propmat.galaxy import Galaxy
    from propmat.samples import galaxy_simulator

    tables = convert(simulator["tables"], str | None, "simulator.tables")
    return galaxy_simulator(_variant(Galaxy.preset(simulator["preset"], tables=tables), simulator))


def _variant(preset: ModelT, simulator: Mapping[str, Any]) -> ModelT:
    """A preset with the changes that are not null."""
    changes = {
        key: value for key, value in simulator.items() if key not in ("kind", "preset", "tables") and value is not None
    }
    values = preset.as_dict()
    name = f"{values['name']}*" if changes else values["name"]
    return build(type(preset), values | changes | {"name": name}, "simulator")


def _galprop(simulator: Mapping[str, Any]) -> SpectraSimulator:
    """The user's executable with these settings."""
    from propmat.galaxy.galprop_adapter import GalpropSettings
    from propmat.samples import galprop_simulator

    settings = {key: value for key, value in simulator.items() if key != "kind"}
    return galprop_simulator(build(GalpropSettings, settings, "simulator"))


GALACTIC: Final[dict[str, Callable[[Mapping[str, Any]], SpectraSimulator]]] = {"galaxy": _galaxy, "galprop": _galprop}
"""``simulator.kind`` -> the simulator of its section of the config."""
