"""Making the samples of a store: every shard that is missing, one sample after the other, resumable."""

from __future__ import annotations

import platform
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from propmat.errors import FileError, InputError
from propmat.samples.design import Design
from propmat.samples.header import StoreHeader
from propmat.samples.store import SampleStore
from propmat.samples.table import SampleTable
from propmat.species import FloatArray
from propmat.transfer import TransferGrid

if TYPE_CHECKING:
    from propmat.heliosphere import Heliosphere

SIMULATOR: Final = "heliosphere"
PACKAGES: Final = ("propmat", "numpy", "scipy", "numba", "h5py")


class Run(Protocol):
    """What production needs of a simulation; all (toa, particle)."""

    @property
    def exit_kinetic_energy(self) -> FloatArray:
        """Energy at the boundary [GeV/n]."""

    @property
    def propagation_time(self) -> FloatArray:
        """Time from Earth to the boundary [d]."""

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """Particles given up before the boundary."""


class Simulate(Protocol):
    """The simulation of one sample, its model already chosen."""

    def __call__(
        self,
        *,
        species: str,
        polarity: int,
        kinetic_energy: FloatArray,
        parameters: Mapping[str, float],
        particles: int,
        seed: int,
    ) -> Run:
        """Run ``particles`` particles at each kinetic energy [GeV/n]."""


def heliosphere_header(
    model: Heliosphere,
    design: Design,
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
) -> None:
    """Make every shard that is missing or damaged; finished ones are left alone.

    The samples do not depend on the order, the number of threads or who makes them, so that several workers may fill
    one store, each with its own ``shards``.

    Args:
        store: where to.
        progress: show a progress bar with the time left on stderr.
        shards: only these shards.
        simulate: the simulation, by default that of the store's header.

    Raises:
        FileError: the folder cannot be written, or the simulator is not the one of the store.
        InputError: no such shard.
        KeyboardInterrupt: interrupted; the message says how to go on. Finished shards are kept.
    """
    store.check_writable()
    for shard in shards or ():
        store.header.design.shard_range(shard)
    run = simulate or heliosphere_simulate(store.header)
    damaged = store.verify()
    todo = [shard for shard in store.missing() if shards is None or shard in shards]
    total = sum(len(store.header.design.shard_range(shard)) for shard in todo)
    with _progress_bar(progress) as bar:
        for shard in damaged.keys() & set(todo):
            bar.console.print(f"making anew: {damaged[shard]}", markup=False, highlight=False)
        task = bar.add_task("samples", total=total)
        for done, shard in enumerate(todo):
            try:
                tables = []
                for sample in store.header.design.shard_range(shard):
                    tables.append(make_sample(store.header, sample, run))
                    bar.advance(task)
                store.write_shard(shard, SampleTable.concatenate(tables))
            except KeyboardInterrupt:
                raise KeyboardInterrupt(
                    f"stopped with {len(todo) - done} shards to go; {store.path} is valid. "
                    "Run the same command with resume=true to go on."
                ) from None


def make_sample(header: StoreHeader, sample: int, simulate: Simulate) -> SampleTable:
    """Simulate one sample: a table of length 1.

    Raises:
        InputError: the simulator returned arrays of other shapes, or energies that are not finite.
    """
    plan = header.plan.select(slice(sample, sample + 1))
    channel = header.channel(sample)
    run = simulate(
        species=channel.species,
        polarity=channel.polarity,
        kinetic_energy=header.grid.toa,
        parameters=dict(zip(header.parameter_space.names, plan.parameters[0].tolist(), strict=True)),
        particles=header.design.particles,
        seed=int(plan.seed[0]),
    )
    lost = np.asarray(run.truncated, dtype=bool)
    shape = (header.grid.toa.size, header.design.particles)
    if not run.exit_kinetic_energy.shape == run.propagation_time.shape == lost.shape == shape:
        raise InputError(f"the simulator returned {run.exit_kinetic_energy.shape} energies instead of {shape}.")
    if not np.all(np.isfinite(run.exit_kinetic_energy[~lost])):
        raise InputError(f"the simulator returned an exit energy that is not finite for sample {sample}.")
    # Truncated particles are put into the first column and taken out again, to keep the array rectangular.
    counts = header.grid.counts(np.where(lost, header.grid.lis_edges[:, :1], run.exit_kinetic_energy))
    counts[:, 0] -= lost.sum(axis=1)
    arrived = np.maximum((~lost).sum(axis=1), 1)
    time = np.where(lost, 0.0, run.propagation_time).sum(axis=1) / arrived
    return SampleTable(
        **vars(plan),
        counts=counts.astype(np.uint32)[None],
        truncated=lost.sum(axis=1).astype(np.uint32)[None],
        propagation_time_mean=time.astype(np.float32)[None],
    )


def heliosphere_simulate(header: StoreHeader) -> Simulate:
    """The simulation that a header asks for.

    Raises:
        FileError: the header is of another simulator or version than the installed one.
    """
    from propmat.heliosphere import SIMULATOR_VERSION, Heliosphere, simulate

    wanted, installed = (header.simulator, header.simulator_version), (SIMULATOR, SIMULATOR_VERSION)
    if wanted != installed:
        raise FileError(
            f"the store is of simulator {wanted[0]} {wanted[1]}, installed is {installed[0]} {installed[1]}; "
            "samples of two versions never mix. Make a new store in another folder."
        )
    try:
        model = Heliosphere(**header.model)  # type: ignore[arg-type]
    except (TypeError, InputError) as error:
        raise FileError(f"the store's model is not one of this version of propmat: {error}") from None
    bound: Simulate = partial(simulate, model)
    return bound


@contextmanager
def terminate_as_interrupt() -> Iterator[None]:
    """Inside, SIGTERM raises KeyboardInterrupt, as Ctrl-C does. For the main thread."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _progress_bar(show: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        disable=not show,
    )


def _package_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
