"""Making the samples of a store, every shard that is missing, resumable; and those of the heliosphere."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from propmat.errors import InputError, TruncationWarning
from propmat.samples.design import Design
from propmat.samples.failures import ATTEMPTS
from propmat.samples.header import TableT
from propmat.samples.histograms import StoreHeader
from propmat.samples.listed import ListedDesign
from propmat.samples.particle_header import ParticleHeader, ParticleTable
from propmat.samples.particles import PIECE, SIMULATOR, SimulateMany, installed_model, make_particles
from propmat.samples.status import open_units, shown_progress
from propmat.samples.store import SampleStore, Store
from propmat.samples.table import SampleTable, Truncation
from propmat.samples.worker import Tables, begin, finish, work
from propmat.species import FloatArray
from propmat.transfer import TransferGrid

if TYPE_CHECKING:
    from propmat.heliosphere import Heliosphere

PIECE_ON_CORES: Final = 2**13
"""Particles simulated at a time on CPU cores: half a minute of one of them."""
PACKAGES: Final = ("propmat", "numpy", "scipy", "numba", "h5py")


class Histograms(Protocol):
    """What production needs of a simulation."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """(toa, lis) particles that left in each column."""

    @property
    def truncated(self) -> NDArray[np.int64]:
        """(toa,) particles given up before the boundary."""

    @property
    def propagation_time_mean(self) -> FloatArray:
        """(toa,) mean time from the boundary to Earth of the particles that left, 0 where none did [d]."""


class Simulate(Protocol):
    """The simulation of one sample, its model already chosen."""

    def __call__(
        self,
        *,
        species: str,
        polarity: int,
        grid: TransferGrid,
        parameters: Mapping[str, float],
        particles: int,
        seed: int,
    ) -> Histograms:
        """Run ``particles`` particles from each row of the grid."""


def heliosphere_header(
    model: Heliosphere,
    design: Design | ListedDesign,
    *,
    space: str = "heliosphere",
    grid: TransferGrid | None = None,
    command: Sequence[str] = (),
) -> StoreHeader:
    """The header of a store of heliosphere samples, on the default grid unless another is given.

    Args:
        model: the heliosphere.
        design: points, channels, particles, seeds, shards.
        space: name of the parameter space.
        grid: rows and columns of the histograms.
        command: the command line, for the provenance.

    Raises:
        InputError: an unknown space, or a grid or shard too large.
    """
    from propmat.heliosphere import SIMULATOR_VERSION

    return StoreHeader(
        simulator=SIMULATOR,
        simulator_version=SIMULATOR_VERSION,
        model=model.as_dict(),
        grid=TransferGrid.default() if grid is None else grid,
        space=space,
        design=design,
        provenance=provenance(command),
    )


def provenance(command: Sequence[str]) -> dict[str, str]:
    """Command (without the folder of its program), date, Python and package versions."""
    program, *arguments = command or ("",)
    return {
        "command": " ".join([Path(program).name, *arguments]).strip(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
    } | {package: _package_version(package) for package in PACKAGES}


def produce(
    store: SampleStore,
    *,
    progress: bool = True,
    shards: Sequence[int] | None = None,
    simulate: Simulate | None = None,
    attempts: int = ATTEMPTS,
) -> None:
    """Make every shard of histograms that is missing or damaged, in this process: see :func:`fill`.

    Args:
        store: where to.
        progress: show a progress bar with the time left on stderr.
        shards: only these shards.
        simulate: the simulation, by default that of the store's header.
        attempts: times a shard is tried.

    Raises:
        FileError: the folder cannot be written, or the simulator is not the one of the store.
        UnitsFailed: shards whose simulation failed each time; the others are finished.
        InputError: no such shard.
        KeyboardInterrupt: interrupted; the message says how to go on. Finished shards are kept.

    Warns:
        TruncationWarning: particles of the samples made were given up at the step cap.
    """
    made = histogram_tables(store.header, simulate or heliosphere_simulate(store.header))
    lost: list[SampleTable] = []

    def tables(samples: Sequence[int]) -> Generator[SampleTable, None, None]:
        for table in made(samples):
            if table.truncated.any():
                lost.append(table)
            yield table

    fill(store, tables, progress=progress, shards=shards, attempts=attempts)
    if lost:
        warnings.warn(Truncation.of(lost).warning(), TruncationWarning, stacklevel=2)


def fill(
    store: Store[TableT],
    tables: Tables[TableT],
    *,
    progress: bool = True,
    shards: Sequence[int] | None = None,
    attempts: int = ATTEMPTS,
) -> None:
    """Make every shard that is missing or damaged, in this process; finished ones are left alone.

    Args:
        store: where to.
        tables: the simulation.
        progress: show a progress bar with the time left on stderr.
        shards: only these shards.
        attempts: times a shard is tried.

    Raises:
        FileError: the folder cannot be written.
        UnitsFailed: shards whose simulation failed each time; the others are finished.
        InputError: no such shard.
        KeyboardInterrupt: interrupted; the message says how to go on. Finished shards are kept.
    """
    for shard in shards or ():
        store.header.design.shard_range(shard)
    with shown_progress(store, progress) as bar:
        begin(store, partial(bar.console.print, markup=False, highlight=False, soft_wrap=True))
        try:
            work(store, tables, attempts=attempts, units=shards)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"stopped with {len(open_units(store, attempts, shards))} shards to go; {store.path} is valid. "
                "Run the same command with resume=true to go on."
            ) from None
    finish(store, attempts, shards)


def histogram_tables(header: StoreHeader, simulate: Simulate) -> Tables[SampleTable]:
    """The samples of a store of histograms, one after the other."""

    def tables(samples: Sequence[int]) -> Generator[SampleTable, None, None]:
        for sample in samples:
            yield make_sample(header, sample, simulate)

    return tables


def compile_simulation(header: StoreHeader, simulate: Simulate) -> None:
    """Compile what a simulation needs, so that processes started later find it on the disk."""
    channel = header.design.channel(0)
    parameters = dict(zip(header.parameter_space.names, header.plan.parameters[0].tolist(), strict=True))
    simulate(
        species=channel.species,
        polarity=channel.polarity,
        grid=header.grid,
        parameters=parameters,
        particles=1,
        seed=0,
    )


def particle_tables(header: ParticleHeader, simulate_many: SimulateMany, piece: int = PIECE) -> Tables[ParticleTable]:
    """The particles of a store, ``piece`` at a time."""

    def tables(samples: Sequence[int]) -> Generator[ParticleTable, None, None]:
        for first in range(samples[0], samples[-1] + 1, piece):
            yield make_particles(header, range(first, min(first + piece, samples[-1] + 1)), simulate_many=simulate_many)

    return tables


def make_sample(header: StoreHeader, sample: int, simulate: Simulate) -> SampleTable:
    """Simulate one sample: a table of length 1.

    Raises:
        InputError: the simulator returned arrays of other shapes, or other numbers of particles.
    """
    plan = header.plan.select(slice(sample, sample + 1))
    channel = header.design.channel(sample)
    found = simulate(
        species=channel.species,
        polarity=channel.polarity,
        grid=header.grid,
        parameters=dict(zip(header.parameter_space.names, plan.parameters[0].tolist(), strict=True)),
        particles=header.design.sample_particles(sample),
        seed=int(plan.seed[0]),
    )
    if found.counts.shape != header.grid.shape or np.any(found.counts < 0):
        raise InputError(f"the simulator returned counts of {found.counts.shape}, not of {header.grid.shape}.")
    return SampleTable(
        **vars(plan),
        counts=found.counts.astype(np.uint32)[None],
        truncated=found.truncated.astype(np.uint32)[None],
        propagation_time_mean=found.propagation_time_mean.astype(np.float32)[None],
    )


def heliosphere_simulate(header: StoreHeader, *, device: str = "cpu", threads: int | None = None) -> Simulate:
    """The simulation that a header asks for.

    Raises:
        FileError: the header is of another simulator or version than the installed one.
    """
    bound: Simulate = partial(_histograms, installed_model(header), device=device, threads=threads)
    return bound


@dataclass(frozen=True)
class _Histograms:
    counts: NDArray[np.int64]
    truncated: NDArray[np.int64]
    propagation_time_mean: FloatArray


def _histograms(model: Heliosphere, **arguments: Any) -> _Histograms:
    """What a store keeps of a run; the particles given up are in it, and reported when all samples are made."""
    from propmat.heliosphere import simulate_counts

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)
        found = simulate_counts(model, **arguments)
    return _Histograms(found.counts, found.truncated, np.nan_to_num(found.propagation_time.mean, nan=0.0))


def _package_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
