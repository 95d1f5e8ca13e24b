"""How wrong an emulator of the Galaxy is: its spectra, and B/C, against those of the solver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np

from propmat.species import FloatArray

GALACTIC_BANDS: Final = ((0.05, 1.0), (1.0, 30.0), (30.0, 300.0))
"""Energy bands in which accuracy is reported [GeV/n]."""
BORON: Final = ("boron10", "boron11")
CARBON: Final = ("carbon12", "carbon13")


@dataclass(frozen=True)
class QuantityAccuracy:
    """Relative error of one quantity in one energy band.

    Attributes:
        quantity: ``"flux"`` (of all species together), a species, or ``"B/C"``.
        low, high: the band [GeV/n].
        number: values that were compared.
        median, percentile_95, percentile_99, largest: of |relative error|.
    """

    quantity: str
    low: float
    high: float
    number: int
    median: float
    percentile_95: float
    percentile_99: float
    largest: float


@dataclass(frozen=True)
class GalacticAccuracy:
    """Accuracy on a set of held-out points.

    Attributes:
        points: number of points.
        bands: one entry a quantity and band.
    """

    points: int
    bands: tuple[QuantityAccuracy, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`as_dict` (KeyError, TypeError or ValueError if it is not one)."""
        return cls(int(values["points"]), tuple(QuantityAccuracy(**band) for band in values["bands"]))

    def table(self) -> str:
        """Rows for people."""
        lines = [f"{'quantity':<12}{'band [GeV/n]':<14}{'median':>9}{'95 %':>9}{'99 %':>9}{'largest':>10}"]
        for band in self.bands:
            values = (band.median, band.percentile_95, band.percentile_99)
            numbers = "".join(f"{100 * value:8.3f}%" for value in values) + f"{100 * band.largest:9.2f}%"
            lines.append(f"{band.quantity:<12}{f'{band.low:g}-{band.high:g}':<14}{numbers}")
        return "\n".join(lines)


def galactic_accuracy(
    species: Sequence[str], kinetic_energy: FloatArray, predicted: FloatArray, truth: FloatArray
) -> GalacticAccuracy:
    """Quantiles of the relative error in every band.

    Args:
        species: (species,) names.
        kinetic_energy: (row,) [GeV/n].
        predicted: (point, species, row) fluxes of the emulator.
        truth: the same of the solver; where it is 0 nothing is compared.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(truth > 0.0, predicted / truth - 1.0, np.nan)
    found = {"flux": error} | {name: error[:, number] for number, name in enumerate(species)}
    if {*BORON, *CARBON} <= set(species):
        with np.errstate(divide="ignore", invalid="ignore"):
            found["B/C"] = _ratio(species, predicted) / _ratio(species, truth) - 1.0
    bands = []
    for quantity, values in found.items():
        for low, high in GALACTIC_BANDS:
            inside = np.abs(values[..., (kinetic_energy >= low) & (kinetic_energy <= high)])
            inside = inside[np.isfinite(inside)]
            if inside.size:
                quantiles = [float(value) for value in np.quantile(inside, (0.5, 0.95, 0.99, 1.0))]
                bands.append(QuantityAccuracy(quantity, low, high, int(inside.size), *quantiles))
    return GalacticAccuracy(len(truth), tuple(bands))


def _ratio(species: Sequence[str], flux: FloatArray) -> FloatArray:
    """(point, row) B/C."""
    boron, carbon = (sum(flux[:, list(species).index(name)] for name in names) for names in (BORON, CARBON))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(boron / carbon)
