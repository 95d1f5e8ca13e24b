"""The reduced space of one parameter point: the few shapes that its own solutions take.

The basis of a halo serves every parameter point. For one of them a smaller space does: the problem is solved in the
large space on a coarse grid of energies, forwards for a primary and a secondary species and backwards from the Sun, and
the leading shapes of all these solutions are kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from propmat.galaxy import blocks
from propmat.galaxy.schemes import Coefficients
from propmat.galaxy.space import Basis
from propmat.species import FloatArray


def adapted_basis(full: Basis, operators: Sequence[Coefficients], injected: FloatArray, count: int) -> Basis:
    """The leading shapes of some solutions.

    Args:
        full: a basis of the halo.
        operators: transport operators on a coarse grid of energies.
        injected: (energy,) injection on that grid.
        count: most shapes kept.
    """
    found = []
    right = np.ascontiguousarray(np.einsum("e,sm->ems", injected, full.sources))
    start = np.ascontiguousarray(np.einsum("eo,m->emo", np.eye(injected.size), full.sun))
    for operator in operators:
        inverses = blocks.factorise(*operator.rows, full.operators)
        _, *coupling = operator.rows
        primary = blocks.solve(inverses, *coupling, full.operators, right)
        secondary = blocks.solve(inverses, *coupling, full.operators, np.ascontiguousarray(full.total_gas @ primary))
        adjoint = blocks.solve_adjoint(inverses, *coupling, full.operators, start)
        found += [np.moveaxis(part, 1, -1).reshape(-1, full.sun.size) for part in (primary, secondary, adjoint)]
    vectors = np.concatenate(found)
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(norm > 0.0, norm, 1.0)
    _, shapes = np.linalg.eigh(unit.T @ unit)
    return full.restrict(np.ascontiguousarray(shapes[:, -count:]))
