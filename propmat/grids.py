"""Energy grids: edges, centres, and averages of steep spectra over bins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from propmat.errors import InputError
from propmat.species import FloatArray
from propmat.spectra import Spectrum, bin_quadrature


@dataclass(frozen=True)
class EnergyGrid:
    """Bins in kinetic energy [GeV/n].

    Attributes:
        edges: (bin + 1,) positive and increasing.

    Raises:
        InputError: fewer than two edges, or edges that are not positive and increasing.
    """

    edges: FloatArray

    def __post_init__(self) -> None:
        edges = np.asarray(self.edges, dtype=np.float64)
        finite = edges.ndim == 1 and edges.size >= 2 and bool(np.all(np.isfinite(edges)))
        if not (finite and edges[0] > 0 and np.all(np.diff(edges) > 0)):
            raise InputError("energy edges must be a 1-D array of at least two positive increasing values [GeV/n].")
        object.__setattr__(self, "edges", edges)

    @classmethod
    def logarithmic(cls, low: float, high: float, bins: int) -> EnergyGrid:
        """``bins`` equal bins in ln T."""
        if not 0 < low < high or bins < 1:
            raise InputError(f"need 0 < low < high and bins >= 1, got low = {low}, high = {high}, bins = {bins}.")
        return cls(np.geomspace(low, high, bins + 1))

    @classmethod
    def linear(cls, low: float, high: float, width: float) -> EnergyGrid:
        """Equal bins of about ``width`` [GeV/n] (papers/000 uses 0.05 or 0.1)."""
        if not 0 < low < high or not width > 0:
            raise InputError(f"need 0 < low < high and width > 0, got low = {low}, high = {high}, width = {width}.")
        return cls(np.linspace(low, high, max(1, round((high - low) / width)) + 1))

    @property
    def centres(self) -> FloatArray:
        """(bin,) geometric means of the edges."""
        return np.asarray(np.sqrt(self.edges[1:] * self.edges[:-1]))

    @property
    def widths(self) -> FloatArray:
        """(bin,) widths."""
        return np.diff(self.edges)

    def bin_average(self, spectrum: Spectrum, order: int = 8) -> FloatArray:
        """(bin,) mean of a spectrum over each bin, by Gauss-Legendre quadrature in ln T (``order`` points)."""
        energy, weights = bin_quadrature(self.edges, order)
        average: FloatArray = np.sum(weights * spectrum(energy), axis=-1)
        return average

    def index(self, kinetic_energy: ArrayLike) -> NDArray[np.int64]:
        """Bin number of each energy; -1 below the grid, the number of bins at or above its end."""
        number: NDArray[np.int64] = (
            np.searchsorted(self.edges, np.asarray(kinetic_energy, np.float64), side="right") - 1
        )
        return number
