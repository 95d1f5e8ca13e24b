"""How wrong an emulator is: its folded TOA flux against that of simulated samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from propmat.emulator.inference import Emulator
from propmat.errors import InputError
from propmat.samples import SampleTable
from propmat.species import SPECIES, FloatArray, Species
from propmat.spectra import Spectrum, proton_lis
from propmat.transfer import TransferGrid

BANDS: Final = ((0.1, 1.0), (1.0, 5.0), (5.0, 40.0))
"""Energy bands in which accuracy is reported [GeV/n]."""
GRID_TOLERANCE: Final = 1e-7
"""Relative difference at which two energies are the same (stores keep nine digits)."""


@dataclass(frozen=True)
class FoldedErrors:
    """Relative error of the folded TOA flux, sample by sample.

    Attributes:
        kinetic_energy: (toa,) [GeV/n].
        relative_error: (sample, toa) emulator / truth - 1; NaN in a row without particles.
        truth_standard_error: (sample, toa) relative Monte Carlo standard error of the truth; NaN likewise.
    """

    kinetic_energy: FloatArray
    relative_error: FloatArray
    truth_standard_error: FloatArray


@dataclass(frozen=True)
class BandAccuracy:
    """Accuracy in one energy band.

    Attributes:
        low, high: the band [GeV/n].
        number: rows of samples that were compared.
        median, percentile_95, percentile_99: of |relative error|, Monte Carlo noise of the truth included.
        truth_standard_error: median relative standard error of the truth.
    """

    low: float
    high: float
    number: int
    median: float
    percentile_95: float
    percentile_99: float
    truth_standard_error: float


@dataclass(frozen=True)
class Accuracy:
    """Accuracy on a set of held-out samples.

    Attributes:
        lis: what was folded, in words.
        samples: number of samples.
        bands: one entry for each of :data:`BANDS` that the grid reaches.
    """

    lis: str
    samples: int
    bands: tuple[BandAccuracy, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Accuracy:
        """The inverse of :meth:`as_dict` (KeyError, TypeError or ValueError if it is not one)."""
        bands = tuple(BandAccuracy(**band) for band in values["bands"])
        return cls(str(values["lis"]), int(values["samples"]), bands)


def folded_errors(
    emulator: Emulator, table: SampleTable, grid: TransferGrid, lis: Spectrum | None = None
) -> FoldedErrors:
    """Compare an emulator with simulated samples, row by row of the samples' grid.

    Args:
        emulator: has every row of ``grid``.
        table: held-out samples inside the emulator's domain.
        grid: of the samples; its rows may be some of the emulator's.
        lis: folded with both [m^-2 s^-1 sr^-1 (GeV/n)^-1]; default: the proton LIS of papers/001.

    Raises:
        InputError: no samples, another grid, or a sample outside the emulator's domain.
    """
    if len(table) == 0 or table.counts.shape[1:] != grid.shape:
        raise InputError(f"samples of shape {table.counts.shape} do not fit a grid of {grid.shape}, or there are none.")
    rows = _shared_rows(emulator.grid, grid)
    emulator.parameters.check(table.parameters)
    error = np.full(table.counts.shape[:2], np.nan)
    noise = np.full_like(error, np.nan)
    channels = np.stack([table.nucleons_per_charge, table.drift_sign], axis=-1)
    for nucleons_per_charge, drift_sign in np.unique(channels, axis=0):
        emulator.check_channel(nucleons_per_charge, int(drift_sign))
        species = _nucleus(nucleons_per_charge)
        weight = grid.phase_space_lis(lis or proton_lis(), species)
        for sample in np.flatnonzero(np.all(channels == (nucleons_per_charge, drift_sign), axis=1)):
            truth, noise[sample] = _truth(table.counts[sample].astype(np.float64), weight)
            with torch.no_grad():
                log_matrix = emulator.log_matrix(
                    torch.from_numpy(table.parameters[sample]), nucleons_per_charge, int(drift_sign)
                )
            error[sample] = np.sum(np.exp(log_matrix.numpy()[rows]) * weight, axis=1) / truth - 1.0
    return FoldedErrors(grid.toa, error, noise)


def _shared_rows(emulated: TransferGrid, sampled: TransferGrid) -> NDArray[np.int64]:
    """Rows of the emulator's grid that are those of the samples."""
    rows: NDArray[np.int64] = np.argmin(np.abs(emulated.toa[None, :] / sampled.toa[:, None] - 1.0), axis=1)
    same = emulated.shape[1] == sampled.shape[1] and np.allclose(
        emulated.lis_edges[rows], sampled.lis_edges, rtol=GRID_TOLERANCE, atol=0.0
    )
    if not same or not np.allclose(emulated.toa[rows], sampled.toa, rtol=GRID_TOLERANCE, atol=0.0):
        raise InputError(f"the samples' grid {sampled.shape} is not made of rows of the emulator's {emulated.shape}.")
    return rows


def summarise(errors: FoldedErrors, lis: str = "proton LIS spline of papers/001, Table 1") -> Accuracy:
    """Quantiles of |relative error| in each energy band; ``lis`` says in words what was folded."""
    bands = []
    for low, high in BANDS:
        inside = (errors.kinetic_energy >= low) & (errors.kinetic_energy <= high)
        values = np.abs(errors.relative_error[:, inside])
        values = values[np.isfinite(values)]
        if values.size == 0:
            continue
        median, high_95, high_99 = (float(value) for value in np.quantile(values, (0.5, 0.95, 0.99)))
        noise = float(np.nanmedian(errors.truth_standard_error[:, inside]))
        bands.append(BandAccuracy(low, high, int(values.size), median, high_95, high_99, noise))
    return Accuracy(lis, len(errors.relative_error), tuple(bands))


def _truth(counts: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(flux, relative standard error) (toa,) of exit counts (toa, lis); NaN in a row without particles.

    The flux is the mean of the column values over the particles, its variance that of the mean.
    """
    particles = counts.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.sum(counts * weight, axis=1) / particles
        variance = np.sum(counts * (weight - mean[:, None]) ** 2, axis=1) / (particles - 1.0)
        return mean, np.sqrt(variance / particles) / mean


def _nucleus(nucleons_per_charge: float) -> Species:
    """A nucleus of this A/|Z|: its mass per nucleon is what folding needs."""
    nuclei = [species for species in SPECIES.values() if species.mass_number > 0]
    return min(nuclei, key=lambda species: abs(species.nucleons_per_charge - nucleons_per_charge))
