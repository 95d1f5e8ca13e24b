"""Injected spectra, and their averages over the columns of the kernels of :mod:`propmat.emulator.galactic_network`.

Nothing here is learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from propmat.errors import InputError
from propmat.galaxy.sources import NORMALISATION_ENERGY
from propmat.species import FloatArray, get_species, rigidity_from_kinetic_energy

REFERENCE_SLOPE: Final = 2.35
"""Exponent of the power law relative to which an injection is described: the middle of the range of nu2."""
GROUPS: Final = ("proton", "carbon12")
"""Nuclei whose rigidity stands for that of protons and of all others (A/Z = 2)."""
STEPS: Final = (1, 2, 3, 4, 6, 8, 11, 15, 20, 27, 36, 48, 64)
OFFSETS: Final = (*(-step for step in reversed(STEPS)), 0, *STEPS)
"""Columns of the kernel of a nucleus: injected energies, in steps of the grid from the observed one."""
ANTIPROTON_THRESHOLD: Final = 3.0
"""Columns of the antiprotons' kernel begin here [GeV/n] ..."""
ANTIPROTON_STEP: Final = 4
"""... and are so many steps of the grid apart."""


@dataclass(frozen=True, eq=False)
class GalacticGrid:
    """Energies of the injection and of the emulated spectra.

    Attributes:
        energy: (energy,) grid of the solver, uniform in the logarithm [GeV/n].
        first, last: rows of the matrices are ``energy[first : last + 1]``.

    Raises:
        InputError: a grid that is not uniform in the logarithm, or on which 100 GeV/n is no row.
    """

    energy: FloatArray
    first: int
    last: int

    def __post_init__(self) -> None:
        energy = np.asarray(self.energy, dtype=np.float64)
        if energy.ndim != 1 or energy.size < 2 * max(OFFSETS) or not (energy[0] > 0 and np.all(np.diff(energy) > 0)):
            raise InputError(f"a galactic grid needs at least {2 * max(OFFSETS)} increasing energies.")
        steps = np.diff(np.log(energy))
        if not np.allclose(steps, steps[0], rtol=1e-4, atol=0.0):
            raise InputError("the energies of a galactic grid must be uniform in the logarithm.")
        if not (0 <= self.first < self.last < energy.size):
            raise InputError(f"rows {self.first} to {self.last} are not among {energy.size} energies.")
        if not energy[self.first] < NORMALISATION_ENERGY < energy[self.last]:
            raise InputError("the rows must reach beyond 100 GeV/n, where the proton flux is normalised.")
        object.__setattr__(self, "energy", energy)

    @classmethod
    def within(cls, energy: FloatArray, low: float, high: float) -> GalacticGrid:
        """The rows between two energies [GeV/n]."""
        rows = np.flatnonzero((energy >= low) & (energy <= high))
        if rows.size < 2:
            raise InputError(f"the grid has no two energies between {low:g} and {high:g} GeV/n.")
        return cls(energy, int(rows[0]), int(rows[-1]))

    @property
    def rows(self) -> FloatArray:
        """(row,) energies of the emulated spectra [GeV/n]."""
        return self.energy[self.first : self.last + 1]


def groups_of(species: str) -> tuple[int, ...]:
    """Which of :data:`GROUPS` are injected to make a species."""
    particle = get_species(species)
    if particle.charge < 0:
        return (0, 1)
    return (0,) if particle.mass_number == 1 else (1,)


def hats(nodes: FloatArray, places: FloatArray) -> FloatArray:
    """(node, place) piecewise linear functions, 1 at their node and 0 at the others."""
    return np.stack([np.interp(places, nodes, unit) for unit in np.eye(nodes.size)])


class Injection(nn.Module):
    """Injected spectra over the reference power law, (…, group, energy), from raw parameters (…, 10)."""

    log_rigidity: Tensor
    log_pivot: Tensor

    def __init__(self, grid: GalacticGrid) -> None:
        super().__init__()
        rigidity = np.stack([rigidity_from_kinetic_energy(grid.energy, group) for group in GROUPS])
        pivot = np.array([rigidity_from_kinetic_energy(NORMALISATION_ENERGY, group) for group in GROUPS])
        self.register_buffer("log_rigidity", torch.from_numpy(np.log(rigidity)), persistent=False)
        self.register_buffer("log_pivot", torch.from_numpy(np.log(pivot))[:, None], persistent=False)

    def forward(self, points: Tensor) -> Tensor:
        """The three power laws of :func:`propmat.galaxy.sources.injection_shape`, in logarithms."""
        ratio = self._log_shape(points, self.log_rigidity) - self._log_shape(points, self.log_pivot)
        return torch.exp(ratio + REFERENCE_SLOPE * (self.log_rigidity - self.log_pivot))

    @staticmethod
    def _log_shape(points: Tensor, log_rigidity: Tensor) -> Tensor:
        nu1, nu2, nu3, first, second = (column[..., None, None] for column in points[..., :5].unbind(-1))
        below = (log_rigidity - torch.log(first)).clamp(max=0.0)
        above = (log_rigidity - torch.log(first)).clamp(min=0.0)
        beyond = (log_rigidity - torch.log(second)).clamp(min=0.0)
        return -nu1 * below - nu2 * above + (nu2 - nu3) * beyond


class Columns(nn.Module):
    """Averages of the injected spectra over the columns of a kernel."""

    windows: Tensor
    absolute: Tensor

    def __init__(self, grid: GalacticGrid) -> None:
        super().__init__()
        reach = max(OFFSETS)
        window = hats(np.array(OFFSETS, dtype=np.float64), np.arange(-reach, reach + 1.0))
        first = int(np.searchsorted(grid.energy, ANTIPROTON_THRESHOLD))
        nodes = np.arange(first, grid.energy.size, ANTIPROTON_STEP, dtype=np.float64)
        places = np.arange(grid.energy.size, dtype=np.float64)
        broad = hats(nodes, places) * (places >= first)
        self.first, self.count, self.size, self.reach = grid.first, grid.rows.size, grid.energy.size, reach
        self.register_buffer("windows", torch.from_numpy(window / window.sum(1, keepdims=True)), persistent=False)
        self.register_buffer("absolute", torch.from_numpy(broad / broad.sum(1, keepdims=True)), persistent=False)

    def near(self, injected: Tensor) -> Tensor:
        """(sample, energy) to (row, sample, offset): around each row; nothing is injected outside the grid."""
        padded = nn.functional.pad(injected, (self.reach, self.reach))
        windows = padded.unfold(-1, 2 * self.reach + 1, 1)[:, self.first : self.first + self.count]
        return (windows @ self.windows.T).transpose(0, 1)

    def everywhere(self, injected: Tensor) -> Tensor:
        """(sample, group, energy) to (1, sample, column): the same for all rows."""
        return (injected @ self.absolute.T).flatten(1)[None]

    def spread(self, kernel: Tensor, group: int, broad: bool) -> Tensor:
        """A kernel (row, column) over the injected energies of one group, (row, energy)."""
        if broad:
            return kernel.reshape(len(kernel), len(GROUPS), -1)[:, group] @ self.absolute
        spread = torch.zeros(self.count, self.size + 2 * self.reach, dtype=kernel.dtype)
        places = self.first + torch.arange(self.count)[:, None] + torch.arange(2 * self.reach + 1)
        spread.scatter_(1, places, kernel @ self.windows)
        return spread[:, self.reach : self.reach + self.size]
