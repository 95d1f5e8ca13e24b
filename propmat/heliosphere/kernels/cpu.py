"""The stepper on CPU cores: particles advance in lanes of a structure of arrays, so that LLVM vectorises each loop.

A finished lane takes the next particle at once. The lanes that the sheet may matter to are packed together, so that
the others do not pay for its search. Where each particle has its own parameters (``own``), a lane carries its point
constants along and they replace those of the run, field by field, so that the loops stay as they are. Compiled code is
cached on disk under a digest of every source file of the physics: numba itself would not notice a change in a file
other than this one.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numba import njit

from propmat.heliosphere.helprop import helprop_step
from propmat.heliosphere.kernels.constants import POINT_CONSTANTS, RunConstants, Switches
from propmat.heliosphere.kernels.philox import start_longitude, trajectory_normals
from propmat.heliosphere.stepper import (
    Place,
    advance,
    far_from_sheet,
    fold,
    near_sheet,
    radial_noise,
    sideways_noise,
    start_angles,
    survey,
)

LANES: Final = 64
PLACE_FIELDS: Final = len(Place._fields)
PLACE_AMPLITUDE: Final = Place._fields.index("amplitude") * LANES
"""Where that field begins in the places of all lanes."""
_R, _THETA, _PHI, _LOG_R, _TIME, _PENDING = (k * LANES for k in range(6))
_POINT: Final = 6 * LANES
"""Where a lane's own constants begin in the state, if it has any; the state ends here if not."""
_PLACES: Final = PLACE_FIELDS * LANES
_FIRST_OF_SHEET: Final = Place._fields.index("rate_theta")
_STEP, _SLIDE_R, _SLIDE_THETA, _SLIDE_PHI, _PATH, _ROOT, _N2, _N3, _N4 = (k * LANES for k in range(9))
_MOVES: Final = 9 * LANES
_PACKED_POINT: Final = 2 * LANES
_POINT_OF_SHEET: Final = RunConstants._fields.index("gradient_drift")
"""How many of a lane's own constants the search of the sheet may ask for: those before this one."""
_PACK_BELOW: Final = LANES * 13 // 16
VECTOR: Final = 8
"""Lanes of a vector instruction: loops run over multiples of this."""
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
def tracer(s: Switches, own: bool = False) -> Callable[..., None]:
    """The compiled trace of a variant of the physics; ``own``: of particles that have parameters of their own."""
    return build(source_digest(), s, own)


def build(digest: int, s: Switches, own: bool = False) -> Callable[..., None]:
    """Compile the trace; ``digest``, the switches and ``own`` are part of numba's cache key."""
    helprop_rule = s.helprop_rule
    length = _POINT + POINT_CONSTANTS * LANES if own else _POINT

    @njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
    def trace(
        c: RunConstants,
        log_rigidity: Any,
        particles: int,
        first: int,
        last: int,
        seed: Any,
        max_steps: int,
        out: Any,
        points: Any = None,
        numbers: Any = None,
    ) -> None:
        """Trace trajectories ``first`` to ``last`` - 1 into ``out`` (RESULTS, last - first).

        Their number is energy * particles + particle; ``seed`` holds two 32-bit words in uint64. With ``own``, column i
        of ``points`` (POINT_CONSTANTS, trajectory) has the constants of trajectory i, and ``numbers`` (trajectory,) the
        number of the noise that it draws.
        """
        version = digest
        state = np.ones(length)  # a lane without a trajectory moves too
        places, packed, moves = np.empty(_PLACES), np.empty(_PLACES), np.empty(_MOVES)
        packed_state, packed_moves = np.empty(_PACKED_POINT + POINT_CONSTANTS * LANES), np.empty(4 * LANES)
        near = np.empty(LANES, np.int64)
        wanted = np.empty(LANES, np.int64)
        count = np.zeros(LANES, np.int64)
        task = np.full(LANES, -1)
        number = np.zeros(LANES, np.int64)
        key0, key1 = seed[0], seed[1]
        upcoming = first
        active = 0
        odd = 0
        width = LANES
        while (active > 0 or upcoming < last) and version != 0:
            if odd == 0 and active < width:
                for lane in range(width):
                    if task[lane] < 0 and upcoming < last:
                        task[lane] = upcoming
                        number[lane] = upcoming
                        if own:
                            number[lane] = numbers[upcoming]
                            for field in range(POINT_CONSTANTS):
                                state[_POINT + field * LANES + lane] = points[field, upcoming]
                        _start(c, state, count, number, lane, log_rigidity[upcoming // particles], key0, key1)
                        upcoming += 1
                        active += 1
                if active <= width - VECTOR:
                    width = _compact(active, width, state, count, task, number)
            if helprop_rule:
                _helprop_lanes(c, s, own, width, state, count, number, key0, key1)
            else:
                _survey_lanes(c, s, own, width, state, places, moves, wanted)
                _sheet_lanes(c, s, own, width, state, places, moves, wanted, near, packed, packed_state, packed_moves)
                _move_lanes(c, s, own, width, state, places, moves, count, number, key0, key1, odd)
                odd = 1 - odd
            stopped = 0
            for lane in range(width):
                over = state[_R + lane] >= c.r_hp or count[lane] >= max_steps
                stopped += 1 if over and task[lane] >= 0 else 0
            if stopped:
                active -= stopped
                _record(c, width, state, count, task, max_steps, first, out)

    compiled: Callable[..., None] = trace
    return compiled


@njit(forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def lane_constants(c: RunConstants, own: bool, lanes: Any, first: int, i: int) -> RunConstants:
    """The run's constants, with ``own`` those of lane ``i`` among them, which begin at ``first`` in ``lanes``."""
    if own:
        return RunConstants(*(load_point(lanes, first + i) + c[POINT_CONSTANTS:]))
    return c


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _record(
    c: RunConstants, width: int, state: Any, count: Any, task: Any, max_steps: int, first: int, out: Any
) -> None:
    """Write the lanes that are at the boundary or the step cap into ``out``, and free them."""
    for lane in range(width):
        if task[lane] >= 0 and (state[_R + lane] >= c.r_hp or count[lane] >= max_steps):
            column = task[lane] - first
            out[0, column] = state[_LOG_R + lane]
            out[1, column] = state[_TIME + lane]
            out[2, column] = state[_R + lane]
            out[3, column] = state[_THETA + lane]
            out[4, column] = state[_PHI + lane]
            out[5, column] = count[lane] if state[_R + lane] >= c.r_hp else -count[lane]
            task[lane] = -1


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _compact(active: int, width: int, state: Any, count: Any, task: Any, number: Any) -> int:
    """Bring the last trajectories together in the first lanes; the number of lanes to go on with."""
    source = width
    for lane in range(active):
        if task[lane] < 0:
            source -= 1
            while task[source] < 0:
                source -= 1
            for field in range(0, state.size, LANES):
                state[field + lane] = state[field + source]
            count[lane] = count[source]
            task[lane] = task[source]
            number[lane] = number[source]
            task[source] = -1
    return (active + VECTOR - 1) // VECTOR * VECTOR


@njit(forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _survey_lanes(
    c: RunConstants, s: Switches, own: bool, width: int, state: Any, places: Any, moves: Any, wanted: Any
) -> None:
    """The place of each lane, its step if the sheet is far away, and whether it may be near."""
    for i in range(width):
        e = lane_constants(c, own, state, _POINT, i)
        r = state[_R + i]
        place = survey(e, s, r, state[_THETA + i], state[_PHI + i], state[_LOG_R + i])
        wanted[i] = 0 if far_from_sheet(e, s, r, place) else 1
        store_place(places, i, place)
        moves[_STEP + i] = place.step
        moves[_SLIDE_R + i] = 0.0
        moves[_SLIDE_THETA + i] = 0.0
        moves[_SLIDE_PHI + i] = 0.0


@njit(forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _sheet_lanes(
    c: RunConstants,
    s: Switches,
    own: bool,
    width: int,
    state: Any,
    places: Any,
    moves: Any,
    wanted: Any,
    near: Any,
    packed: Any,
    packed_state: Any,
    packed_moves: Any,
) -> None:
    """Step and displacement along the sheet of the lanes that may be near it, packed together."""
    size = 0
    for i in range(width):
        near[size] = i
        size += wanted[i]
    if size * LANES > _PACK_BELOW * width:
        for i in range(width):
            e = lane_constants(c, own, state, _POINT, i)
            dt, slide_r, slide_theta, slide_phi = near_sheet(
                e, s, state[_R + i], load_place(places, i), state[_PENDING + i]
            )
            moves[_STEP + i] = dt if wanted[i] else moves[_STEP + i]
            moves[_SLIDE_R + i] = slide_r if wanted[i] else 0.0
            moves[_SLIDE_THETA + i] = slide_theta if wanted[i] else 0.0
            moves[_SLIDE_PHI + i] = slide_phi if wanted[i] else 0.0
        return
    for k in range(size):
        i = near[k]
        packed_state[k] = state[_R + i]
        packed_state[LANES + k] = state[_PENDING + i]
        for field in range(_FIRST_OF_SHEET, PLACE_FIELDS):
            packed[field * LANES + k] = places[field * LANES + i]
        if own:
            for field in range(_POINT_OF_SHEET):
                packed_state[_PACKED_POINT + field * LANES + k] = state[_POINT + field * LANES + i]
    padded = min((size + VECTOR - 1) // VECTOR * VECTOR, width)
    for k in range(size, padded):
        packed_state[k] = packed_state[0]
        packed_state[LANES + k] = packed_state[LANES]
        for field in range(_FIRST_OF_SHEET, PLACE_FIELDS):
            packed[field * LANES + k] = packed[field * LANES]
        if own:
            for field in range(_POINT_OF_SHEET):
                packed_state[_PACKED_POINT + field * LANES + k] = packed_state[_PACKED_POINT + field * LANES]
    for k in range(padded):
        e = lane_constants(c, own, packed_state, _PACKED_POINT, k)
        dt, slide_r, slide_theta, slide_phi = near_sheet(
            e, s, packed_state[k], load_place(packed, k), packed_state[LANES + k]
        )
        packed_moves[_STEP + k] = dt
        packed_moves[_SLIDE_R + k] = slide_r
        packed_moves[_SLIDE_THETA + k] = slide_theta
        packed_moves[_SLIDE_PHI + k] = slide_phi
    for k in range(size):
        i = near[k]
        for field in range(4):
            moves[field * LANES + i] = packed_moves[field * LANES + k]


@njit(forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _move_lanes(
    c: RunConstants,
    s: Switches,
    own: bool,
    width: int,
    state: Any,
    places: Any,
    moves: Any,
    count: Any,
    number: Any,
    key0: Any,
    key1: Any,
    odd: int,
) -> None:
    """The smooth flow and the noise of each lane."""
    for i in range(width):
        e = lane_constants(c, own, state, _POINT, i)
        place = load_place(places, i)
        dt = moves[_STEP + i]
        r, theta, phi, log_rigidity = advance(
            e,
            s,
            state[_R + i],
            state[_THETA + i],
            state[_PHI + i],
            state[_LOG_R + i],
            state[_PENDING + i],
            place,
            dt,
            moves[_SLIDE_R + i],
            moves[_SLIDE_THETA + i],
            moves[_SLIDE_PHI + i],
        )
        state[_R + i] = r
        state[_THETA + i] = theta
        state[_PHI + i] = phi
        state[_LOG_R + i] = log_rigidity
    _noise_lanes(c, own, width, state, places, moves, count, number, key0, key1, odd)


@njit(forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _noise_lanes(
    c: RunConstants,
    own: bool,
    width: int,
    state: Any,
    places: Any,
    moves: Any,
    count: Any,
    number: Any,
    key0: Any,
    key1: Any,
    odd: int,
) -> None:
    """The noise of each lane."""
    for i in range(width):
        n1, n2, n3, n4 = trajectory_normals(count[i], number[i], 0, key0, key1)
        root_time = math.sqrt(2.0 * moves[_STEP + i])
        moves[_ROOT + i] = root_time
        moves[_PATH + i] = root_time * n1
        moves[_N2 + i] = n2
        moves[_N3 + i] = n3
        moves[_N4 + i] = n4
        count[i] += 1
    if odd:
        _sideways_lanes(c, own, width, state, places, moves)
        _radial_lanes(c, own, width, state, places, moves)
    else:
        _radial_lanes(c, own, width, state, places, moves)
        _sideways_lanes(c, own, width, state, places, moves)
    for i in range(width):
        dt = moves[_STEP + i]
        state[_R + i], state[_PHI + i] = fold(c, state[_R + i], state[_PHI + i])
        state[_TIME + i] += dt
        state[_PENDING + i] = 0.5 * dt


@njit(forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _radial_lanes(c: RunConstants, own: bool, width: int, state: Any, places: Any, moves: Any) -> None:
    """The radial noise of each lane."""
    for i in range(width):
        e = lane_constants(c, own, state, _POINT, i)
        r, phi = radial_noise(
            e, state[_R + i], state[_THETA + i], state[_PHI + i], places[PLACE_AMPLITUDE + i], moves[_PATH + i]
        )
        state[_R + i] = r
        state[_PHI + i] = phi


@njit(forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _sideways_lanes(c: RunConstants, own: bool, width: int, state: Any, places: Any, moves: Any) -> None:
    """The noise in theta and phi of each lane."""
    for i in range(width):
        e = lane_constants(c, own, state, _POINT, i)
        theta, phi = sideways_noise(
            e,
            state[_R + i],
            state[_THETA + i],
            state[_PHI + i],
            places[PLACE_AMPLITUDE + i],
            moves[_ROOT + i],
            moves[_N2 + i],
            moves[_N3 + i],
            moves[_N4 + i],
        )
        state[_THETA + i] = theta
        state[_PHI + i] = phi


@njit(forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _helprop_lanes(
    c: RunConstants, s: Switches, own: bool, width: int, state: Any, count: Any, number: Any, key0: Any, key1: Any
) -> None:
    """One step of HELPROP's rule in each lane."""
    for i in range(width):
        n1, n2, n3, _ = trajectory_normals(count[i], number[i], 0, key0, key1)
        e = lane_constants(c, own, state, _POINT, i)
        r, theta, phi, log_rigidity, dt = helprop_step(
            e, s, state[_R + i], state[_THETA + i], state[_PHI + i], state[_LOG_R + i], n1, n2, n3
        )
        state[_R + i] = r
        state[_THETA + i] = theta
        state[_PHI + i] = phi
        state[_LOG_R + i] = log_rigidity
        state[_TIME + i] += dt
        count[i] += 1


@njit(forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def store_place(places: Any, i: int, place: Place) -> None:
    """Write a place into lane ``i``; unrolled, as a loop over a tuple would not vectorise."""
    places[i] = place[0]
    places[LANES + i] = place[1]
    places[2 * LANES + i] = place[2]
    places[3 * LANES + i] = place[3]
    places[4 * LANES + i] = place[4]
    places[5 * LANES + i] = place[5]
    places[6 * LANES + i] = place[6]
    places[7 * LANES + i] = place[7]
    places[8 * LANES + i] = place[8]
    places[9 * LANES + i] = place[9]
    places[10 * LANES + i] = place[10]
    places[11 * LANES + i] = place[11]
    places[12 * LANES + i] = place[12]
    places[13 * LANES + i] = place[13]


@njit(forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def load_place(places: Any, i: int) -> Place:
    """The place in lane ``i``."""
    return Place(
        places[i],
        places[LANES + i],
        places[2 * LANES + i],
        places[3 * LANES + i],
        places[4 * LANES + i],
        places[5 * LANES + i],
        places[6 * LANES + i],
        places[7 * LANES + i],
        places[8 * LANES + i],
        places[9 * LANES + i],
        places[10 * LANES + i],
        places[11 * LANES + i],
        places[12 * LANES + i],
        places[13 * LANES + i],
    )


@njit(forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def load_point(lanes: Any, i: int) -> tuple[float, ...]:
    """The constants of a lane that begin at ``i``, as many as POINT_CONSTANTS."""
    return (
        lanes[i],
        lanes[LANES + i],
        lanes[2 * LANES + i],
        lanes[3 * LANES + i],
        lanes[4 * LANES + i],
        lanes[5 * LANES + i],
        lanes[6 * LANES + i],
        lanes[7 * LANES + i],
        lanes[8 * LANES + i],
        lanes[9 * LANES + i],
        lanes[10 * LANES + i],
        lanes[11 * LANES + i],
    )


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _start(
    c: RunConstants, state: Any, count: Any, number: Any, lane: int, log_rigidity: float, key0: Any, key1: Any
) -> None:
    """Put the trajectory of a lane's number at Earth, in the equator, at a random longitude."""
    count[lane] = 0
    state[_R + lane] = 1.0
    state[_THETA + lane], state[_PHI + lane] = start_angles(c, start_longitude(number[lane], key0, key1))
    state[_LOG_R + lane] = log_rigidity
    state[_TIME + lane] = 0.0
    state[_PENDING + lane] = 0.0
