"""The stepper on CPU cores: particles advance in lanes of a structure of arrays, so that LLVM vectorises each loop.

A finished lane takes the next particle at once. Compiled code is cached on disk under a digest of every source
file of the physics: numba itself would not notice a change in a file other than this one.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numba import njit, uint64

from propmat.heliosphere.helprop import helprop_step
from propmat.heliosphere.kernels.constants import RunConstants, Switches
from propmat.heliosphere.kernels.philox import four_normals, philox, uniform
from propmat.heliosphere.stepper import step

LANES: Final = 32
_R, _THETA, _PHI, _LOG_R, _TIME, _N1, _N2, _N3, _N4 = (k * LANES for k in range(9))
_STATE: Final = 9 * LANES
_START_COUNTER = uint64(0xFFFFFFFF)
_LOW = uint64(0xFFFFFFFF)
_SHIFT = uint64(32)
RESULTS: Final = 6
"""Rows of the result of a trace: ln R, time [day], r, theta, phi at exit, number of steps (negative: step cap hit)."""


def source_digest() -> int:
    """A number that changes when any file of the heliosphere's physics does."""
    folder = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return int.from_bytes(digest.digest()[:7], "big")


@cache
def tracer(s: Switches) -> Callable[..., None]:
    """The compiled trace of a variant of the physics."""
    return build(source_digest(), s)


def build(digest: int, s: Switches) -> Callable[..., None]:
    """Compile the trace; ``digest`` and the switches are part of numba's cache key."""
    helprop_rule = s.helprop_rule

    @njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
    def trace(
        c: RunConstants, log_rigidity: Any, particles: int, first: int, last: int, seed: Any, max_steps: int, out: Any
    ) -> None:
        """Trace trajectories ``first`` to ``last`` - 1 into ``out`` (RESULTS, last - first).

        Their number is energy * particles + particle; ``seed`` holds two 32-bit words in uint64.
        """
        version = digest
        state = np.empty(_STATE)
        count = np.zeros(LANES, np.int64)
        task = np.empty(LANES, np.int64)
        key0, key1 = seed[0], seed[1]
        upcoming = first
        active = 0
        for lane in range(LANES):
            task[lane] = -1
            if upcoming < last:
                _start(c, state, count, task, lane, upcoming, log_rigidity[upcoming // particles], key0, key1)
                upcoming += 1
                active += 1
            else:
                _start(c, state, count, task, lane, first, log_rigidity[0], key0, key1)
                task[lane] = -1
        while active > 0 and version != 0:
            for i in range(LANES):
                number = uint64(task[i])
                w0, w1, w2, w3 = philox(uint64(count[i]), number & _LOW, number >> _SHIFT, uint64(0), key0, key1)
                n1, n2, n3, n4 = four_normals(w0, w1, w2, w3)
                state[_N1 + i] = n1
                state[_N2 + i] = n2
                state[_N3 + i] = n3
                state[_N4 + i] = n4
            for i in range(LANES):
                if helprop_rule:
                    r, theta, phi, log_r, dt = helprop_step(
                        c,
                        s,
                        state[_R + i],
                        state[_THETA + i],
                        state[_PHI + i],
                        state[_LOG_R + i],
                        state[_N1 + i],
                        state[_N2 + i],
                        state[_N3 + i],
                    )
                else:
                    r, theta, phi, log_r, dt = step(
                        c,
                        s,
                        state[_R + i],
                        state[_THETA + i],
                        state[_PHI + i],
                        state[_LOG_R + i],
                        state[_N1 + i],
                        state[_N2 + i],
                        state[_N3 + i],
                        state[_N4 + i],
                    )
                state[_R + i] = r
                state[_THETA + i] = theta
                state[_PHI + i] = phi
                state[_LOG_R + i] = log_r
                state[_TIME + i] += dt
                count[i] += 1
            for lane in range(LANES):
                if state[_R + lane] >= c.r_hp or count[lane] >= max_steps:
                    if task[lane] >= 0:
                        column = task[lane] - first
                        out[0, column] = state[_LOG_R + lane]
                        out[1, column] = state[_TIME + lane]
                        out[2, column] = state[_R + lane]
                        out[3, column] = state[_THETA + lane]
                        out[4, column] = state[_PHI + lane]
                        out[5, column] = count[lane] if state[_R + lane] >= c.r_hp else -count[lane]
                        active -= 1
                    if upcoming < last:
                        _start(c, state, count, task, lane, upcoming, log_rigidity[upcoming // particles], key0, key1)
                        upcoming += 1
                        active += 1
                    else:
                        _start(c, state, count, task, lane, first, log_rigidity[0], key0, key1)
                        task[lane] = -1

    compiled: Callable[..., None] = trace
    return compiled


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _start(
    c: RunConstants,
    state: Any,
    count: Any,
    task: Any,
    lane: int,
    number: int,
    log_rigidity: float,
    key0: Any,
    key1: Any,
) -> None:
    """Put trajectory ``number`` into a lane: at Earth, in the equator, at a random longitude."""
    wide = uint64(number)
    word, _, _, _ = philox(_START_COUNTER, wide & _LOW, wide >> _SHIFT, uint64(0), key0, key1)
    task[lane] = number
    count[lane] = 0
    state[_R + lane] = 1.0
    state[_THETA + lane] = 0.5 * math.pi if c.start_uniform != 0.0 else 0.5 * math.pi + 1e-6
    state[_PHI + lane] = 2.0 * math.pi * uniform(word) if c.start_uniform != 0.0 else 1e-10
    state[_LOG_R + lane] = log_rigidity
    state[_TIME + lane] = 0.0
