"""The stepper on a GPU: one thread follows one trajectory, and takes the next one when that has left.

The physics is that of the CPU, the very functions, which numba-cuda compiles for the device. Threads are persistent:
each takes its next trajectory from a counter, so that a long one holds up nobody but the launch's end. All threads of
a warp begin trajectories before an even step, since the order of the noise alternates and a warp that needed both
orders would pay for both. The constants of a thread's own trajectory lie in shared memory, those of the run in the
constant bank, the state in registers. Importing this needs numba-cuda.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import cuda, float64

from propmat.heliosphere.helprop import helprop_step
from propmat.heliosphere.kernels.constants import POINT_CONSTANTS, RunConstants, Switches
from propmat.heliosphere.kernels.philox import start_longitude, trajectory_normals
from propmat.heliosphere.stepper import start_angles, step


def kernel_source(s: Switches, threads: int) -> Callable[..., None]:
    """The kernel as a function of Python that numba-cuda compiles, for blocks of so many threads."""
    helprop_rule = s.helprop_rule

    def kernel(
        c: RunConstants,
        points: Any,
        log_rigidity: Any,
        rows: Any,
        numbers: Any,
        key0: Any,
        key1: Any,
        max_steps: int,
        upcoming: Any,
        out: Any,
    ) -> None:
        own = cuda.shared.array((POINT_CONSTANTS, threads), float64)
        lane = cuda.threadIdx.x
        task, number, count, odd, busy = 0, 0, 0, 0, False
        r, theta, phi, log_r, time, pending = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
        while True:
            if odd == 0 and not busy:
                task = cuda.atomic.add(upcoming, 0, 1)
                if task >= numbers.size:
                    break
                row = rows[task]
                for k in range(POINT_CONSTANTS):
                    own[k, lane] = points[k, row]
                number = numbers[task]
                theta, phi = start_angles(c, start_longitude(number, key0, key1))
                r, log_r, time, pending, count, busy = 1.0, log_rigidity[row], 0.0, 0.0, 0, True
            if busy:
                point = (
                    own[0, lane],
                    own[1, lane],
                    own[2, lane],
                    own[3, lane],
                    own[4, lane],
                    own[5, lane],
                    own[6, lane],
                    own[7, lane],
                    own[8, lane],
                    own[9, lane],
                    own[10, lane],
                    own[11, lane],
                )
                here = RunConstants(*(point + c[POINT_CONSTANTS:]))
                n1, n2, n3, n4 = trajectory_normals(count, number, 0, key0, key1)
                if helprop_rule:
                    r, theta, phi, log_r, dt = helprop_step(here, s, r, theta, phi, log_r, n1, n2, n3)
                else:
                    r, theta, phi, log_r, dt = step(here, s, r, theta, phi, log_r, pending, odd, n1, n2, n3, n4)
                time += dt
                pending = 0.5 * dt
                count += 1
                if r >= c.r_hp or count >= max_steps:
                    out[0, task] = log_r
                    out[1, task] = time
                    out[2, task] = r
                    out[3, task] = theta
                    out[4, task] = phi
                    out[5, task] = count if r >= c.r_hp else -count
                    busy = False
            odd = 1 - odd

    return kernel
