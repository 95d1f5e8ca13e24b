"""Particles of their own parameters and energies in one run: what large sets of samples are made of."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from propmat.errors import InputError, TruncationWarning, out_of_range
from propmat.heliosphere.kernels.constants import (
    POINT_CONSTANTS,
    PointConstants,
    constants_at,
    point_constants,
    switches,
)
from propmat.heliosphere.kernels.cpu import RESULTS
from propmat.heliosphere.memory import check_memory_of_many
from propmat.heliosphere.model import Heliosphere
from propmat.heliosphere.tracing import (
    ACCEPTED,
    ENERGY_LIMITS,
    STEP_CAP,
    Progress,
    check_settings,
    checked_channel,
    in_order,
    seed_words,
    tracer,
    truncation,
)
from propmat.species import FloatArray, Species, kinetic_energy_from_rigidity, rigidity_from_kinetic_energy


@dataclass(frozen=True)
class ManyRun:
    """What :func:`simulate_many` recorded of each particle; every array is (particle,).

    Attributes:
        log_gain: ln(T_exit/T), the kinetic energy at the boundary over that at Earth.
        propagation_time: from the boundary to Earth [d].
        exit_colatitude: at the boundary [rad].
        steps: number of steps.
        truncated: the trajectory hit the step cap and never left; its other values are where it stood.
    """

    log_gain: FloatArray
    propagation_time: FloatArray
    exit_colatitude: FloatArray
    steps: NDArray[np.int64]
    truncated: NDArray[np.bool_]


@dataclass(frozen=True)
class Particles:
    """Checked particles, (particle,) each; ``parameters`` is (particle, parameter)."""

    kinetic_energy: FloatArray
    parameters: FloatArray
    numbers: NDArray[np.int64]

    def __getitem__(self, chosen: slice) -> Particles:
        return Particles(self.kinetic_energy[chosen], self.parameters[chosen], self.numbers[chosen])


def simulate_many(
    model: Heliosphere,
    *,
    species: str | Species,
    polarity: int,
    kinetic_energy: ArrayLike,
    parameters: ArrayLike,
    numbers: ArrayLike,
    seed: int,
    device: str = "cpu",
    threads: int | None = None,
    progress: Progress | None = None,
) -> ManyRun:
    """Trace one trajectory for each particle, which has its own parameters and energy.

    Particle i draws the noise of trajectory ``numbers[i]`` of ``seed``: where all have the parameters of one
    :func:`simulate`, these are its very trajectories. What becomes of a particle depends on its own values only, not
    on the other particles, their order or ``threads``, so that a large set can be cut anywhere.

    Args:
        model: see :meth:`Heliosphere.preset`.
        species: as in :func:`simulate`.
        polarity: +1 (field outward in the north) or -1.
        kinetic_energy: (particle,) at Earth [GeV/n], 1 MeV/n to 10 TeV/n.
        parameters: (particle, 5) in the order of ``propmat.parameters.HELIOSPHERE.names``: B0 [nT], tilt [deg],
            K0 [1e23 cm2/s], a, b; ranges of papers/000, Table II (B0 to 30 nT).
        numbers: (particle,) whole, from 0 to 2^63 - 1.
        seed: 0 <= seed < 2^63.
        device: "cpu", or "cuda": an NVIDIA GPU, the same trajectories but for rounding.
        threads: CPU threads; all that NUMBA_NUM_THREADS or the machine allow by default.
        progress: called with (done, total) particles now and then.

    Raises:
        InputError: any argument that does not exist or is out of range (of the first such particle, its place and
            value), or particles that do not fit into memory, before work starts.

    Warns:
        TruncationWarning: trajectories hit the step cap; see ``truncated``.
    """
    particle, drift_sign = checked_channel(model, species, polarity)
    check_settings(seed, device, threads)
    total = np.size(kinetic_energy)
    check_memory_of_many(total)
    particles = checked_particles(kinetic_energy, parameters, numbers)
    trace = many_tracer(model, particle, drift_sign, seed, device)
    run = ManyRun(
        log_gain=np.empty(total),
        propagation_time=np.empty(total),
        exit_colatitude=np.empty(total),
        steps=np.empty(total, dtype=np.int64),
        truncated=np.empty(total, dtype=np.bool_),
    )

    def work(first: int, last: int) -> None:
        piece = particles[first:last]
        table = trace(piece)
        exit_energy = kinetic_energy_from_rigidity(np.exp(table[0]), particle)
        run.log_gain[first:last] = np.log(exit_energy / piece.kinetic_energy)
        run.propagation_time[first:last] = table[1]
        run.exit_colatitude[first:last] = table[3]
        run.steps[first:last] = np.abs(table[5])
        run.truncated[first:last] = table[5] < 0.0

    for _ in in_order(work, total, threads, progress, device):
        pass
    truncated = int(run.truncated.sum())
    if truncated:
        warnings.warn(truncation(truncated, total), TruncationWarning, stacklevel=2)
    return run


def many_tracer(
    model: Heliosphere, species: Species, drift_sign: int, seed: int, device: str = "cpu"
) -> Callable[[Particles], FloatArray]:
    """Compiled: particles -> (RESULTS, particle), see :data:`propmat.heliosphere.kernels.cpu.RESULTS`."""
    trace = tracer(switches(model), device, own=True)
    nowhere = PointConstants(*[math.nan] * POINT_CONSTANTS)  # each lane has its own
    constants = constants_at(nowhere, model, species.mass_per_charge, drift_sign)
    key = seed_words(seed)

    def piece(particles: Particles) -> FloatArray:
        rigidity = rigidity_from_kinetic_energy(particles.kinetic_energy, species)
        # Where the gyroradius is small, steps are many: what may take long begins first, so that few lanes end late.
        order = np.argsort(rigidity / particles.parameters[:, ACCEPTED.names.index("B0")])
        parameters, numbers = particles.parameters[order], particles.numbers[order]
        points = np.array(point_constants(model, dict(zip(ACCEPTED.names, parameters.T, strict=True)), drift_sign))
        traced = np.empty((RESULTS, order.size))
        trace(constants, np.log(rigidity)[order], 1, 0, order.size, key, STEP_CAP, traced, points, numbers)
        table = np.empty_like(traced)
        table[:, order] = traced
        return table

    return piece


def checked_particles(kinetic_energy: ArrayLike, parameters: ArrayLike, numbers: ArrayLike) -> Particles:
    """Copies of the input, if all of it is possible.

    Raises:
        InputError: wrong shapes, a number that is not whole, or a value out of range: the first particle that has one.
    """
    energies, points = _numbers("kinetic_energy", kinetic_energy), _numbers("parameters", parameters)
    names = np.array(numbers)
    if energies.ndim != 1 or energies.size == 0 or points.shape != (energies.size, len(ACCEPTED.names)):
        raise InputError(
            f"kinetic_energy must be (particle,) and parameters (particle, {len(ACCEPTED.names)}), in the order "
            f"{', '.join(ACCEPTED.names)}, of one or more particles; got {energies.shape} and {points.shape}."
        )
    if names.shape != energies.shape or names.dtype.kind not in "iu":
        raise InputError(
            f"numbers must be {energies.size} whole numbers, one for each particle; got {names.shape} of {names.dtype}."
        )
    _check_ranges(energies, points, names)
    return Particles(energies, points, names.astype(np.int64, copy=False))


def _numbers(key: str, values: ArrayLike) -> FloatArray:
    try:
        return np.array(values, dtype=np.float64, order="C")
    except (TypeError, ValueError):
        raise InputError(f"{key} must be an array of numbers.") from None


def _check_ranges(energies: FloatArray, points: FloatArray, names: NDArray[Any]) -> None:
    """Raise InputError at the first particle that has a value out of range, or b < a."""
    columns: list[tuple[str, NDArray[Any], float | FloatArray, float, str]]
    columns = [("kinetic_energy", energies, *ENERGY_LIMITS, "GeV/n"), ("numbers", names, 0, 2**63 - 1, "")]
    for index, one in enumerate(ACCEPTED.parameters):
        low = points[:, ACCEPTED.names.index(one.at_least)] if one.at_least else one.low
        columns.append((one.name, points[:, index], low, one.high, one.unit))
    first, error = energies.size, None
    for key, values, low, high, unit in columns:
        bad = ~((values >= low) & (values <= high))  # a NaN is bad
        index = int(bad.argmax())
        if bad[index] and index < first:
            least = float(np.broadcast_to(low, values.shape)[index])
            first, error = index, out_of_range(f"{key} of particle {index}", values[index], least, high, unit)
    if error is not None:
        raise error
