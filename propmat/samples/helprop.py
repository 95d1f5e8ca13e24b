"""A user's own run in a text file, a transfer matrix or a list of exit energies, as histograms on a store's columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from propmat.errors import InputError, unknown_name
from propmat.samples.design import round_significant
from propmat.samples.textfile import TextFile, is_number
from propmat.species import FloatArray
from propmat.transfer import TransferGrid

CONTENTS: Final = ("matrix", "exits")
COLUMNS: Final = ("edges", "centres")
WHOLE: Final = 1e-9
"""A count is a whole number to this."""


@dataclass(frozen=True)
class Run:
    """What a file says, in its own bins.

    Attributes:
        name: of the file, for messages.
        toa: (toa,) increasing kinetic energies at Earth [GeV/n], to nine significant digits.
        edges: (bin + 1,) of a matrix [GeV/n]; None for exit energies.
        rows: of each energy at Earth, the shares or counts of a matrix (bin,), or the exit energies (particle,).
    """

    name: str
    toa: FloatArray
    edges: FloatArray | None
    rows: tuple[FloatArray, ...]

    @classmethod
    def of(cls, file: TextFile, *, content: str | None = None, columns: str | None = None) -> Self:
        """The run in a file.

        Args:
            file: as read.
            content: "matrix" or "exits"; by default two columns are exits, more are a matrix.
            columns: whether the first row of a matrix holds "edges" or "centres"; by default their number says.

        Raises:
            InputError: the file is neither, or has a value that makes no sense; names file and line.
        """
        for key, value, valid in (("content", content, CONTENTS), ("columns", columns, COLUMNS)):
            if value is not None and value not in valid:
                raise unknown_name(f"{key} in {file.path}", value, valid)
        if content == "exits" or (content is None and all(len(cells) == 2 for _, cells in file.lines)):
            return cls(str(file.path), *_exits(file))
        return cls(str(file.path), *_matrix(file, columns))

    def particles(self) -> int | None:
        """Particles a row that the file itself shows, the largest number; None for shares."""
        if self.edges is None:
            return max(row.size for row in self.rows)
        sums = np.array([row.sum() for row in self.rows])
        whole = all(np.all(np.abs(row - np.rint(row)) <= WHOLE * np.maximum(row, 1.0)) for row in self.rows)
        return int(np.rint(sums.max())) if whole and sums.max() > 1.5 else None

    def histograms(
        self, grid: TransferGrid, particles: int, tolerance: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Counts (toa, lis) of ``particles`` a row on a grid with the rows of this run, and those in no column (toa,).

        A row with more particles is scaled down; one with fewer, by at most the share ``tolerance``, has the rest in
        no column. Whole numbers are made of shares so that each row keeps its sum (largest remainder).

        Raises:
            InputError: a row further than ``tolerance`` from its particles; names the row.
        """
        total = 1.0 if self.particles() is None else float(particles)
        counts, missing = np.zeros(grid.shape, dtype=np.int64), np.zeros(grid.shape[0], dtype=np.int64)
        for row, values in enumerate(self.rows):
            if self.edges is None:
                found = grid.row_counts(row, values).astype(np.float64)
            else:
                found = rebin(values, self.edges, grid.lis_edges[row])
            share = float(found.sum()) / total
            if share < 1.0 - tolerance or (self.particles() is None and share > 1.0 + tolerance):
                raise InputError(
                    f"{self.name}: the row of {self.toa[row]:g} GeV/n sums to {found.sum():g} instead of {total:g} "
                    f"(tolerance {tolerance:g}). Give particles=... for the number that every row has, or a larger "
                    "tolerance=... if particles left outside the matrix."
                )
            missing[row] = round(particles * max(0.0, 1.0 - share))
            counts[row] = whole_numbers(found, particles - int(missing[row]))
        return counts, missing


def rebin(values: FloatArray, edges: FloatArray, target: FloatArray) -> FloatArray:
    """Shares (bin,) between ``edges`` as shares between ``target``; the sum stays.

    A share is spread evenly in ln T over its bin, which smears a kernel over the width of the bins it came in. What
    lies beyond the target goes to its end columns. A lowest edge of 0 counts as half of the next one.

    Args:
        values: (bin,).
        edges: (bin + 1,) increasing [GeV/n].
        target: (lis + 1,) increasing [GeV/n].

    Returns:
        (lis,).
    """
    low = edges if edges[0] > 0.0 else np.concatenate([[0.5 * edges[1]], edges[1:]])
    below = np.concatenate([[0.0], np.cumsum(values)])
    reached = np.interp(np.log(target), np.log(low), below)
    reached[0], reached[-1] = 0.0, below[-1]
    shares: FloatArray = np.diff(reached)
    return shares


def whole_numbers(shares: FloatArray, number: int) -> NDArray[np.int64]:
    """(lis,) whole numbers of sum ``number`` in proportion to ``shares``, each less than one from its proportion."""
    total = shares.sum()
    scaled = shares * (number / total) if total > 0.0 else np.zeros_like(shares)
    found = np.floor(scaled + WHOLE).astype(np.int64)
    rest = int(number - found.sum())
    found[np.argsort(found - scaled, kind="stable")[:rest]] += 1
    return found


def _exits(file: TextFile) -> tuple[FloatArray, None, tuple[FloatArray, ...]]:
    """Rows of a list of (energy at Earth, energy at the boundary), in any order."""
    titles = int(not any(is_number(cell) for cell in file.lines[0][1]))
    if len(file.lines) <= titles or len(file.lines[titles][1]) != 2:
        raise InputError(
            f"{file.path}: exit energies come as two columns, the energy at Earth and that at the boundary."
        )
    numbers = file.numbers(titles)
    bad = np.flatnonzero(np.any(numbers <= 0.0, axis=1))
    if bad.size:
        raise InputError(f"{file.where(titles + int(bad[0]))}: an energy that is not positive.")
    rounded = np.array([round_significant(value) for value in numbers[:, 0].tolist()])
    toa, row = np.unique(rounded, return_inverse=True)
    order = np.argsort(row, kind="stable")
    return toa, None, tuple(np.split(numbers[order, 1], np.cumsum(np.bincount(row))[:-1]))


def _matrix(file: TextFile, columns: str | None) -> tuple[FloatArray, FloatArray, tuple[FloatArray, ...]]:
    """A first row of interstellar energies; below it, an energy at Earth and the shares or counts of that row."""
    if len(file.lines) < 2:
        raise InputError(f"{file.path}: a matrix needs a first row of energies and rows below it.")
    numbers = file.numbers(1)
    bins = numbers.shape[1] - 1
    edges = _edges(file, bins, columns)
    negative = np.argwhere(numbers < 0.0)
    if negative.size:
        line, cell = (int(index) for index in negative[0])
        raise InputError(f"{file.where(1 + line)}: cell {cell + 1}, {numbers[line, cell]:g}, is negative.")
    toa = np.array([round_significant(value) for value in numbers[:, 0].tolist()])
    order = np.argsort(toa)
    if toa[order[0]] <= 0.0 or np.any(np.diff(toa[order]) <= 0.0):
        raise InputError(f"{file.path}: the energies at Earth (first column) must be positive and different.")
    return toa[order], edges, tuple(numbers[order, 1:])


def _edges(file: TextFile, bins: int, columns: str | None) -> FloatArray:
    """(bin + 1,) from the first row, which may begin with a corner cell."""
    cells = file.lines[0][1]
    corner = not is_number(cells[0])
    wanted = {"edges": bins + 1, "centres": bins}
    fitting = [
        (name, start)
        for name, number in wanted.items()
        for start in ((1,) if corner else (0, 1))
        if len(cells) - start == number and columns in (None, name)
    ]
    if len(fitting) != 1:
        hint = (
            "a first cell that is no number, and # columns = edges or centres, would say" if fitting else "expected are"
        )
        raise InputError(
            f"{file.where(0)}: {len(cells)} cells in the first row over {bins} bins: {hint} {bins + 1} edges or {bins} "
            "centres, after a corner cell."
        )
    name, start = fitting[0]
    values = file.row(0, start)
    if np.any(np.diff(values) <= 0.0) or values[0] < 0.0 or values.size < 2:
        raise InputError(f"{file.where(0)}: the interstellar energies must increase and not be negative.")
    edges = values if name == "edges" else _around(values)
    if edges[0] < 0.0:
        raise InputError(f"{file.where(0)}: bins around these centres would begin below 0; give edges.")
    return edges


def _around(centres: FloatArray) -> FloatArray:
    """Edges between centres: halfway in ln T where the ratios are equal, else halfway in T."""
    logarithmic = centres[0] > 0.0 and np.allclose(np.diff(np.log(centres)), np.log(centres[1] / centres[0]), rtol=1e-2)
    values = np.log(centres) if logarithmic else centres
    middle = 0.5 * (values[1:] + values[:-1])
    edges = np.concatenate([[2.0 * values[0] - middle[0]], middle, [2.0 * values[-1] - middle[-1]]])
    # Rounding must not push the edge of linear bins from 0 below it.
    result: FloatArray = np.exp(edges) if logarithmic else np.where(np.abs(edges) < 1e-9 * edges[-1], 0.0, edges)
    return result
