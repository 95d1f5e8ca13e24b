"""Transfer matrices: the grid they live on, and folding a local interstellar spectrum with them.

f = J/p^2 is conserved along a trajectory, so with M_ij the share of particles of TOA energy T_i that come from
LIS bin j, J_TOA(T_i) = p_i^2 sum_j M_ij <J_LIS/p^2>_j. Rows of M sum to one. (papers/000, section IV A)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from propmat.errors import InputError
from propmat.species import FloatArray, Species, momentum_from_kinetic_energy
from propmat.spectra import Spectrum

FOLD_ORDER: Final = 3
"""Gauss-Legendre points a LIS bin."""


@dataclass(frozen=True)
class TransferGrid:
    """Rows and columns of a transfer matrix.

    Attributes:
        toa: (toa,) kinetic energies of the rows, increasing [GeV/n].
        lis_edges: (toa, lis + 1) edges of the columns of each row, increasing [GeV/n].

    Raises:
        InputError: shapes that do not match, or energies that are not positive and increasing.
    """

    toa: FloatArray
    lis_edges: FloatArray

    def __post_init__(self) -> None:
        toa = np.asarray(self.toa, dtype=np.float64)
        edges = np.asarray(self.lis_edges, dtype=np.float64)
        if toa.ndim != 1 or edges.ndim != 2 or edges.shape[0] != toa.size or edges.shape[1] < 2 or toa.size < 2:
            raise InputError(
                f"a transfer grid needs (toa,) rows and (toa, lis + 1) edges, got {toa.shape}, {edges.shape}."
            )
        if not (toa[0] > 0 and np.all(np.diff(toa) > 0) and np.all(edges > 0) and np.all(np.diff(edges) > 0)):
            raise InputError("the energies of a transfer grid must be positive and increasing.")
        if not (np.isfinite(toa[-1]) and np.all(np.isfinite(edges[:, -1]))):
            raise InputError("the energies of a transfer grid must be finite.")
        object.__setattr__(self, "toa", toa)
        object.__setattr__(self, "lis_edges", edges)

    @property
    def shape(self) -> tuple[int, int]:
        """(toa, lis)."""
        return self.lis_edges.shape[0], self.lis_edges.shape[1] - 1

    @classmethod
    def relative(cls, toa: ArrayLike, log_ratio_edges: ArrayLike) -> TransferGrid:
        """Columns at fixed ln(T_exit/T) in every row."""
        rows = np.asarray(toa, dtype=np.float64)
        return cls(rows, rows[:, None] * np.exp(np.asarray(log_ratio_edges, dtype=np.float64)))

    @classmethod
    def absolute(cls, toa: ArrayLike, edges: ArrayLike) -> TransferGrid:
        """The same LIS bins [GeV/n] in every row, such as the linear 0.1 GeV bins of papers/000."""
        rows = np.asarray(toa, dtype=np.float64)
        return cls(rows, np.broadcast_to(np.asarray(edges, dtype=np.float64), (rows.size, np.size(edges))).copy())

    @classmethod
    def default(cls, toa: ArrayLike | None = None) -> TransferGrid:
        """28 rows from 0.08 to 50 GeV/n; columns in x = ln(T_exit/T) up to 5.3, narrow where kernels are narrow.

        ``toa`` replaces the rows.
        x = 0.004 sinh(u) with u in steps of 0.12 from -2.4, a constant *relative* width of the energy gain, until the
        width reaches 0.05; equal widths from there. Averaging a spectrum of log-slope s over a bin of width w in ln T
        biases a fold by -(w s)^2 / 12: at most 0.3 % where there is flux.
        """
        narrow = 0.004 * np.sinh(-2.4 + 0.12 * np.arange(65))
        wide = np.linspace(narrow[-1], 5.3, 1 + round((5.3 - narrow[-1]) / 0.05))
        rows = np.geomspace(0.08, 50.0, 28) if toa is None else toa
        return cls.relative(rows, np.concatenate([narrow, wide[1:]]))

    def every(self, step: int) -> TransferGrid:
        """The grid of every ``step``-th row, from the first."""
        if not 1 <= step < self.toa.size:
            raise InputError(f"row step = {step} must be from 1 to {self.toa.size - 1}.")
        return TransferGrid(self.toa[::step], self.lis_edges[::step])

    def quadrature(self) -> tuple[FloatArray, FloatArray]:
        """Energies (toa, lis, point) [GeV/n] and weights (point,) that average over each LIS bin in ln T."""
        points, weights = np.polynomial.legendre.leggauss(FOLD_ORDER)
        log_edges = np.log(self.lis_edges)
        low, high = log_edges[:, :-1, None], log_edges[:, 1:, None]
        energies: FloatArray = np.exp(0.5 * (high + low) + 0.5 * (high - low) * points)
        return energies, 0.5 * weights

    def phase_space_lis(self, lis: Spectrum, species: Species) -> FloatArray:
        """(toa, lis) p_i^2 <J_LIS/p^2>_ij: what a matrix row is multiplied with [flux per GeV/n]."""
        energies, weights = self.quadrature()
        momentum = momentum_from_kinetic_energy(energies, species)
        toa_momentum = momentum_from_kinetic_energy(self.toa, species)
        mean: FloatArray = (np.asarray(lis(energies)) / momentum**2) @ weights
        return toa_momentum[:, None] ** 2 * mean

    def counts(self, kinetic_energy: ArrayLike) -> FloatArray:
        """(toa, lis) histogram of exit energies (toa, particle); energies beyond the grid go to the end bins.

        Raises:
            InputError: not one row of energies for each row of the grid, or an energy that is not finite.
        """
        energies = np.asarray(kinetic_energy, dtype=np.float64)
        if energies.ndim != 2 or energies.shape[0] != self.toa.size:
            raise InputError(f"exit energies must be (toa, particle) with {self.toa.size} rows, got {energies.shape}.")
        counts: FloatArray = np.array([self.row_counts(row, values) for row, values in enumerate(energies)], np.float64)
        return counts

    def row_counts(self, row: int, kinetic_energy: FloatArray) -> NDArray[np.int64]:
        """(lis,) histogram of the exit energies (particle,) of one row; see :meth:`counts`."""
        if not np.all(np.isfinite(kinetic_energy)):
            raise InputError(f"{np.count_nonzero(~np.isfinite(kinetic_energy))} exit energies are NaN or infinite.")
        column = np.searchsorted(self.lis_edges[row], kinetic_energy, side="right") - 1
        return np.bincount(np.clip(column, 0, self.shape[1] - 1), minlength=self.shape[1])


def fold(matrix: FloatArray, grid: TransferGrid, lis: Spectrum, species: Species) -> FloatArray:
    """TOA flux (…, toa) at ``grid.toa`` [m^-2 s^-1 sr^-1 (GeV/n)^-1] of a matrix (…, toa, lis)."""
    folded: FloatArray = np.einsum("...tl,tl->...t", matrix, grid.phase_space_lis(lis, species))
    return folded
