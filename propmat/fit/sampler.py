"""The ensemble sampler: emcee over the vectorised posterior, written in chunks, resumed bit for bit."""

from __future__ import annotations

from collections.abc import Callable

import emcee
import numpy as np
from emcee.backends import Backend
from emcee.moves import DEMove, DESnookerMove
from emcee.state import State

from propmat.errors import InputError
from propmat.fit.chains import ChainFile
from propmat.fit.config import SamplerConfig
from propmat.fit.posterior import Posterior
from propmat.fit.profile import BestFit
from propmat.progress import progress_bar
from propmat.species import FloatArray


def check_walkers(config: SamplerConfig, parameters: int) -> None:
    """Raise InputError when the ensemble is too small to span the parameters."""
    if config.walkers < 2 * parameters:
        raise InputError(
            f"sampler.walkers = {config.walkers} is too few for {parameters} parameters; allowed: at least "
            f"{2 * parameters}."
        )


def sample(posterior: Posterior, best: BestFit, config: SamplerConfig, file: ChainFile) -> None:
    """Extend the chain in ``file`` to ``config.steps`` steps; nothing to do when it is that long.

    Every chunk starts from the state of the file, so that a killed and resumed chain equals an uninterrupted one.
    """
    done = file.iteration
    if done >= config.steps:
        return
    state = file.last_state() if done else _start(posterior, best, config)
    with progress_bar() as progress:
        task = progress.add_task("sampling", total=config.steps, completed=done)
        while done < config.steps:
            count = min(config.chunk, config.steps - done)
            chunk, state = run_chunk(posterior.log_probability, state, count, lambda _: progress.advance(task))
            file.append(chunk)
            done += count


def run_chunk(
    log_probability: Callable[[FloatArray], FloatArray], state: State, count: int, on_step: Callable[[State], None]
) -> tuple[Backend, State]:
    """``count`` steps of the ensemble from ``state``: the steps in memory, and the state after them.

    Args:
        log_probability: of points (walker, parameter) -> (walker,).
        state: walkers, their log-probability and the random state.
        count: steps.
        on_step: called with the state after each.
    """
    chunk = Backend()
    sampler = emcee.EnsembleSampler(
        *state.coords.shape,
        log_probability,
        moves=[(DEMove(), 0.8), (DESnookerMove(), 0.2)],
        backend=chunk,
        vectorize=True,
    )
    for reached in sampler.sample(state, iterations=count, skip_initial_state_check=True):
        state = reached
        on_step(reached)
    return chunk, state


def _start(posterior: Posterior, best: BestFit, config: SamplerConfig) -> State:
    """Walkers drawn around the best fit with its covariance, reflected into the domain."""
    generator = np.random.default_rng(config.seed)
    cubes = generator.multivariate_normal(best.cube, best.covariance, size=config.walkers)
    count = 3 * len(posterior.rotations)
    folded = np.mod(cubes[:, :count], 2.0)
    cubes[:, :count] = np.minimum(folded, 2.0 - folded)
    walkers = posterior.theta_of(cubes)
    random_state = np.random.RandomState(config.seed).get_state()  # the generator emcee stores
    return State(walkers, log_prob=posterior.log_probability(walkers), random_state=random_state)


def integrated_time(chain: FloatArray) -> FloatArray:
    """(parameter,) autocorrelation time [steps] of a chain (step, walker, parameter), however short it is.

    A walker that never moved has no estimate of its own; the parameter is then given the length of the chain.
    """
    with np.errstate(invalid="ignore"):
        times = np.asarray(emcee.autocorr.integrated_time(chain, tol=0, quiet=True), dtype=np.float64)
    return np.where(np.isfinite(times), times, float(len(chain)))
