"""Histograms and moments of a run, in memory that does not grow with the number of particles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from propmat.errors import InputError
from propmat.heliosphere.model import Heliosphere
from propmat.heliosphere.tracing import SEGMENT, Progress, Tracing, in_order, prepare, truncation
from propmat.parameters import Parameters
from propmat.species import FloatArray, Species, kinetic_energy_from_rigidity, momentum_from_kinetic_energy
from propmat.spectra import Spectrum
from propmat.transfer import TransferGrid

_PLAIN: Final = 3
"""Moments that every run has: ln(T_exit/T), propagation time, exit |latitude|; the fluxes follow."""


@dataclass(frozen=True)
class Moments:
    """Mean and variance (n - 1 in the denominator) of one quantity over the particles that left.

    Attributes:
        mean, variance: (toa,); nan where no particle left, or fewer than two for the variance.
        number: (toa,) particles that left.
    """

    mean: FloatArray
    variance: FloatArray
    number: NDArray[np.int64]

    @property
    def standard_error(self) -> FloatArray:
        """(toa,) of the mean."""
        error: FloatArray = np.sqrt(self.variance / np.maximum(self.number, 1))
        return error


@dataclass(frozen=True)
class HeliosphereCounts:
    """What is left of a run whose trajectories were reduced at once.

    Attributes:
        model, species, polarity, parameters, seed, particles, grid, lis: the input.
        counts: (toa, lis) particles that left in each column; energies beyond the grid are in its end columns.
        truncated: (toa,) particles given up at the step cap, in no column and no moment.
        steps: (toa,) steps of all particles.
        log_gain: moments of ln(T_exit/T).
        propagation_time: moments of the time from the boundary to Earth [d].
        exit_latitude: moments of |latitude| at the boundary [rad].
        flux: for each spectrum of ``lis``, moments of p^2 J_LIS(T_exit)/p_exit^2 [m^-2 s^-1 sr^-1 (GeV/n)^-1].
    """

    model: Heliosphere
    species: Species
    polarity: int
    parameters: dict[str, float]
    seed: int
    particles: int
    grid: TransferGrid
    lis: tuple[Spectrum, ...]
    counts: NDArray[np.int64]
    truncated: NDArray[np.int64]
    steps: NDArray[np.int64]
    log_gain: Moments
    propagation_time: Moments
    exit_latitude: Moments
    flux: tuple[Moments, ...]

    def transfer_matrix(self) -> FloatArray:
        """(toa, lis) share of the particles of each row that left in each LIS bin; rows sum to one.

        Raises:
            InputError: trajectories hit the step cap.
        """
        self._refuse_truncated("matrix")
        matrix: FloatArray = self.counts / self.particles
        return matrix

    def modulated(self) -> tuple[FloatArray, FloatArray]:
        """TOA flux and its standard error, both (lis, toa) [m^-2 s^-1 sr^-1 (GeV/n)^-1].

        J_TOA(T) = p^2 <J_LIS(T_exit) / p_exit^2>, unbinned and unbiased, for each spectrum given.

        Raises:
            InputError: no spectrum was given, trajectories hit the step cap, or fewer than two particles.
        """
        if not self.lis:
            raise InputError("no spectrum to modulate: give simulate_counts(..., lis=[spectrum]).")
        self._refuse_truncated("flux")
        if self.particles < 2:
            raise InputError("a standard error needs at least 2 particles.")
        means = np.array([moments.mean for moments in self.flux])
        return means, np.array([moments.standard_error for moments in self.flux])

    def _refuse_truncated(self, what: str) -> None:
        lost = int(self.truncated.sum())
        if lost:
            said = truncation(lost, self.particles * self.truncated.size)
            raise InputError(f"{said}; a {what} without them would be biased. Raise K0, or count them in .truncated.")


def simulate_counts(
    model: Heliosphere,
    *,
    species: str | Species,
    polarity: int,
    grid: TransferGrid,
    parameters: Parameters,
    particles: int,
    seed: int,
    lis: Sequence[Spectrum] = (),
    device: str = "cpu",
    threads: int | None = None,
    progress: Progress | None = None,
) -> HeliosphereCounts:
    """Trace the trajectories that :func:`simulate` would trace from ``grid.toa``, and keep histograms and moments only.

    Each piece of work is reduced as soon as it is traced, so that memory depends on the grid and the number of threads,
    not on ``particles``. Histograms are exact, and moments are summed over fixed segments in a fixed order: every
    bit of the result depends on the arguments only, not on ``threads``.

    Args:
        model: see :meth:`Heliosphere.preset`.
        species: as in :func:`simulate`.
        polarity: +1 or -1.
        grid: its rows are the energies at Earth, its columns those of the histograms.
        parameters: as in :func:`simulate`.
        particles: trajectories at each energy.
        seed: 0 <= seed < 2^63.
        lis: local interstellar spectra to modulate on the way.
        device: as in :func:`simulate`.
        threads: as in :func:`simulate`.
        progress: called with (done, total) trajectories now and then.

    Raises:
        InputError: any argument that does not exist or is out of range, before work starts.

    Warns:
        TruncationWarning: trajectories hit the step cap; see ``truncated``.
    """
    tracing = prepare(
        model,
        species=species,
        polarity=polarity,
        kinetic_energy=grid.toa,
        parameters=parameters,
        particles=particles,
        seed=seed,
        device=device,
        threads=threads,
    )
    reducer = _Reducer(tracing, grid, tuple(lis))
    counts = np.zeros(grid.shape, dtype=np.int64)
    truncated, steps = np.zeros((2, grid.toa.size), dtype=np.int64)
    sums = np.zeros((2 * (_PLAIN + len(lis)), grid.toa.size))
    trace = tracing.tracer()

    def work(first: int, last: int) -> list[_RowPart]:
        return list(reducer.reduce(first, trace(first, last)))

    for parts in in_order(work, tracing.total, threads, progress, device):
        for part in parts:
            counts[part.row] += part.counts
            truncated[part.row] += part.truncated
            steps[part.row] += part.steps
            # One after the other: where the pieces were cut must not show in the last bit.
            running = np.concatenate([sums[:, part.row, None], part.sums], axis=1)
            sums[:, part.row] = np.cumsum(running, axis=1)[:, -1]
    tracing.warn_truncated(int(truncated.sum()))
    moments = reducer.moments(sums, particles - truncated)
    return HeliosphereCounts(
        model=model,
        species=tracing.species,
        polarity=polarity,
        parameters=tracing.parameters,
        seed=seed,
        particles=particles,
        grid=grid,
        lis=tuple(lis),
        counts=counts,
        truncated=truncated,
        steps=steps,
        log_gain=moments[0],
        propagation_time=moments[1],
        exit_latitude=moments[2],
        flux=tuple(moments[_PLAIN:]),
    )


class _RowPart(NamedTuple):
    """What a piece of work adds to one row; ``sums`` is (2 * quantity, segment)."""

    row: int
    counts: NDArray[np.int64]
    truncated: int
    steps: int
    sums: FloatArray


@dataclass(frozen=True)
class _Reducer:
    """Turns traced pieces into parts of histograms and sums.

    Fluxes are summed as J/J_LIS(T) - 1: no modulation is exactly zero, and squares lose no digits.
    """

    tracing: Tracing
    grid: TransferGrid
    lis: tuple[Spectrum, ...]

    def reduce(self, first: int, table: FloatArray) -> Iterator[_RowPart]:
        """The parts of the rows in a table (RESULTS, trajectory) that begins with number ``first``."""
        particles = self.tracing.particles
        last = first + table.shape[1]
        for row in range(first // particles, (last - 1) // particles + 1):
            begin, end = max(first, row * particles), min(last, (row + 1) * particles)
            part = table[:, begin - first : end - first]
            left = part[5] > 0.0
            exit_energy = kinetic_energy_from_rigidity(np.exp(part[0]), self.tracing.species)
            cuts = [0, *range(-begin % SEGMENT or SEGMENT, end - begin, SEGMENT)]
            quantities = np.where(left, self._quantities(row, part, exit_energy), 0.0)
            yield _RowPart(
                row=row,
                counts=self.grid.row_counts(row, exit_energy[left]),
                truncated=int(np.count_nonzero(~left)),
                steps=int(np.abs(part[5]).sum()),
                sums=np.add.reduceat(np.concatenate([quantities, quantities**2]), cuts, axis=1),
            )

    def _quantities(self, row: int, part: FloatArray, exit_energy: FloatArray) -> FloatArray:
        """(quantity, trajectory): what the moments are of."""
        energy = self.tracing.kinetic_energy[row]
        species = self.tracing.species
        rows = [np.log(exit_energy / energy), part[1], np.abs(0.5 * np.pi - part[3])]
        if self.lis:
            momentum = momentum_from_kinetic_energy(energy, species)
            ratio = (momentum / momentum_from_kinetic_energy(exit_energy, species)) ** 2
        for lis in self.lis:
            outside, scale = self._scale(lis, float(energy))
            rows.append((ratio * np.asarray(lis(exit_energy)) - outside) / scale)
        return np.array(rows)

    def moments(self, sums: FloatArray, number: NDArray[np.int64]) -> list[Moments]:
        """Moments of every quantity from its sums and sums of squares (2 * quantity, toa)."""
        first, second = np.split(sums, 2)
        mean = np.where(number > 0, first / np.maximum(number, 1), np.nan)
        spread = np.maximum(second - first * first / np.maximum(number, 1), 0.0)
        variance = np.where(number > 1, spread / np.maximum(number - 1, 1), np.nan)
        for index, lis in enumerate(self.lis, start=_PLAIN):
            outside, scale = np.transpose([self._scale(lis, float(energy)) for energy in self.grid.toa])
            mean[index] = mean[index] * scale + outside
            variance[index] *= scale**2
        return [Moments(*pair, number) for pair in zip(mean, variance, strict=True)]

    def _scale(self, lis: Spectrum, energy: float) -> tuple[float, float]:
        """J_LIS(T), subtracted before a flux is summed, and the unit of the sum."""
        outside = float(lis(np.array([energy]))[0])
        return outside, abs(outside) or 1.0
