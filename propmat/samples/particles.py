"""Making the particles of a store: a shard, or any range of them, with one simulation for many points at a time."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from propmat.errors import FileError, InputError, TruncationWarning
from propmat.samples.header import Header
from propmat.samples.particle_design import ParticleDesign
from propmat.samples.particle_header import GainCode, ParticleHeader, ParticleTable
from propmat.species import FloatArray

if TYPE_CHECKING:
    from propmat.heliosphere import Heliosphere

SIMULATOR: Final = "heliosphere"
PIECE: Final = 2**20
"""Particles simulated at a time: bounds the memory, and what an interrupt waits for."""

Progress = Callable[[int, int], None]


class Particles(Protocol):
    """What a store needs of a simulation."""

    @property
    def log_gain(self) -> FloatArray:
        """(n,) ln(T_exit/T)."""

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """(n,) hit the step cap; the log_gain of such a particle is ignored."""


class SimulateMany(Protocol):
    """The simulation of one channel, its model already chosen: see :func:`propmat.heliosphere.simulate_many`."""

    def __call__(
        self,
        *,
        species: str,
        polarity: int,
        kinetic_energy: FloatArray,
        parameters: FloatArray,
        numbers: NDArray[np.int64],
        seed: int,
        progress: Progress | None,
    ) -> Particles:
        """Trace n particles: energies (n,) [GeV/n], parameters (n, 5), trajectory numbers (n,)."""


def particle_header(
    model: Heliosphere,
    design: ParticleDesign,
    *,
    space: str = "heliosphere",
    provenance: Mapping[str, str] | None = None,
) -> ParticleHeader:
    """The header of a store of particles.

    Args:
        model: the heliosphere.
        design: particles, channels, energies, shards.
        space: name of the parameter space.
        provenance: who makes it with what.

    Raises:
        InputError: an unknown space, or one of other parameters.
    """
    from propmat.heliosphere import SIMULATOR_VERSION

    return ParticleHeader(
        simulator=SIMULATOR,
        simulator_version=SIMULATOR_VERSION,
        model=model.as_dict(),
        grid=GainCode(),
        space=space,
        design=design,
        provenance=provenance or {},
    )


def make_particles(
    header: ParticleHeader,
    samples: int | range,
    *,
    simulate_many: SimulateMany | None = None,
    progress: Progress | None = None,
    piece: int = PIECE,
) -> ParticleTable:
    """Simulate a shard, or consecutive particles.

    The result does not depend on ``piece`` or on the range: a particle draws the noise of its number.

    Args:
        header: of the store.
        samples: number of a shard, or the samples (counted from 0 in this store).
        simulate_many: the simulation, by default that of the header on all cores.
        progress: called with (done, total) particles now and then.
        piece: particles simulated at a time.

    Raises:
        InputError: no such shard or samples; or the simulator returned other numbers of particles, or an energy that
            has no code (the message names the particle and its parameters).
        FileError: the header is of another simulator or version than the installed one.
    """
    design = header.design
    chosen = design.shard_range(samples) if isinstance(samples, int) else samples
    if chosen.step != 1 or not 0 <= chosen.start < chosen.stop <= design.samples:
        raise InputError(f"samples = {chosen} must be consecutive, within 0 to {design.samples}.")
    run = simulate_many or installed_simulate_many(header)
    columns = header.planned(chosen)
    columns |= {"log_gain": np.empty(len(chosen)), "truncated": np.empty(len(chosen), dtype=np.bool_)}
    for first in range(0, len(chosen), piece):
        part = slice(first, min(first + piece, len(chosen)))
        _trace(header, chosen, {name: values[part] for name, values in columns.items()}, first, run, progress)
    return ParticleTable(**columns)


def _trace(
    header: ParticleHeader,
    chosen: range,
    part: Mapping[str, NDArray[Any]],
    first: int,
    run: SimulateMany,
    progress: Progress | None,
) -> None:
    """Fill log_gain and truncated of a part of the chosen particles, which begins at ``first``: one run a channel."""
    design = header.design
    samples = chosen[first : first + len(part["log_gain"])]
    numbers, channels = design.numbers(samples), design.channel_index(samples)
    done = first
    for index, channel in enumerate(design.channels):
        rows = np.flatnonzero(channels == index)
        if not rows.size:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TruncationWarning)  # the table says which
            found = run(
                species=channel.species,
                polarity=channel.polarity,
                kinetic_energy=part["kinetic_energy"][rows].astype(np.float64),
                parameters=part["parameters"][rows].astype(np.float64),
                numbers=numbers[rows],
                seed=design.seed,
                progress=None if progress is None else partial(_advance, progress, done, len(chosen)),
            )
        truncated = np.asarray(found.truncated)
        if found.log_gain.shape != rows.shape or truncated.shape != rows.shape or truncated.dtype != np.bool_:
            raise InputError(f"the simulator returned {found.log_gain.shape} particles instead of {rows.shape}.")
        if (bad := header.grid.outside(found.log_gain, truncated)) is not None:
            point = zip(header.parameter_space.names, part["parameters"][rows[bad]].tolist(), strict=True)
            named = ", ".join(f"{name} = {value:g}" for name, value in point)
            raise InputError(
                f"particle {numbers[rows[bad]]} ({named}, T = {part['kinetic_energy'][rows[bad]]:g} GeV/n, {channel}): "
                f"ln(T_exit/T) = {found.log_gain[bad]} has no code; allowed: within {header.grid.limit:g}."
            )
        part["log_gain"][rows] = np.where(truncated, np.nan, found.log_gain)
        part["truncated"][rows] = truncated
        done += rows.size
        if progress is not None:
            progress(done, len(chosen))


def _advance(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    """Progress of one run as that of all."""
    progress(before + done, total)


def installed_simulate_many(header: ParticleHeader, *, device: str = "cpu", threads: int | None = None) -> SimulateMany:
    """The simulation that a header asks for.

    Raises:
        FileError: the header is of another simulator or version than the installed one.
    """
    model = installed_model(header)
    from propmat.heliosphere import simulate_many

    bound: SimulateMany = partial(simulate_many, model, device=device, threads=threads)
    return bound


def installed_model(header: Header[Any]) -> Heliosphere:
    """The heliosphere of a header.

    Raises:
        FileError: the header is of another simulator or version than the installed one.
    """
    from propmat.heliosphere import SIMULATOR_VERSION, Heliosphere

    wanted, installed = (header.simulator, header.simulator_version), (SIMULATOR, SIMULATOR_VERSION)
    if wanted != installed:
        raise FileError(
            f"the store is of simulator {wanted[0]} {wanted[1]}, installed is {installed[0]} {installed[1]}; "
            "samples of two versions never mix. Make a new store in another folder."
        )
    try:
        return Heliosphere(**header.model)  # type: ignore[arg-type]
    except (TypeError, InputError) as error:
        raise FileError(f"the store's model is not one of this version of propmat: {error}") from None
