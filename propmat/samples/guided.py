"""Posterior-guided designs: from the points that a Markov chain visited to those that are worth simulating.

What papers/000 (IV-A) does: an MCMC on real data is used as a search, and every point it visits with chi^2/dof below 10
becomes a training sample, those of the burn-in too. The chain comes from above (:mod:`propmat.fit.guided`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from propmat.errors import InputError
from propmat.parameters import ParameterSpace
from propmat.samples.design import round_significant
from propmat.species import FloatArray

FIT_LIMIT: Final = 10.0
"""chi^2/dof below which papers/000 keeps a point."""


@dataclass(frozen=True, eq=False)
class Visited:
    """What one chain visited, in its order; a walker that stayed where it was repeats a point.

    Attributes:
        points: (visit, parameter) in the order of the names of the parameter space.
        fit: (visit,) chi^2/dof.
        source: what to call the chain in messages, such as ``"rotation 2480"``.

    Raises:
        InputError: the lengths differ.
    """

    points: FloatArray
    fit: FloatArray
    source: str

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.fit.shape != self.points.shape[:1]:
            raise InputError(
                f"{self.source}: points {self.points.shape} and chi^2/dof {self.fit.shape} must be (visit, parameter) "
                "and (visit,)."
            )

    def kept(self, limit: float = FIT_LIMIT) -> FloatArray:
        """(point, parameter) distinct points of chi^2/dof below ``limit``, by their first visit, to nine digits."""
        good = self.points[self.fit < limit]
        rounded = np.array([[round_significant(value) for value in point] for point in good.tolist()])
        _, first = np.unique(rounded.reshape(good.shape), axis=0, return_index=True)
        return rounded.reshape(good.shape)[np.sort(first)]


def guided_points(
    chains: Sequence[Visited], space: ParameterSpace, *, count: int, limit: float = FIT_LIMIT, seed: int = 0
) -> FloatArray:
    """``count`` points of a design, equal shares of every chain, each share evenly spaced along its chain.

    Args:
        chains: what was visited; at least one.
        space: that the points are of.
        count: of points.
        limit: of chi^2/dof, not included.
        seed: of the order of the points, which is random, so that any part of them is a fair one.

    Returns:
        (count, parameter); those of one chain are distinct.

    Raises:
        InputError: fewer points than chains, a chain with too few points of a fit that good, or a point outside
            ``space``.
    """
    if not chains or count < len(chains):
        raise InputError(f"count = {count} must be at least one point from each of {max(len(chains), 1)} chain(s).")
    shares = []
    for number, chain in enumerate(chains):
        share = share_of(count, len(chains), number)
        kept = chain.kept(limit)
        if len(kept) < share:
            raise InputError(
                f"{chain.source}: {len(kept)} distinct points of chi^2/dof < {limit:g} among {len(chain.fit)} visited, "
                f"but {share} are needed: a longer chain, or a smaller count."
            )
        shares.append(kept[np.arange(share) * len(kept) // share])
    points = np.concatenate(shares)
    space.check(points)
    return np.random.default_rng(seed).permutation(points)


def share_of(count: int, chains: int, number: int) -> int:
    """Points that chain ``number`` gives of ``count``: equal shares, the first chains one more."""
    return count // chains + (number < count % chains)
