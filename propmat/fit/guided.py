"""The search for points worth simulating: emcee on real data, keeping all it visits (papers/000, IV-A).

The chain samples exp(-chi^2 / 2 temperature) times the prior. Temperature 1 is the posterior, which soon leaves the
region chi^2/dof < limit for its narrow middle; a hotter chain fills that region, which is what a training set is for.

The prior is uniform in a unit cube. Walkers move in z, the normal quantile of each of its coordinates, whose prior is a
unit Gaussian: in the cube itself most proposals of ten dimensions would end outside.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from emcee.state import State
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from propmat.errors import InputError, out_of_range
from propmat.fit.chains import ChainFile
from propmat.fit.sampler import run_chunk
from propmat.parameters import ParameterSpace
from propmat.samples.guided import FIT_LIMIT, Visited
from propmat.species import FloatArray

TEMPERATURES: Final = 8.0
"""By default chi^2 at the limit is this many temperatures: with 4 to 6 parameters that the data constrain, chi^2 of a
Gaussian likelihood is then below the limit for 0.9 to 0.8 of the chain, and of its order for most of it."""
FURTHEST: Final = 4.0
"""Largest |z|; it cuts 3e-5 of the prior off at each end of a coordinate, where walkers would lose themselves."""
SCANNED: Final = 8
"""Points of the prior looked at for each walker that starts."""
CHUNK: Final = (10, 100)
"""Fewest and most steps between two durable writes, each of the whole chain; in between, a tenth of the chain."""
PATIENCE: Final = 300
"""Steps without a new point below the limit after which a chain gives up."""


class GuidedLikelihood(Protocol):
    """chi^2 of real data over a unit cube, in which the prior is uniform."""

    @property
    def source(self) -> str:
        """What to call it, such as ``"rotation 2480"``."""

    @property
    def space(self) -> ParameterSpace:
        """Of the points."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the coordinates of the cube."""

    @property
    def dof(self) -> int:
        """Measured points less fitted parameters."""

    @property
    def identity(self) -> Mapping[str, object]:
        """Plain values for JSON that fix chi^2."""

    def chi_square(self, cube: FloatArray) -> FloatArray:
        """(walker,) of (walker, coordinate)."""

    def points(self, cube: FloatArray) -> FloatArray:
        """(…, parameter) of the simulator from (…, coordinate)."""


@dataclass(frozen=True)
class GuideConfig:
    """How to search.

    Attributes:
        limit: chi^2/dof below which a point is kept.
        temperature: 1 samples the posterior, more spreads the chain; None: limit x dof / :data:`TEMPERATURES`.
        spacing: distinct points found for one that is kept; more makes those kept less alike.
        walkers: of the ensemble, at least twice the sampled coordinates.
        seed: fixes the whole chain.

    Raises:
        InputError: a value out of range.
    """

    limit: float = FIT_LIMIT
    temperature: float | None = None
    spacing: int = 1
    walkers: int = 40
    seed: int = 1

    def __post_init__(self) -> None:
        ranges = {
            "limit": (1e-3, 1e6), "temperature": (1e-3, 1e6), "spacing": (1, 1000),
            "walkers": (2, 4096), "seed": (0, 2**32 - 1),
        }  # fmt: skip
        for key, (low, high) in ranges.items():
            value = getattr(self, key)
            if value is not None and not low <= value <= high:
                raise out_of_range(key, value, low, high)


@dataclass(frozen=True, eq=False)
class Exploration:
    """What a search gave.

    Attributes:
        visited: all that the walkers were at.
        evaluations: of the likelihood, over all runs of this chain.
        acceptance: fraction of accepted steps.
    """

    visited: Visited
    evaluations: int
    acceptance: float


def explore(
    likelihood: GuidedLikelihood,
    config: GuideConfig,
    count: int,
    path: Path,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Exploration:
    """Run the chain in ``path``, or go on with it, until ``count`` x ``config.spacing`` distinct points fit well.

    Killed at any time, the same call goes on after the last chunk and ends with the same chain.

    Args:
        likelihood: of the data.
        config: how to search.
        count: points wanted.
        path: HDF5 file of the chain, in emcee's layout.
        on_progress: called with the number of distinct points that fit well, after each step.

    Raises:
        InputError: too few walkers, or no point fits well for :data:`PATIENCE` steps.
        FileError: the file cannot be written, is damaged, or is the chain of another search.
    """
    if count < 1:
        raise InputError(f"count = {count} must be at least 1.")
    dimensions = len(likelihood.names)
    if config.walkers < 2 * dimensions:
        raise out_of_range("walkers", config.walkers, 2 * dimensions, 4096)

    hot = config.temperature or config.limit * likelihood.dof / TEMPERATURES

    def log_probability(z: FloatArray) -> FloatArray:
        found = np.full(len(z), -np.inf)
        inside = np.all(np.abs(z) <= FURTHEST, axis=-1)
        if np.any(inside):
            chi_square = likelihood.chi_square(ndtr(z[inside]))
            found[inside] = -0.5 * (chi_square / hot + np.sum(z[inside] ** 2, axis=-1))
        return found

    file = ChainFile(path, _digest(likelihood, config, hot), _names(likelihood), config.walkers)
    state = file.last_state() if file.iteration else _start(dimensions, config, log_probability)
    visited = _visited(likelihood, file, hot)
    found = len(visited.kept(config.limit))
    on_progress(found)
    while found < count * config.spacing:
        progress = _Counter(found, state, -0.5 * config.limit * likelihood.dof / hot, on_progress)
        steps = min(max(CHUNK[0], file.iteration // 10), CHUNK[1])
        chunk, state = run_chunk(log_probability, state, steps, progress)
        file.append(chunk)
        visited = _visited(likelihood, file, hot)
        found = len(visited.kept(config.limit))
        _check_hope(visited, config)
    return Exploration(visited, (SCANNED + file.iteration) * config.walkers, float(np.mean(file.acceptance())))


class _Counter:
    """Counts the distinct points that fit well, step by step: a walker that moved is at a new one."""

    def __init__(self, found: int, state: State, least: float, on_progress: Callable[[int], None]) -> None:
        self._found, self._coords, self._least, self._tell = found, state.coords.copy(), least, on_progress

    def __call__(self, state: State) -> None:
        likelihood = state.log_prob + 0.5 * np.sum(state.coords**2, axis=-1)
        moved = np.any(state.coords != self._coords, axis=-1)
        self._found += int(np.sum(moved & (likelihood > self._least)))
        self._coords = state.coords.copy()
        self._tell(self._found)


def _start(dimensions: int, config: GuideConfig, log_probability: Callable[[FloatArray], FloatArray]) -> State:
    """The best of :data:`SCANNED` points of the prior a walker: from all over it, but not from hopeless places."""
    count = SCANNED * config.walkers
    sobol = qmc.Sobol(dimensions, rng=np.random.default_rng(config.seed)).random(1 << (count - 1).bit_length())[:count]
    z = ndtri(np.clip(sobol, ndtr(-FURTHEST), ndtr(FURTHEST)))
    scores = np.concatenate([log_probability(part) for part in np.split(z, SCANNED)])
    best = np.argsort(-scores, kind="stable")[: config.walkers]
    random_state = np.random.RandomState(config.seed).get_state()  # the generator emcee stores
    return State(z[best], log_prob=scores[best], random_state=random_state)


def _visited(likelihood: GuidedLikelihood, file: ChainFile, temperature: float) -> Visited:
    """The whole chain, step by step, burn-in included."""
    if not file.iteration:
        return Visited(likelihood.points(np.empty((0, len(likelihood.names)))), np.empty(0), likelihood.source)
    z = file.chain().reshape(-1, len(likelihood.names))
    chi_square = -temperature * (2.0 * file.log_probability().ravel() + np.sum(z**2, axis=-1))
    return Visited(likelihood.points(ndtr(z)), chi_square / likelihood.dof, likelihood.source)


def _check_hope(visited: Visited, config: GuideConfig) -> None:
    """Give up on a chain that finds nothing (InputError)."""
    recent = visited.fit[-PATIENCE * config.walkers :]
    if len(recent) == PATIENCE * config.walkers and np.all(recent >= config.limit):
        raise InputError(
            f"{visited.source}: no point of chi^2/dof < {config.limit:g} in {PATIENCE} steps; the best so far has "
            f"{visited.fit.min():.3g}. Raise the limit, or lower the temperature."
        )


def _names(likelihood: GuidedLikelihood) -> tuple[str, ...]:
    return tuple(f"z_{name}" for name in likelihood.names)


def _digest(likelihood: GuidedLikelihood, config: GuideConfig, temperature: float) -> str:
    """Hash of what the chain depends on; its length and what is kept of it are not part of it."""
    own = [temperature, config.walkers, config.seed]
    text = json.dumps([likelihood.names, dict(likelihood.identity), own], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
