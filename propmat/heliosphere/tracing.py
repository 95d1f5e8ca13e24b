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
from propmat.heliosphere.kernels.constants import RunConstants, run_constants, switches
from propmat.heliosphere.kernels.cpu import RESULTS, tracer
from propmat.heliosphere.model import Heliosphere
from propmat.parameters import HELIOSPHERE_TABLE_II, Parameters
from propmat.species import FloatArray, Species, get_species, rigidity_from_kinetic_energy

STEP_CAP: Final = 20_000_000
"""Steps after which a trajectory is given up, counted and reported."""
FIELD_LIMITS: Final = (0.5, 30.0)
"""B0 [nT] the simulator accepts; Table II and the emulators' domain lie inside."""
RATIO_LIMITS: Final = (1.0, 2.5)
"""A/|Z| of the nuclei the simulator accepts: protons to 10Be."""
HELPROP_NUCLEON_MASS: Final = 0.93827
"""Mass per nucleon [GeV] with ``helprop_constants``; the run's species then has it."""
SEGMENT: Final = 128
"""Work is cut at multiples of this number of trajectories, whatever the threads, so that sums are reproducible."""
LARGEST_PIECE: Final = 128 * SEGMENT
"""Most trajectories a thread traces at once: bounds the memory of a reduced run, and the wait after Ctrl-C."""

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

    @property
    def total(self) -> int:
        """Number of trajectories."""
        return self.kinetic_energy.size * self.particles

    def tracer(self) -> Callable[[int, int], FloatArray]:
        """Compiled: (first, last) -> (RESULTS, last - first), see :data:`propmat.heliosphere.kernels.cpu.RESULTS`."""
        trace = tracer(switches(self.model))
        log_rigidity = np.log(rigidity_from_kinetic_energy(self.kinetic_energy, self.species))
        key = np.array([self.seed & 0xFFFFFFFF, self.seed >> 32], dtype=np.uint64)

        def piece(first: int, last: int) -> FloatArray:
            part = np.empty((RESULTS, last - first))
            trace(self.constants, log_rigidity, self.particles, first, last, key, STEP_CAP, part)
            return part

        return piece

    def warn_truncated(self, truncated: int) -> None:
        """Say that trajectories were given up, if any were."""
        if truncated:
            warnings.warn(truncation(truncated, self.total), TruncationWarning, stacklevel=3)


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
    particle = checked_species(species)
    if model.helprop_constants and particle.mass_number > 0:
        particle = replace(particle, mass=HELPROP_NUCLEON_MASS * particle.mass_number)
    drift_sign = particle.drift_sign(polarity)
    energies = _checked_energies(kinetic_energy)
    values = _checked_parameters(parameters)
    if device != "cpu":
        raise unknown_name("device", device, ["cpu"])
    if particles < 1 or not 0 <= seed < 2**63:
        raise InputError(f"particles = {particles} must be at least 1 and seed = {seed} in [0, 2^63).")
    if threads is not None and threads < 1:
        raise InputError(f"threads = {threads} must be at least 1.")
    constants = run_constants(model, values, particle.mass_per_charge, drift_sign)
    return Tracing(model, particle, polarity, values, seed, particles, energies, constants)


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
    work: Callable[[int, int], T], total: int, threads: int | None, progress: Progress | None = None
) -> Iterator[T]:
    """``work(first, last)`` on pieces of range(total) by threads; results in the order of the pieces.

    Only a few pieces are under way or waiting to be taken. An interrupt drops those that have not begun.
    """
    number = threads or _default_threads()
    size = _piece_size(total, 1 if number == 1 and progress is None else 8 * number)
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
    if energies.ndim != 1 or energies.size == 0 or not np.all((energies >= 1e-3) & (energies <= 1e4)):
        raise InputError("kinetic_energy must be one or more values in [0.001, 10000] GeV/n.")
    return energies


def _checked_parameters(parameters: Parameters) -> dict[str, float]:
    """Table II's ranges, except for B0, which only has to be a plausible field."""
    point = HELIOSPHERE_TABLE_II.stack(parameters, check=False)
    if point.shape != (len(HELIOSPHERE_TABLE_II.names),):
        raise InputError("a run takes one value of each parameter; call simulate for each point.")
    field = float(point[0])
    if not FIELD_LIMITS[0] <= field <= FIELD_LIMITS[1]:
        raise out_of_range("B0", f"{field:g}", *FIELD_LIMITS, "nT")
    inside = HELIOSPHERE_TABLE_II["B0"]
    HELIOSPHERE_TABLE_II.check(np.concatenate([[np.clip(field, inside.low, inside.high)], point[1:]]))
    return {name: float(value) for name, value in zip(HELIOSPHERE_TABLE_II.names, point, strict=True)}
