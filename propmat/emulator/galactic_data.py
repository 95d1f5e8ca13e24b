"""From a store of spectra to what the emulator of the Galaxy learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from propmat.emulator.galactic_columns import GalacticGrid
from propmat.errors import InputError, out_of_range, unknown_name
from propmat.samples import SpectraGrid, SpectraTable

TRANSPORT: slice = slice(5, 10)
"""Columns of the parameters that the transfer matrices depend on."""


@dataclass(frozen=True)
class SpectraData:
    """Samples as tensors.

    Attributes:
        points: (sample, 10) float64, raw values.
        log_flux: (sample, species, row) float32, ln of the flux; 0 where it is not above 0.
        known: (sample, species, row) bool, whether it is.
    """

    points: Tensor
    log_flux: Tensor
    known: Tensor

    @classmethod
    def from_table(
        cls, table: SpectraTable, store: SpectraGrid, grid: GalacticGrid, species: Sequence[str]
    ) -> SpectraData:
        """The spectra of some species at the rows of a grid.

        Raises:
            InputError: a species that the samples do not have.
        """
        for name in species:
            if name not in store.species:
                raise unknown_name("species", name, store.species)
        chosen = [store.species.index(name) for name in species]
        flux = table.fluxes[:, chosen, grid.first : grid.last + 1]
        known = flux > 0.0
        log_flux = np.log(np.where(known, flux, 1.0)).astype(np.float32)
        points = np.asarray(table.parameters, dtype=np.float64)
        return cls(torch.from_numpy(points), torch.from_numpy(log_flux), torch.from_numpy(known))

    def to(self, device: torch.device) -> SpectraData:
        """The same on a device."""
        return SpectraData(*(getattr(self, field.name).to(device) for field in fields(self)))

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, index: Tensor) -> SpectraData:
        return SpectraData(*(getattr(self, field.name)[index] for field in fields(self)))


def split_by_transport(table: SpectraTable, fraction: float, seed: int) -> tuple[SpectraTable, SpectraTable]:
    """Training and validation tables; samples of one transport are on one side, since they share their matrices.

    Args:
        table: at least two transports.
        fraction: share of them for validation, in (0, 1); at least one goes to each side.
        seed: of the random choice.

    Raises:
        InputError: a fraction out of range, or fewer than two transports.
    """
    if not 0.0 < fraction < 1.0:
        raise out_of_range("validation_fraction", fraction, 0.0, 1.0)
    transports, number = np.unique(table.parameters[:, TRANSPORT], axis=0, return_inverse=True)
    if len(transports) < 2:
        raise InputError(f"{len(transports)} transport point(s) cannot be split into training and validation.")
    held_out = min(max(1, round(fraction * len(transports))), len(transports) - 1)
    chosen = np.random.default_rng(seed).permutation(len(transports))[:held_out]
    validation = np.isin(number.reshape(-1), chosen)
    everything = np.arange(len(table))
    return table.select(everything[~validation]), table.select(everything[validation])
