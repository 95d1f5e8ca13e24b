"""A run before its trajectories are stored or reduced: arguments checked, work numbered and shared among threads."""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from propmat.errors import InputError, TruncationWarning, out_of_range, unknown_name
from propmat.heliosphere.kernels import cpu
from propmat.heliosphere.kernels.constants import RunConstants, Switches, run_constants, switches
from propmat.heliosphere.kernels.cpu import RESULTS
from propmat.heliosphere.model import Heliosphere
from propmat.parameters import HELIOSPHERE_TABLE_II, Parameters
from propmat.species import FloatArray, Species, get_species, rigidity_from_kinetic_energy

STEP_CAP: Final = 20_000_000
"""Steps after which a trajectory is given up, counted and reported."""
_WIDER_FIELD: Final = replace(HELIOSPHERE_TABLE_II["B0"], low=0.5, high=30.0)
ACCEPTED: Final = replace(HELIOSPHERE_TABLE_II, parameters=(_WIDER_FIELD, *HELIOSPHERE_TABLE_II.parameters[1:]))
"""Parameters the simulator accepts: Table II's ranges, except for B0, which only has to be a plausible field."""
RATIO_LIMITS: Final = (1.0, 2.5)
"""A/|Z| of the nuclei the simulator accepts: protons to 10Be."""
ENERGY_LIMITS: Final = (1e-3, 1e4)
"""Kinetic energies at Earth [GeV/n] the simulator accepts."""
HELPROP_NUCLEON_MASS: Final = 0.93827
"""Mass per nucleon [GeV] with ``helprop_constants``; the run's species then has it."""
SEGMENT: Final = 128
"""Work is cut at multiples of this number of trajectories, whatever the threads, so that sums are reproducible."""
LARGEST_PIECE: Final = 128 * SEGMENT
"""Most trajectories a thread traces at once: bounds the memory of a reduced run, and the wait after Ctrl-C."""

DEVICES: Final = ("cpu", "cuda")
"""Where trajectories may be traced."""

Progress = Callable[[int, int], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Tracing:
    """A checked run: trajectory number energy * ``particles`` + particle, for every energy and particle."""

    model: Heliosphere
    species: Species
    polarity: int
    parameters: dict[str, float]
    seed: int
    particles: int
    kinetic_energy: FloatArray
    constants: RunConstants
    device: str = "cpu"

    @property
    def total(self) -> int:
        """Number of trajectories."""
        return self.kinetic_energy.size * self.particles

    def tracer(self) -> Callable[[int, int], FloatArray]:
        """Compiled: (first, last) -> (RESULTS, last - first), see :data:`propmat.heliosphere.kernels.cpu.RESULTS`."""
        trace = tracer(switches(self.model), self.device)
        log_rigidity = np.log(rigidity_from_kinetic_energy(self.kinetic_energy, self.species))
        key = seed_words(self.seed)

        def piece(first: int, last: int) -> FloatArray:
            part = np.empty((RESULTS, last - first))
            trace(self.constants, log_rigidity, self.particles, first, last, key, STEP_CAP, part)
            return part

        return piece

    def warn_truncated(self, truncated: int) -> None:
        """Say that trajectories were given up, if any were."""
        if truncated:
            warnings.warn(truncation(truncated, self.total), TruncationWarning, stacklevel=3)


def seed_words(seed: int) -> NDArray[np.uint64]:
    """The key of a run's random numbers: two words of 32 bits."""
    return np.array([seed & 0xFFFFFFFF, seed >> 32], dtype=np.uint64)


def truncation(truncated: int, total: int) -> str:
    """The sentence that says how many trajectories hit the step cap."""
    return f"{truncated} of {total} trajectories hit the cap of {STEP_CAP} steps"


def prepare(
    model: Heliosphere,
    *,
    species: str | Species,
    polarity: int,
    kinetic_energy: ArrayLike,
    parameters: Parameters,
    particles: int,
    seed: int,
    device: str,
    threads: int | None,
) -> Tracing:
    """Check every argument of a run; nothing is compiled or allocated yet.

    Raises:
        InputError: any argument that does not exist or is out of range.
    """
    particle, drift_sign = checked_channel(model, species, polarity)
    energies = _checked_energies(kinetic_energy)
    values = _checked_parameters(parameters)
    if particles < 1:
        raise InputError(f"particles = {particles} must be at least 1.")
    check_settings(seed, device, threads)
    constants = run_constants(model, values, particle.mass_per_charge, drift_sign)
    return Tracing(model, particle, polarity, values, seed, particles, energies, constants, device)


def checked_channel(model: Heliosphere, species: str | Species, polarity: int) -> tuple[Species, int]:
    """(the species as the model has it, the drift sign).

    Raises:
        InputError: see :func:`checked_species`; or no such polarity.
    """
    particle = checked_species(species)
    if model.helprop_constants and particle.mass_number > 0:
        particle = replace(particle, mass=HELPROP_NUCLEON_MASS * particle.mass_number)
    return particle, particle.drift_sign(polarity)


def check_settings(seed: int, device: str, threads: int | None) -> None:
    """Raise InputError at a seed, a device or a number of threads that cannot be."""
    if not 0 <= seed < 2**63:
        raise InputError(f"seed = {seed} must be in [0, 2^63).")
    if device not in DEVICES:
        raise unknown_name("device", device, DEVICES)
    if threads is not None and threads < 1:
        raise InputError(f"threads = {threads} must be at least 1.")
    if device == "cuda":
        from propmat.heliosphere.kernels.cuda import check_cuda

        check_cuda()


def tracer(s: Switches, device: str, own: bool = False) -> Callable[..., None]:
    """The trace of :func:`propmat.heliosphere.kernels.cpu.build` for a checked device."""
    if device == "cuda":
        from propmat.heliosphere.kernels import cuda

        return cuda.tracer(s)
    return cpu.tracer(s, own)


def checked_species(species: str | Species) -> Species:
    """The species, if the simulator knows its kind: a nucleus with A/|Z| in ``RATIO_LIMITS``, or a charged lepton.

    Raises:
        InputError: no such species, no charge, no mass, or A/|Z| out of range.
    """
    particle = get_species(species)
    if particle.charge == 0 or not 0.0 < particle.mass < np.inf:
        raise InputError(
            f"species {particle.name!r} has charge {particle.charge} and mass {particle.mass} GeV; the heliosphere "
            "modulates charged particles with a mass."
        )
    if particle.mass_number > 0 and not RATIO_LIMITS[0] <= particle.nucleons_per_charge <= RATIO_LIMITS[1]:
        raise out_of_range(f"A/|Z| of {particle.name!r}", f"{particle.nucleons_per_charge:g}", *RATIO_LIMITS)
    return particle


def in_order(
    work: Callable[[int, int], T],
    total: int,
    threads: int | None,
    progress: Progress | None = None,
    device: str = "cpu",
) -> Iterator[T]:
    """``work(first, last)`` on pieces of range(total) by threads; results in the order of the pieces.

    Only a few pieces are under way or waiting to be taken. An interrupt drops those that have not begun. A GPU gets
    pieces of its own size, from as many threads as launches overlap.
    """
    number = threads or _default_threads()
    size = _piece_size(total, 1 if number == 1 and progress is None else 8 * number)
    if device == "cuda":
        from propmat.heliosphere.kernels.cuda import LAUNCH, LAUNCHES

        number, size = LAUNCHES, LAUNCH
    waiting: deque[tuple[int, Future[T]]] = deque()
    with ThreadPoolExecutor(number) as pool:
        try:
            for first in range(0, total, size):
                last = min(first + size, total)
                waiting.append((last, pool.submit(work, first, last)))
                if len(waiting) >= 4 * number:
                    yield _take(waiting, total, progress)
            while waiting:
                yield _take(waiting, total, progress)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _take(waiting: deque[tuple[int, Future[T]]], total: int, progress: Progress | None) -> T:
    """The first result that is waited for."""
    done, future = waiting.popleft()
    result = future.result()
    if progress is not None:
        progress(done, total)
    return result


def _piece_size(total: int, pieces: int) -> int:
    """A whole number of segments, for about so many pieces."""
    segments = -(-total // (pieces * SEGMENT))
    return min(segments * SEGMENT, LARGEST_PIECE)


def _default_threads() -> int:
    """NUMBA_NUM_THREADS where it is set, else the CPUs this process may use."""
    setting = os.environ.get("NUMBA_NUM_THREADS", "")
    return int(setting) if setting.isdigit() and int(setting) > 0 else len(os.sched_getaffinity(0))


def _checked_energies(kinetic_energy: ArrayLike) -> NDArray[np.float64]:
    energies = np.atleast_1d(np.asarray(kinetic_energy, dtype=np.float64))
    low, high = ENERGY_LIMITS
    if energies.ndim != 1 or energies.size == 0 or not np.all((energies >= low) & (energies <= high)):
        raise InputError(f"kinetic_energy must be one or more values in [{low:g}, {high:g}] GeV/n.")
    return energies


def _checked_parameters(parameters: Parameters) -> dict[str, float]:
    """One value of each, in range."""
    point = ACCEPTED.stack(parameters, check=False)
    if point.shape != (len(ACCEPTED.names),):
        raise InputError("a run takes one value of each parameter; call simulate for each point.")
    ACCEPTED.check(point)
    return {name: float(value) for name, value in zip(ACCEPTED.names, point, strict=True)}
