"""How much a flux at Earth changes with the steps of the simulator, or with any constant of a run.

Pairs of trajectories share their Brownian path (:mod:`propmat.heliosphere.kernels.coupled`), control variates take
away most of what the difference of their fluxes still scatters by, and products of a few numbers for each pair are
all that is kept, so that a study may go on as long as it needs to, or be resumed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from propmat.errors import InputError
from propmat.heliosphere.kernels.constants import RunConstants, Switches
from propmat.heliosphere.kernels.controls import CONTROLS
from propmat.heliosphere.kernels.coupled import PAIR_ROWS, pair_tracer
from propmat.heliosphere.kernels.cpu import RESULTS
from propmat.heliosphere.tracing import STEP_CAP
from propmat.species import (
    FloatArray,
    Species,
    kinetic_energy_from_rigidity,
    momentum_from_kinetic_energy,
    rigidity_from_kinetic_energy,
)
from propmat.spectra import Spectrum

COLUMNS = 3 + CONTROLS
"""Of a pair's record: 1, flux over interstellar flux with the first constants, with the second, controls."""


def trace_pairs(
    constants: tuple[RunConstants, RunConstants],
    variant: Switches,
    species: Species,
    kinetic_energy: float,
    first: int,
    last: int,
    seed: int,
) -> FloatArray:
    """Trace pairs ``first`` to ``last`` - 1 at ``kinetic_energy`` [GeV/n] with two sets of constants, on one thread.

    Returns:
        (PAIR_ROWS, pair): the rows of an ordinary trace for the first constants, for the second, and the controls.
        Each of the two has the law of an ordinary run; they share seeds and start, but not noise, with ordinary runs.

    Raises:
        InputError: the variant is HELPROP's rule.
    """
    if variant.helprop_rule:
        raise InputError("helprop_rule has a fixed step, which pairs of adaptive paths cannot follow; use simulate.")
    one, other = (RunConstants(*(float(value) for value in constant)) for constant in constants)
    words = np.array([seed & 0xFFFFFFFF, seed >> 32], dtype=np.uint64)
    log_rigidity = float(np.log(rigidity_from_kinetic_energy(np.array([kinetic_energy]), species))[0])
    out = np.empty((PAIR_ROWS, last - first))
    pair_tracer(variant)(one, other, log_rigidity, first, last, words, STEP_CAP, out)
    return out


@dataclass(frozen=True)
class Moments:
    """Sums over pairs, from which a bias and its error follow.

    Attributes:
        products: (COLUMNS, COLUMNS) sums of the products of two columns of the record of each pair.
        steps: of all trajectories.
        truncated: trajectories that hit the step cap: their flux is not one.
        seconds: of CPU time.
    """

    products: FloatArray
    steps: float
    truncated: int
    seconds: float

    @classmethod
    def none(cls) -> Moments:
        """Of no pairs at all."""
        return cls(np.zeros((COLUMNS, COLUMNS)), 0.0, 0, 0.0)

    @classmethod
    def sample(
        cls,
        constants: tuple[RunConstants, RunConstants],
        variant: Switches,
        species: Species,
        kinetic_energy: float,
        lis: Spectrum,
        first: int,
        last: int,
        seed: int,
    ) -> Moments:
        """Of pairs ``first`` to ``last`` - 1; see :func:`trace_pairs`."""
        start = time.thread_time()
        out = trace_pairs(constants, variant, species, kinetic_energy, first, last, seed)
        record = np.empty((COLUMNS, last - first))
        record[0] = 1.0
        record[1] = modulation(out[0], species, kinetic_energy, lis)
        record[2] = modulation(out[RESULTS], species, kinetic_energy, lis)
        record[3:] = out[2 * RESULTS :]
        steps = out[[RESULTS - 1, 2 * RESULTS - 1]]
        seconds = time.thread_time() - start
        return cls(record @ record.T, float(np.abs(steps).sum()), int((steps < 0.0).sum()), seconds)

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.products + other.products,
            self.steps + other.steps,
            self.truncated + other.truncated,
            self.seconds + other.seconds,
        )

    @property
    def pairs(self) -> int:
        """Number of pairs."""
        return int(self.products[0, 0])

    def flux(self) -> float:
        """Flux at Earth over interstellar flux, of the second constants."""
        return float(self.products[0, 2] / self.products[0, 0])

    def correlation(self) -> float:
        """Of the two fluxes of a pair."""
        covariance = self._covariance()[1:3, 1:3]
        return float(covariance[0, 1] / np.sqrt(max(covariance[0, 0] * covariance[1, 1], 1e-300)))

    def scatter(self) -> tuple[float, float]:
        """Standard deviations of the two fluxes of a pair, over the second's mean."""
        one, other = np.sqrt(np.diag(self._covariance())[1:3]) / self.flux()
        return float(one), float(other)

    def bias(self, controls: bool = True) -> tuple[float, float]:
        """(first flux / second flux - 1, its standard error); infinite error with too few pairs to tell."""
        count = self.pairs
        free = count - 1 - (CONTROLS if controls else 0)
        if free < 1:
            return 0.0, np.inf
        mean, covariance = self.products[0] / count, self._covariance()
        ratio = float(mean[1] / mean[2])
        weights = np.zeros(COLUMNS)
        weights[1], weights[2] = 1.0, -ratio
        if controls:
            own = covariance[3:, 3:]
            size = np.sqrt(np.diag(own))
            unit = np.where(size > 0.0, size, 1.0)
            target = (covariance @ weights)[3:] / unit
            weights[3:] = -np.linalg.lstsq(own / np.outer(unit, unit), target, rcond=1e-10)[0] / unit
        variance = max(float(weights @ covariance @ weights), 0.0) * count / free
        shift = float(weights[3:] @ mean[3:])
        return ratio - 1.0 + shift / float(mean[2]), float(np.sqrt(variance / count) / mean[2])

    def _covariance(self) -> FloatArray:
        """(COLUMNS, COLUMNS), not corrected for the degrees of freedom."""
        mean = self.products[0] / self.products[0, 0]
        covariance: FloatArray = self.products / self.products[0, 0] - np.outer(mean, mean)
        return covariance


def modulation(log_rigidity: FloatArray, species: Species, kinetic_energy: float, lis: Spectrum) -> FloatArray:
    """p^2 J_LIS(T_exit) / (p_exit^2 J_LIS(T)) of trajectories of known ln R [GV] at exit; its mean is J / J_LIS."""
    energy = kinetic_energy_from_rigidity(np.exp(log_rigidity), species)
    at_earth = np.array([kinetic_energy])
    momentum = momentum_from_kinetic_energy(at_earth, species) / momentum_from_kinetic_energy(energy, species)
    ratio: FloatArray = momentum**2 * np.asarray(lis(energy)) / np.asarray(lis(at_earth))
    return ratio
