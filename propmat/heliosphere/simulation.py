"""Run the simulator: trace pseudo-particles from Earth backward in time to the boundary of the heliosphere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from propmat.errors import InputError
from propmat.heliosphere.kernels.cpu import RESULTS
from propmat.heliosphere.memory import check_memory
from propmat.heliosphere.model import Heliosphere
from propmat.heliosphere.tracing import STEP_CAP, Progress, in_order, prepare, truncation
from propmat.parameters import Parameters
from propmat.species import FloatArray, Species, kinetic_energy_from_rigidity, momentum_from_kinetic_energy
from propmat.spectra import Spectrum
from propmat.transfer import TransferGrid

__all__ = ["SIMULATOR_VERSION", "STEP_CAP", "HeliosphereRun", "simulate"]

SIMULATOR_VERSION: Final = "3"
"""Changes whenever the same input gives other trajectories; part of every sample's key."""


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
                f"{truncation(int(self.truncated.sum()), self.truncated.size)}; "
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
            raise InputError(f"{truncation(int(self.truncated.sum()), self.truncated.size)}; see .truncated.")
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
    """Trace ``particles`` trajectories at each energy and keep each of them.

    The result depends on the arguments only, not on ``threads``: each trajectory draws its own random numbers from
    the seed and its number, energy * ``particles`` + particle. Energies may therefore be appended without changing
    the others, and two runs of one seed that differ in physics only share their noise.

    :func:`~propmat.heliosphere.simulate_counts` keeps histograms and moments only, for any number of particles.

    Args:
        model: see :meth:`Heliosphere.preset`.
        species: name or Species; only A/|Z|, the mass and the sign of the charge matter. A/|Z| from 1 to 2.5, or e+-.
        polarity: +1 (field outward in the north) or -1.
        kinetic_energy: (energy,) or scalar, at Earth [GeV/n], 1 MeV/n to 10 TeV/n.
        parameters: B0 [nT], tilt [deg], K0 [1e23 cm2/s], a, b; ranges of papers/000, Table II (B0 to 30 nT).
        particles: trajectories at each energy.
        seed: 0 <= seed < 2^63.
        device: "cpu", or "cuda": an NVIDIA GPU, the same trajectories but for rounding.
        threads: CPU threads; all that NUMBA_NUM_THREADS or the machine allow by default.
        progress: called with (done, total) trajectories now and then.

    Raises:
        InputError: any argument that does not exist or is out of range, or trajectories that do not fit into memory,
            before work starts.

    Warns:
        TruncationWarning: trajectories hit the step cap; see ``truncated``.
    """
    tracing = prepare(
        model,
        species=species,
        polarity=polarity,
        kinetic_energy=kinetic_energy,
        parameters=parameters,
        particles=particles,
        seed=seed,
        device=device,
        threads=threads,
    )
    energies = tracing.kinetic_energy
    check_memory(energies.size, particles)
    trace = tracing.tracer()
    out = np.empty((RESULTS, tracing.total))

    def work(first: int, last: int) -> None:
        out[:, first:last] = trace(first, last)

    for _ in in_order(work, tracing.total, threads, progress, device):
        pass
    table = out.reshape(RESULTS, energies.size, particles)
    truncated = table[5] < 0
    tracing.warn_truncated(int(truncated.sum()))
    return HeliosphereRun(
        model=model,
        species=tracing.species,
        polarity=polarity,
        parameters=tracing.parameters,
        seed=seed,
        kinetic_energy=energies,
        exit_kinetic_energy=kinetic_energy_from_rigidity(np.exp(table[0]), tracing.species),
        propagation_time=table[1],
        exit_radius=table[2],
        exit_colatitude=table[3],
        exit_longitude=table[4],
        steps=np.abs(table[5]).astype(np.int64),
        truncated=truncated,
    )
