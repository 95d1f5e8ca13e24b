"""An independent solution on every cell, without reduced space or block elimination: one sparse matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from propmat.galaxy.schemes import REACH, Coefficients
from propmat.galaxy.space import Basis, Domain
from propmat.species import FloatArray


@dataclass(frozen=True, eq=False)
class Cells:
    """A domain with its cells in one row, radius by radius.

    Attributes:
        domain: the domain.
    """

    domain: Domain

    @property
    def volume(self) -> FloatArray:
        """(cell,) volumes."""
        return np.outer(self.domain.radial.volume, self.domain.vertical.volume).ravel()

    @property
    def stiffness(self) -> sparse.csr_array:
        """(cell, cell) minus the Laplacian times the volumes."""
        radial, vertical = self.domain.radial, self.domain.vertical
        return sparse.csr_array(
            sparse.kron(radial.stiffness, np.diag(vertical.volume))
            + sparse.kron(np.diag(radial.volume), vertical.stiffness)
        )

    @property
    def sun(self) -> int:
        """Number of the cell of the Sun."""
        return self.domain.sun * self.domain.vertical.nodes.size

    @property
    def gas(self) -> FloatArray:
        """(cell,) hydrogen nuclei [cm^-3]."""
        return (self.domain.gas[0] + self.domain.gas[1]).ravel()

    def escape(self, density: FloatArray) -> FloatArray:
        """(…,) minus the gradient integrated over the boundary, for densities (…, cell)."""
        radial, vertical = self.domain.radial, self.domain.vertical
        grid = density.reshape(*density.shape[:-1], radial.nodes.size, vertical.nodes.size)
        through_top = vertical.coupling[-1] * grid[..., -1] @ radial.volume
        through_side = radial.coupling[-1] * grid[..., -1, :] @ vertical.volume
        return np.asarray(through_top + through_side)

    def solver(self, found: Coefficients) -> Callable[[FloatArray], FloatArray]:
        """From a source (energy, cell) to the density (energy, cell), corrected as the scheme says."""
        unit = sparse.diags_array(self.volume)
        fields = [self.stiffness, *(sparse.diags_array(self.volume * gas.ravel()) for gas in self.domain.gas), unit]

        def block(factors: FloatArray) -> sparse.sparray:
            return sum((factor * field for factor, field in zip(factors, fields, strict=True)), start=0.0 * unit)

        count = len(found.diagonal)
        rows: list[list[sparse.sparray | None]] = [[None] * count for _ in range(count)]
        for energy in range(count):
            rows[energy][energy] = block(found.diagonal[energy])
            if energy > 0:
                rows[energy][energy - 1] = -found.lower[energy] * unit
            if energy + 1 < count:
                rows[energy][energy + 1] = -block(found.upper[energy])
            if energy + 2 < count:
                rows[energy][energy + 2] = -block(found.second[energy])
        factors = splu(sparse.block_array(rows, format="csc"))
        if found.correction is None:
            return lambda source: factors.solve((source * self.volume).ravel()).reshape(count, -1)
        weights = found.correction

        def corrected(source: FloatArray) -> FloatArray:
            first = factors.solve((source * self.volume).ravel()).reshape(count, -1)
            parts = [field @ first.T for field in fields]
            better = np.zeros_like(first)
            for offset in range(-REACH, REACH + 1):
                here = slice(max(-offset, 0), count - max(offset, 0))
                there = slice(max(offset, 0), count - max(-offset, 0))
                for kind, part in enumerate(parts):
                    better[here] += weights[here, kind, offset + REACH, None] * part[:, there].T
            return np.asarray(first - factors.solve(better.ravel()).reshape(count, -1))

        return corrected


def full_basis(domain: Domain) -> Basis:
    """One shape for each cell: the reduced space that is not reduced."""
    cells = Cells(domain)
    root = np.sqrt(cells.volume)
    fields = [np.diag(gas.ravel()) for gas in domain.gas]
    place = np.zeros(root.size)
    place[cells.sun] = 1.0
    return Basis(
        operators=np.stack([cells.stiffness.toarray() / np.outer(root, root), *fields]),
        sources=domain.sources.reshape(len(domain.sources), -1) * root,
        sun=place / root,
    )


def energy_matrices(found: Coefficients, fields: tuple[float, float, float]) -> tuple[FloatArray, FloatArray]:
    """(energy, energy) rows and correction where density and gas, in the order of the fields, are uniform in space."""
    weights = np.array([0.0, *fields, 1.0])
    rows = (
        np.diag(found.diagonal @ weights)
        - np.diag(found.lower[1:], -1)
        - np.diag((found.upper @ weights)[:-1], 1)
        - np.diag((found.second @ weights)[:-2], 2)
    )
    correction = np.zeros_like(rows)
    if found.correction is not None:
        for offset in range(-REACH, REACH + 1):
            band = found.correction[..., offset + REACH] @ weights
            correction += np.diag(band[-offset:] if offset < 0 else band[: len(rows) - offset], offset)
    return rows, correction


def energy_solution(found: Coefficients, fields: tuple[float, float, float], source: FloatArray) -> FloatArray:
    """(energy,) density where everything is uniform in space."""
    rows, correction = energy_matrices(found, fields)
    first = np.linalg.solve(rows, source)
    return np.asarray(first - np.linalg.solve(rows, correction @ first))
