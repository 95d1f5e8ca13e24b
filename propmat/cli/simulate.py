"""Simulates cosmic rays in the heliosphere or in the Galaxy and fills a sample store.

simulator=paper, consistent or helprop: the heliosphere. Each sample is one point of the modulation parameters (B0,
tilt, K0, a, b) in one channel (a species in a magnetic polarity). From every kinetic energy at Earth particles are
followed backward to the heliopause; the store keeps the histogram of the energies with which they leave, which is a row
of the transfer matrix.

simulator=galaxy: propmat's solver of the Galaxy; simulator=galprop: your own GALPROP. Each sample is one point of the
ten parameters of injection and transport (nu1 to z_h); the store keeps the spectra at the Sun before modulation, and
the transfer matrices that samples.matrices names (galaxy only).

samples.kind=particles: every particle has its own parameters and energy; the store keeps ln(T_exit/T) of each.

Samples are numbered: any part can be made again, on another machine, with the same result. They are made in shards, by
processes of this machine (production=local, the default) or tasks of a Slurm cluster (production=slurm), and by workers
that you add by hand on any machine that sees the folder: the same command with resume=true production=worker. A shard
whose simulation fails is tried again, at last left out and reported. `propmat data status store=...` shows how far all
of them are.

Examples:
  propmat simulate experiment=heliosphere_tiny              a few samples in seconds, to see that all works
  propmat simulate experiment=heliosphere_small             the sample set that the shipped emulator learned from
  propmat simulate experiment=heliosphere_small resume=true go on after an interruption
  propmat simulate experiment=heliosphere_small production.workers=4
  propmat simulate experiment=heliosphere_small resume=true production=worker      one more worker, on another machine
  propmat simulate experiment=heliosphere_small production=slurm production.tasks=64 output=/shared/me/set
  propmat simulate samples.count=64 samples.particles=500 simulator.r_hp=110 output=runs/near_boundary
  propmat simulate simulator=galaxy samples=sobol_small output=runs/galaxy
  propmat simulate simulator=galaxy samples=sobol_small 'samples.matrices=[[proton,proton]]' output=runs/matrices
  propmat simulate simulator=galprop samples=sobol_small simulator.executable=/path/to/galprop output=runs/galprop
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from propmat.cli.config import Config
from propmat.cli.convert import build, convert
from propmat.cli.designs import build_design, take
from propmat.cli.production import Backend, Job, Worker, choose_device, read_backend, resume_command
from propmat.cli.runs import CONFIG, check_output, save_config, told_warnings, warn_truncated
from propmat.errors import InputError, PropmatError, TruncationWarning, unknown_name

if TYPE_CHECKING:
    from propmat.heliosphere import Heliosphere
    from propmat.samples import Channel, SpectraSimulator
    from propmat.samples.store import Store


class Model(Protocol):
    """A frozen dataclass of a simulator's constants, one of which is its name."""

    def as_dict(self) -> dict[str, Any]:
        """Every attribute."""


ModelT = TypeVar("ModelT", bound=Model)
StoreT = TypeVar("StoreT", bound="Store[Any]", covariant=True)


def run(config: Config) -> None:
    """Fill the store in ``output``.

    Raises:
        InputError: settings that make no design or model, or a folder that is not empty.
        FileError: the folder cannot be written, or holds other samples.
        PropmatError: shards whose simulation failed each time; the others are finished.
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
    backend = read_backend(config)
    device = choose_device(kind, backend.device)
    if kind in GALACTIC:
        _spectra(config, backend, kind, GALACTIC[kind](simulator, device, backend.threads))
    elif samples["kind"] == "particles":
        _particles(config, backend, device)
    else:
        _histograms(config, backend, device)


def _histograms(config: Config, backend: Backend, device: str) -> None:
    """Samples of the heliosphere."""
    from propmat.samples import Design, SampleStore, heliosphere_header
    from propmat.samples.listed import LISTED, ListedDesign
    from propmat.samples.production import compile_simulation, heliosphere_simulate, histogram_tables
    from propmat.transfer import TransferGrid

    model = _model(config)
    samples = dict(config.values["samples"])
    space, row_step = samples.pop("space"), convert(take(samples, "row_step"), int, "samples.row_step")
    asked, channels = _channels(take(samples, "channels"))
    kinds: dict[str, type[Design | ListedDesign]] = {"sobol": Design, LISTED: ListedDesign}
    design = build_design(kinds, samples | {"channels": channels}, space)
    grid = TransferGrid.default().every(row_step)
    header = heliosphere_header(model, design, space=space, grid=grid, command=_command(config))
    store = _created(config, backend, partial(SampleStore.create, header=header))
    _say_twins(asked, design.channels)
    job = Job(
        store=store,
        simulation=lambda: histogram_tables(
            header, heliosphere_simulate(header, device=device, threads=backend.threads)
        ),
        warm_up=lambda: compile_simulation(header, heliosphere_simulate(header, device=device)),
        kind="heliosphere",
        trajectories=design.samples * design.particles * len(grid.toa),
        own_threads=1,
        overrides=config.overrides,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)
        complete = _fill(config, backend, job)
    if complete:
        warn_truncated(store)
        print(f"{design.samples} samples of {design.particles} particles an energy in {store.path}")


def _particles(config: Config, backend: Backend, device: str) -> None:
    """Single particles of the heliosphere, each with its own parameters."""
    from propmat.samples import ParticleDesign, ParticleStore, make_particles, particle_header
    from propmat.samples.particles import installed_simulate_many
    from propmat.samples.production import PIECE_ON_CORES, particle_tables, provenance

    model = _model(config)
    samples = dict(config.values["samples"])
    space = samples.pop("space")
    asked, channels = _channels(take(samples, "channels"))
    design = build(ParticleDesign, samples | {"channels": channels}, "samples")
    header = particle_header(model, design, space=space, provenance=provenance(_command(config)))
    store = _created(config, backend, partial(ParticleStore.create, header=header))
    _say_twins(asked, design.channels)
    simulate = partial(installed_simulate_many, header, device=device, threads=backend.threads)
    job = Job(
        store=store,
        simulation=lambda: particle_tables(
            header, simulate(), **({"piece": PIECE_ON_CORES} if device == "cpu" else {})
        ),
        warm_up=lambda: make_particles(header, range(1), simulate_many=simulate()),
        kind="heliosphere",
        trajectories=design.samples,
        own_threads=1,
        overrides=config.overrides,
    )
    if _fill(config, backend, job):
        lost = sum(int(table.truncated.sum()) for table in store.tables())
        print(f"{design.samples} particles in {store.path}, {lost} of them given up at the step cap")


def _spectra(config: Config, backend: Backend, kind: str, simulator: SpectraSimulator) -> None:
    """Samples of the Galaxy."""
    from propmat.samples import SpectraDesign, create_spectra
    from propmat.samples.galactic import spectra_tables
    from propmat.samples.listed import LISTED, ListedSpectra

    samples = dict(config.values["samples"])
    space, pairs = samples.pop("space"), take(samples, "matrices")
    matrices = convert(pairs, tuple[tuple[str, str], ...], "samples.matrices")
    simulator.check_matrices(matrices)
    kinds: dict[str, type[SpectraDesign | ListedSpectra]] = {"sobol": SpectraDesign, LISTED: ListedSpectra}
    design = build_design(kinds, samples, space)
    with told_warnings():
        store = _created(
            config,
            backend,
            partial(
                create_spectra,
                simulator=simulator,
                design=design,
                space=space,
                matrices=matrices,
                command=_command(config),
            ),
        )
    job = Job(
        store=store,
        simulation=lambda: spectra_tables(store.header, simulator),
        warm_up=lambda: None,
        kind=kind,
        trajectories=0,
        own_threads=convert(config.values["simulator"].get("threads", 1), int, "simulator.threads"),
        overrides=config.overrides,
    )
    if _fill(config, backend, job):
        grid = store.header.grid
        axes = f"{len(grid.species)} species at {grid.kinetic_energy.size} energies"
        print(f"{design.samples} samples of {axes} in {store.path}")


class Create(Protocol[StoreT]):
    """Makes or opens a store."""

    def __call__(self, path: Path, /, *, resume: bool) -> StoreT:
        """The store in a folder."""


def _created(config: Config, backend: Backend, create: Create[StoreT]) -> StoreT:
    """The store in the output folder, made unless it is there, and what was asked for beside it."""
    backend.check(config.get("output", Path))
    output = check_output(config)
    store = create(output, resume=config.get("resume", bool))
    if not (isinstance(backend, Worker) and (output / CONFIG).exists()):
        save_config(config, output)
    return store


def _fill(config: Config, backend: Backend, job: Job) -> bool:
    """Make the samples; whether there is something to say of the store when that is done."""
    from propmat.samples.failures import UnitsFailed
    from propmat.samples.status import finished_units

    try:
        backend.run(job)
    except UnitsFailed as error:
        again = resume_command(config.overrides)
        raise PropmatError(f"{error}\nTo try again what failed:\n  {again}") from None
    if isinstance(backend, Worker):
        print(f"nothing is left to make in {job.store.path}")
        return False
    return len(finished_units(job.store.path)) >= job.store.header.design.shards


def _channels(values: object) -> tuple[tuple[Channel, ...], list[dict[str, Any]]]:
    """The channels asked for, and as plain values those that have to be simulated."""
    from propmat.samples import Channel, unique_channels

    asked = convert(values, tuple[Channel, ...], "samples.channels")
    return asked, [asdict(channel) for channel in unique_channels(asked)]


def _say_twins(asked: tuple[Channel, ...], channels: tuple[Channel, ...]) -> None:
    """Say which channels stand for which."""
    for channel in asked:
        if channel not in channels:
            twin = next(first for first in channels if first.identity == channel.identity)
            print(f"{channel} has the transfer matrices of {twin}: simulated once")


def _command(config: Config) -> tuple[str, ...]:
    return ("propmat", "simulate", *config.overrides)


def _model(config: Config) -> Heliosphere:
    """The heliosphere that the config describes."""
    from propmat.heliosphere import Heliosphere

    simulator = config.values["simulator"]
    return _variant(Heliosphere.preset(simulator["preset"]), simulator)


def _galaxy(simulator: Mapping[str, Any], device: str, threads: int | None) -> SpectraSimulator:
    """propmat's solver of the Galaxy that the config describes."""
    from propmat.galaxy import Galaxy
    from propmat.samples import galaxy_simulator
    from propmat.samples.local import cores

    tables = convert(simulator["tables"], str | None, "simulator.tables")
    galaxy = _variant(Galaxy.preset(simulator["preset"], tables=tables), simulator)
    return galaxy_simulator(galaxy, device=device, threads=threads or cores())


def _variant(preset: ModelT, simulator: Mapping[str, Any]) -> ModelT:
    """A preset with the changes that are not null."""
    changes = {
        key: value for key, value in simulator.items() if key not in ("kind", "preset", "tables") and value is not None
    }
    values = preset.as_dict()
    name = f"{values['name']}*" if changes else values["name"]
    return build(type(preset), values | changes | {"name": name}, "simulator")


def _galprop(simulator: Mapping[str, Any], device: str, threads: int | None) -> SpectraSimulator:
    """The user's executable with these settings."""
    from propmat.galaxy.galprop_adapter import GalpropSettings
    from propmat.samples import galprop_simulator

    settings = {key: value for key, value in simulator.items() if key != "kind"}
    return galprop_simulator(build(GalpropSettings, settings, "simulator"))


GALACTIC: Final[dict[str, Callable[[Mapping[str, Any], str, int | None], SpectraSimulator]]] = {
    "galaxy": _galaxy,
    "galprop": _galprop,
}
"""``simulator.kind`` -> the simulator of its section of the config, of a device and a number of threads."""
