"""The cylinder of propagation: nodes, cells and the Laplacian, in finite volumes.

Nodes sit at r = 0, dr, 2 dr, ... and at 0 = z_0 < z_1 < ...; the density vanishes on r = r_max and on |z| = z_h, and is
even in z. With uniform nodes the Laplacian is the three-point one of GALPROP; it is self-adjoint under the volumes of
the cells, on graded nodes too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import brentq

from propmat.species import FloatArray


@dataclass(frozen=True, eq=False)
class Axis:
    """One coordinate: nodes from 0 to just inside the boundary, and the cell around each.

    Attributes:
        nodes: (node,) [kpc].
        edges: (node + 1,) cell edges; the first is 0 [kpc].
        volume: (node,) measure of each cell: its width along z, the integral of r dr along r.
        coupling: (node,) conductance between a node and the next (the boundary, for the last).
    """

    nodes: FloatArray
    edges: FloatArray
    volume: FloatArray
    coupling: FloatArray

    @cached_property
    def stiffness(self) -> FloatArray:
        """(node, node) minus the Laplacian times the volumes: symmetric, positive definite."""
        inner = self.coupling[:-1]
        diagonal = self.coupling.copy()
        diagonal[1:] += inner
        return np.diag(diagonal) - np.diag(inner, 1) - np.diag(inner, -1)


def radial_axis(step: float, radius: float, *, central_factor: float = 1.0) -> Axis:
    """Uniform nodes from the centre to below r = ``radius``, where the density vanishes [kpc].

    Args:
        step: between nodes [kpc].
        radius: of the boundary [kpc].
        central_factor: multiplies the volume of the innermost cell; 2 is what GALPROP's operator at r = 0 amounts to.
    """
    nodes = step * np.arange(np.ceil(radius / step - 1.0e-9), dtype=np.float64)
    widths = np.diff(np.append(nodes, radius))
    edges = np.concatenate([[0.0], nodes + 0.5 * widths])
    volume = 0.5 * np.diff(edges**2)
    volume[0] *= central_factor
    return Axis(nodes, edges, volume, edges[1:] / widths)


def vertical_axis(nodes: FloatArray, half_height: float) -> Axis:
    """The upper half of the halo; ``nodes`` (node,) start at 0 and end below ``half_height`` [kpc]."""
    widths = np.diff(np.append(nodes, half_height))
    edges = np.concatenate([[0.0], nodes + 0.5 * widths])
    return Axis(nodes, edges, np.diff(edges), 1.0 / widths)


def uniform_heights(half_height: float, step: float) -> FloatArray:
    """Nodes a distance of about ``step`` apart, as GALPROP's grid [kpc]."""
    count = round(half_height / step)
    return np.asarray(half_height / count * np.arange(count), dtype=np.float64)


def graded_heights(half_height: float, first: float, count: int) -> FloatArray:
    """``count`` nodes, ``first`` apart in the disc and growing as a hyperbolic sine into the halo [kpc]."""
    if first * count >= half_height:
        return uniform_heights(half_height, half_height / count)
    stretch = brentq(lambda s: half_height * np.sinh(s / count) / np.sinh(s) - first, 1e-6, 50.0)
    heights: FloatArray = half_height * np.sinh(stretch * np.arange(count) / count) / np.sinh(stretch)
    return heights
