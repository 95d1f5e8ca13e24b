"""Run the simulator: trace pseudo-particles from Earth backward in time to the boundary of the heliosphere."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from propmat.errors import InputError, out_of_range, unknown_name
from propmat.heliosphere.kernels.constants import run_constants
from propmat.heliosphere.kernels.cpu import LANES, RESULTS, trace
from propmat.heliosphere.model import Heliosphere
from propmat.parameters import HELIOSPHERE_TABLE_II, Parameters
from propmat.species import (
    FloatArray,
    Species,
    get_species,
    kinetic_energy_from_rigidity,
    momentum_from_kinetic_energy,
    rigidity_from_kinetic_energy,
)
from propmat.spectra import Spectrum
from propmat.transfer import TransferGrid

SIMULATOR_VERSION: Final = "1"
"""Changes whenever the same input gives other trajectories; part of every sample's key."""
STEP_CAP: Final = 20_000_000
"""Steps after which a trajectory is given up, counted and reported."""
FIELD_LIMITS: Final = (0.5, 30.0)
"""B0 [nT] the simulator accepts; Table II and the emulators' domain lie inside."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class HeliosphereRun:
    """What a simulation recorded. Arrays of trajectories are (energy, particle).

    Attributes:
        model, species, polarity, parameters, seed: the input.
        kinetic_energy: (energy,) at Earth [GeV/n].
        exit_kinetic_energy: at the boundary [GeV/n].
        propagation_time: from the boundary to Earth [d].
        exit_radius [AU], exit_colatitude [rad], exit_longitude [rad].
        steps: number of steps.
        truncated: the trajectory hit the step cap and never left; its other values are where it stood.
    """

    model: Heliosphere
    species: Species
    polarity: int
    parameters: dict[str, float]
    seed: int
    kinetic_energy: FloatArray
    exit_kinetic_energy: FloatArray
    propagation_time: FloatArray
    exit_radius: FloatArray
    exit_colatitude: FloatArray
    exit_longitude: FloatArray
    steps: NDArray[np.int64]
    truncated: NDArray[np.bool_]

    def modulate(self, lis: Spectrum) -> tuple[FloatArray, FloatArray]:
        """TOA flux and its standard error, both (energy,) [m^-2 s^-1 sr^-1 (GeV/n)^-1].

        J_TOA(T) = p^2 <J_LIS(T_exit) / p_exit^2>: unbinned and unbiased.

        Raises:
            InputError: trajectories hit the step cap (no unbiased flux exists), or fewer than two particles.
        """
        if self.truncated.any():
            raise InputError(
                f"{int(self.truncated.sum())} of {self.truncated.size} trajectories hit the cap of {STEP_CAP} steps; "
                "a flux without them would be biased. Raise K0, or count them in .truncated."
            )
        particles = self.exit_kinetic_energy.shape[1]
        if particles < 2:
            raise InputError("a standard error needs at least 2 particles.")
        momentum = momentum_from_kinetic_energy(self.kinetic_energy, self.species)[:, None]
        exit_momentum = momentum_from_kinetic_energy(self.exit_kinetic_energy, self.species)
        flux = (momentum / exit_momentum) ** 2 * np.asarray(lis(self.exit_kinetic_energy))
        return flux.mean(axis=1), flux.std(axis=1, ddof=1) / np.sqrt(particles)

    def transfer_matrix(self, grid: TransferGrid) -> FloatArray:
        """(toa, lis) share of the particles of each row that left in each LIS bin; rows sum to one.

        Raises:
            InputError: the rows of the grid are not this run's energies, or trajectories hit the step cap.
        """
        if grid.toa.shape != self.kinetic_energy.shape or not np.allclose(grid.toa, self.kinetic_energy, rtol=1e-9):
            raise InputError("the grid's rows must be the kinetic energies of the run; simulate with grid.toa.")
        if self.truncated.any():
            raise InputError(f"{int(self.truncated.sum())} trajectories hit the step cap; see .truncated.")
        counts = grid.counts(self.exit_kinetic_energy)
        matrix: FloatArray = counts / counts.sum(axis=1, keepdims=True)
        return matrix


def simulate(
    model: Heliosphere,
    *,
    species: str | Species,
    polarity: int,
    kinetic_energy: ArrayLike,
    parameters: Parameters,
    particles: int,
    seed: int,
    device: str = "cpu",
    threads: int | None = None,
    progress: Progress | None = None,
) -> HeliosphereRun:
    """Trace ``particles`` trajectories at each energy.

    The result depends on the arguments only, not on ``threads``: each trajectory draws its own random numbers from
    the seed and its number, energy * ``particles`` + particle. Energies may therefore be appended without changing
    the others, and two runs of one seed that differ in physics only share their noise.

    Args:
        model: see :meth:`Heliosphere.preset`.
        species: name or Species; only A/|Z|, the mass and the sign of the charge matter.
        polarity: +1 (field outward in the north) or -1.
        kinetic_energy: (energy,) or scalar, at Earth [GeV/n], 1 MeV/n to 10 TeV/n.
        parameters: B0 [nT], tilt [deg], K0 [1e23 cm2/s], a, b; ranges of papers/000, Table II (B0 to 30 nT).
        particles: trajectories at each energy.
        seed: 0 <= seed < 2^63.
        device: "cpu".
        threads: CPU threads; all that NUMBA_NUM_THREADS or the machine allow by default.
        progress: called with (done, total) trajectories now and then.

    Raises:
        InputError: any argument that does not exist or is out of range, before work starts.
    """
    particle = get_species(species)
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
    log_rigidity = np.log(rigidity_from_kinetic_energy(energies, particle))
    key = np.array([seed & 0xFFFFFFFF, seed >> 32], dtype=np.uint64)
    out = np.empty((RESULTS, energies.size * particles))

    def work(first: int, last: int) -> int:
        part = np.empty((RESULTS, last - first))
        trace(constants, log_rigidity, particles, first, last, key, STEP_CAP, part)
        out[:, first:last] = part
        return last - first

    _in_threads(work, out.shape[1], threads or _default_threads(), progress)
    table = out.reshape(RESULTS, energies.size, particles)
    return HeliosphereRun(
        model=model,
        species=particle,
        polarity=polarity,
        parameters=values,
        seed=seed,
        kinetic_energy=energies,
        exit_kinetic_energy=kinetic_energy_from_rigidity(np.exp(table[0]), particle),
        propagation_time=table[1],
        exit_radius=table[2],
        exit_colatitude=table[3],
        exit_longitude=table[4],
        steps=np.abs(table[5]).astype(np.int64),
        truncated=table[5] < 0,
    )


def _default_threads() -> int:
    """NUMBA_NUM_THREADS where it is set, else the CPUs this process may use."""
    setting = os.environ.get("NUMBA_NUM_THREADS", "")
    return int(setting) if setting.isdigit() and int(setting) > 0 else len(os.sched_getaffinity(0))


def _in_threads(work: Callable[[int, int], int], total: int, threads: int, progress: Progress | None) -> None:
    """Call ``work`` on pieces of range(total); an interrupt drops the pieces that have not begun."""
    pieces = 1 if threads == 1 and progress is None else 8 * threads
    size = max(4 * LANES, -(-total // pieces))
    bounds = [(first, min(first + size, total)) for first in range(0, total, size)]
    done = 0
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(work, *bound) for bound in bounds]
        try:
            for future in as_completed(futures):
                done += future.result()
                if progress is not None:
                    progress(done, total)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _checked_energies(kinetic_energy: ArrayLike) -> FloatArray:
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
