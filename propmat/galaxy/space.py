"""The spatial problem, reduced to a few shapes.

At one momentum a species obeys (-D lap + mu n + k) N = q with the Laplacian, the gas n(r, z) and numbers D, mu, k that
depend on momentum and species only. The solutions for all D, mu, k, and those of the adjoint problem that starts from
the Sun, lie close to a space of few dimensions. It is spanned by snapshots of this family: first of their radial
shapes, once for a galaxy, then, for a given half-height of the halo, of their shapes in (r, z). A Galerkin projection
turns every field into a small matrix; as the adjoint shapes are in the basis too, the error of a flux at the Sun is the
product of two small ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numba
import numpy as np

from propmat.galaxy.blocks import invert
from propmat.galaxy.grid import Axis
from propmat.species import FloatArray

FIELDS: Final = ("neutral", "ionised", "ionised_log")
"""Gas fields: n_HI + 2 n_H2, n_HII and n_HII ln n_HII [cm^-3]."""
ABSORPTIONS: Final = (0.0, *np.geomspace(0.02, 2.0e4, 7))
"""mu / D of the snapshots [kpc^-2 per cm^-3]: from no absorption to losses faster than any transport."""
SINKS: Final = (0.3, 10.0)
"""k / D of the snapshots [kpc^-2]: what momentum transport or decay take away everywhere."""
RADIAL_TOLERANCE: Final = 1.0e-3
"""Radial shapes with singular values below this share of the largest are dropped."""


@dataclass(frozen=True, eq=False)
class Domain:
    """Cells, gas and sources of a galaxy with one height of its halo.

    Attributes:
        radial, vertical: the axes.
        gas: (3, radius, height) cell averages of the :data:`FIELDS`.
        sources: (source, radius, height) source distributions; the first that of cosmic rays, 1 at the Sun.
        sun: number of the radial node at the Sun.
    """

    radial: Axis
    vertical: Axis
    gas: FloatArray
    sources: FloatArray
    sun: int


@dataclass(frozen=True, eq=False)
class Basis:
    """Shapes that are orthonormal under the volumes of the cells, and the fields projected on them.

    Attributes:
        operators: (4, shape, shape) minus the Laplacian [kpc^-2] and the :data:`FIELDS` [cm^-3]; symmetric.
        sources: (source, shape) the source distributions.
        sun: (shape,) values of the shapes at the Sun.
    """

    operators: FloatArray
    sources: FloatArray
    sun: FloatArray

    @property
    def total_gas(self) -> FloatArray:
        """(shape, shape) hydrogen nuclei [cm^-3]."""
        return np.asarray(self.operators[1] + self.operators[2])

    def restrict(self, shapes: FloatArray) -> Basis:
        """The basis of some combinations, (shape, new shape) with orthonormal columns, of these shapes."""
        return replace(
            self,
            operators=np.ascontiguousarray(shapes.T @ self.operators @ shapes),
            sources=self.sources @ shapes,
            sun=self.sun @ shapes,
        )


def radial_shapes(domains: Sequence[Domain]) -> FloatArray:
    """(radius, shape) radial shapes of the solutions in halos of several heights, orthonormal under the volumes."""
    identity = np.diag(domains[0].radial.volume ** -0.5)
    snapshots = [_Family(domain, identity).snapshots() for domain in domains]
    columns = np.concatenate([found.reshape(-1, found.shape[-1]) for found in snapshots])
    values, vectors = np.linalg.eigh(columns.T @ columns)
    return np.asarray(identity @ vectors[:, values > RADIAL_TOLERANCE**2 * values[-1]])


def spatial_basis(domain: Domain, radial: FloatArray, count: int) -> Basis:
    """The basis of one halo.

    Args:
        domain: its cells, gas and sources.
        radial: (radius, radial shape) from :func:`radial_shapes`.
        count: most shapes kept.
    """
    family = _Family(domain, radial)
    vectors = family.snapshots()
    flat = vectors.reshape(vectors.shape[0], -1)
    values, mixture = np.linalg.eigh(flat @ flat.T)
    kept = values > 1.0e-14 * values[-1]
    mixture = (mixture[:, kept] / np.sqrt(values[kept]))[:, -count:]
    orthonormal, _ = np.linalg.qr(flat.T @ mixture)  # the normal equations lose half of the digits
    shapes = orthonormal.reshape(*vectors.shape[1:], -1) / np.sqrt(domain.vertical.volume)[:, None, None]
    return family.project(shapes)


class _Family:
    """The problems (-lap + absorption n + sink) N = q of one halo, in a basis of radial shapes."""

    def __init__(self, domain: Domain, radial: FloatArray) -> None:
        weighted = radial * domain.radial.volume[:, None]
        self.vertical = domain.vertical
        self.stiffness = radial.T @ domain.radial.stiffness @ radial
        self.gas = np.einsum("ra,frz,rb->fzab", weighted, domain.gas, radial, optimize=True)
        self.sources = np.einsum("srz,ra->zas", domain.sources, weighted)
        self.sun = radial[domain.sun]

    def snapshots(self) -> FloatArray:
        """(snapshot, height, radial shape) sqrt(volume) N, each of unit norm."""
        absorption = np.array([*ABSORPTIONS, *(0.3 * sink for sink in SINKS)])
        sink = np.array([0.0] * len(ABSORPTIONS) + list(SINKS))
        solve = self._solver(absorption, sink)
        start = np.zeros((*self.sources.shape[:2], 1))
        start[0, :, 0] = self.sun / self.vertical.volume[0]
        first = solve(np.tile(np.concatenate([self.sources, start], axis=-1), (absorption.size, 1, 1, 1)))
        burnt = solve((self.gas[0] + self.gas[1]) @ first)
        moved = solve(first[::-1].copy())  # particles that were at one momentum and are now at another
        groups = np.concatenate([first, burnt, moved], axis=-1) * np.sqrt(self.vertical.volume)[:, None, None]
        vectors = np.moveaxis(groups, -1, 0).reshape(-1, *groups.shape[1:3])
        norm = np.linalg.norm(vectors, axis=(1, 2), keepdims=True)
        return np.asarray(vectors / np.where(norm > 0.0, norm, 1.0))  # without gas nothing is burnt

    def project(self, shapes: FloatArray) -> Basis:
        """The basis of some (height, radial shape, shape)."""
        weighted = shapes * self.vertical.volume[:, None, None]
        along_r = self.stiffness @ weighted
        along_z = np.tensordot(self.vertical.stiffness, shapes, axes=1)
        fields = [along_r + along_z, *(field @ weighted for field in self.gas)]
        flat = shapes.reshape(-1, shapes.shape[-1])
        operators = np.stack([flat.T @ field.reshape(flat.shape) for field in fields])
        sources = np.tensordot(self.sources, weighted, axes=((0, 1), (0, 1)))
        return Basis(0.5 * (operators + operators.transpose(0, 2, 1)), sources, self.sun @ shapes[0])

    def _solver(self, absorption: FloatArray, sink: FloatArray) -> Callable[[FloatArray], FloatArray]:
        """From q (member, height, radial shape, right side) to N, by block elimination along z for all members."""
        heights, coupling = self.vertical.volume, self.vertical.coupling
        bound, last = np.diag(self.vertical.stiffness).copy(), len(heights) - 1
        total = np.ascontiguousarray(self.gas[0] + self.gas[1])
        inverses = _eliminate(self.stiffness, total, heights, bound, coupling, absorption, sink)

        def solve(right: FloatArray) -> FloatArray:
            found = right * heights[:, None, None]
            for level in range(last - 1, -1, -1):
                found[:, level] += coupling[level] * (inverses[level + 1] @ found[:, level + 1])
            found[:, 0] = inverses[0] @ found[:, 0]
            for level in range(1, last + 1):
                found[:, level] = inverses[level] @ (found[:, level] + coupling[level - 1] * found[:, level - 1])
            return found

        return solve


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _eliminate(
    stiffness: FloatArray,
    gas: FloatArray,
    heights: FloatArray,
    bound: FloatArray,
    coupling: FloatArray,
    absorption: FloatArray,
    sink: FloatArray,
) -> FloatArray:
    """(height, member, radial shape, radial shape) inverses of the pivots, from the boundary down to the plane."""
    size, last = stiffness.shape[0], len(heights) - 1
    inverses = np.empty((last + 1, len(absorption), size, size))
    for member in range(len(absorption)):
        for level in range(last, -1, -1):
            block = heights[level] * (stiffness + absorption[member] * gas[level])
            for row in range(size):
                block[row, row] += heights[level] * sink[member] + bound[level]
            if level < last:
                block -= coupling[level] ** 2 * inverses[level + 1, member]
            invert(block)
            inverses[level, member] = block
    return inverses
