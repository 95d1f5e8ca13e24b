"""Two runs of one physics on the same Brownian path, in lanes: what a change of steps or constants does to a flux.

Both paths of a pair run on their own clock (Giles, Lester and Whittle, MCQMC 2014: adaptive steps that do not nest).
At the union of their times the increments of the four Brownian motions of :func:`~propmat.heliosphere.stepper.step`
are drawn and added up for either path, and where a step of one ends it is made with its sums over sqrt(dt). So each
path alone follows the law of an ordinary run, while their difference has a small variance.

A lane holds one pair and moves, in each turn, the path whose step ends first. Constants differ between the lanes, so
they are chosen field by field; only the boundary r_hp is that of the first set for both.

Control variates (:mod:`propmat.heliosphere.kernels.controls`) are summed up along the way.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np
from numba import njit
from numba.extending import intrinsic

from propmat.heliosphere.kernels.constants import RunConstants, Switches
from propmat.heliosphere.kernels.controls import CONTROLS, add, control_increments
from propmat.heliosphere.kernels.cpu import (
    LANES,
    PLACE_AMPLITUDE,
    PLACE_FIELDS,
    RESULTS,
    VECTOR,
    load_place,
    source_digest,
    store_place,
)
from propmat.heliosphere.kernels.philox import start_longitude, trajectory_normals
from propmat.heliosphere.stepper import (
    advance,
    far_from_sheet,
    fold,
    near_sheet,
    radial_noise,
    sideways_noise,
    start_angles,
    survey,
)

_R, _THETA, _PHI, _LOG_R, _STEP, _END, _AMPLITUDE, _ODD, _COUNT, _LEVEL, _SUM = (k * LANES for k in range(11))
_FIELDS: Final = 14
"""Of a path; the last four are the sums of its increments."""
_OTHER: Final = _FIELDS * LANES
"""Where the path begins in a pair that does not move in this turn."""
PAIR_ROWS: Final = 2 * RESULTS + CONTROLS
"""Rows of the result: those of an ordinary trace for the first path, for the second, then controls, first - second."""
_NEVER: Final = 1e300


@cache
def pair_tracer(s: Switches) -> Callable[..., None]:
    """The compiled trace of pairs of a variant of the physics."""
    return build(source_digest(), s)


@intrinsic  # type: ignore[untyped-decorator]
def either(_typing: Any, condition: Any, one: Any, other: Any) -> Any:
    """``one`` where the condition holds, else ``other``: constants of a run, chosen field by field."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        flag, first, second = arguments
        chosen = context.get_constant_undef(signature.return_type)
        for field in range(len(signature.return_type)):
            value = builder.select(flag, builder.extract_value(first, field), builder.extract_value(second, field))
            chosen = builder.insert_value(chosen, value, field)
        return chosen

    return one(condition, one, other), generate


def build(digest: int, s: Switches) -> Callable[..., None]:
    """Compile the trace; ``digest`` and the switches are part of numba's cache key."""

    @njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
    def trace_pairs(
        c: RunConstants,
        d: RunConstants,
        log_rigidity: float,
        first: int,
        last: int,
        seed: Any,
        max_steps: int,
        out: Any,
    ) -> None:
        """Trace pairs ``first`` to ``last`` - 1 into ``out`` (PAIR_ROWS, last - first): with ``c``, with ``d``.

        ``seed`` holds two 32-bit words in uint64.
        """
        version = digest
        pair, controls = np.zeros(2 * _OTHER), np.zeros(CONTROLS * LANES)
        clock, pending = np.zeros(LANES), np.zeros(LANES)
        places, packed = np.empty(PLACE_FIELDS * LANES), np.empty(PLACE_FIELDS * LANES)
        moves, packed_moves, packed_state = np.empty(4 * LANES), np.empty(4 * LANES), np.empty(3 * LANES)
        near, wanted = np.empty(LANES, np.int64), np.empty(LANES, np.int64)
        draws, task = np.zeros(LANES, np.int64), np.empty(LANES, np.int64)
        key0, key1 = seed[0], seed[1]
        upcoming, active = first, 0
        for lane in range(LANES):
            task[lane] = upcoming if upcoming < last else -1
            _start_pair(c, d, pair, clock, draws, lane, max(task[lane], first), log_rigidity, key0, key1)
            if upcoming < last:
                upcoming += 1
                active += 1
        while active > 0 and version != 0:
            _choose_path(pair)
            _noise_lanes(c, d, pair, controls, clock, pending, draws, task, log_rigidity, key0, key1)
            for lane in range(LANES):
                if pair[_R + lane] >= c.r_hp or pair[_COUNT + lane] >= max_steps:
                    if task[lane] >= 0:
                        _record(c, pair, lane, out, task[lane] - first)
                    pair[_END + lane] = _NEVER
                    if pair[_OTHER + _END + lane] == _NEVER:
                        for k in range(CONTROLS):
                            if task[lane] >= 0:
                                out[2 * RESULTS + k, task[lane] - first] = controls[k * LANES + lane]
                            controls[k * LANES + lane] = 0.0
                        active -= 1 if task[lane] >= 0 else 0
                        task[lane] = upcoming if upcoming < last else -1
                        _start_pair(c, d, pair, clock, draws, lane, max(task[lane], first), log_rigidity, key0, key1)
                        pending[lane] = 0.0
                        if upcoming < last:
                            upcoming += 1
                            active += 1
            _survey_lanes(c, d, s, pair, places, moves, wanted)
            _sheet_lanes(c, d, s, pair, pending, places, moves, wanted, near, packed, packed_state, packed_moves)
            _advance_lanes(c, d, s, pair, clock, pending, places, moves)

    compiled: Callable[..., None] = trace_pairs
    return compiled


@njit(forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _choose_path(pair: Any) -> None:
    """Swap the paths of the lanes where the other one's step ends first."""
    for i in range(LANES):
        swap = pair[_OTHER + _END + i] < pair[_END + i]
        for field in range(_FIELDS):
            one, other = pair[field * LANES + i], pair[_OTHER + field * LANES + i]
            pair[field * LANES + i] = other if swap else one
            pair[_OTHER + field * LANES + i] = one if swap else other


@njit(forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _noise_lanes(
    c: RunConstants,
    d: RunConstants,
    pair: Any,
    controls: Any,
    clock: Any,
    pending: Any,
    draws: Any,
    task: Any,
    log_rigidity: float,
    key0: Any,
    key1: Any,
) -> None:
    """Draw the increments until the step of the moving path ends, and make its noise with their sums.

    Every other step has the radial noise last: here it is called twice, once with a displacement of zero, which
    leaves everything as it is. A path that has just started has no step to end.
    """
    for i in range(LANES):
        e = either(pair[_LEVEL + i] != 0.0, d, c)
        dt = pair[_STEP + i]
        n1, n2, n3, n4 = trajectory_normals(draws[i], task[i], 1, key0, key1)
        spread = math.sqrt(max(pair[_END + i] - clock[i], 0.0))
        n1, n2, n3, n4 = spread * n1, spread * n2, spread * n3, spread * n4
        pair[_OTHER + _SUM + i] += n1
        pair[_OTHER + _SUM + LANES + i] += n2
        pair[_OTHER + _SUM + 2 * LANES + i] += n3
        pair[_OTHER + _SUM + 3 * LANES + i] += n4
        n1, n2, n3, n4 = (
            pair[_SUM + i] + n1,
            pair[_SUM + LANES + i] + n2,
            pair[_SUM + 2 * LANES + i] + n3,
            pair[_SUM + 3 * LANES + i] + n4,
        )
        scale = 1.0 / math.sqrt(max(dt, 1e-300))
        radial = n1 * math.sqrt(2.0)
        odd = pair[_ODD + i]
        amplitude = pair[_AMPLITUDE + i]
        r, theta, phi = pair[_R + i], pair[_THETA + i], pair[_PHI + i]
        sign = 1.0 - 2.0 * pair[_LEVEL + i]
        gain = pair[_LOG_R + i] - log_rigidity
        add(controls, i, control_increments(e, r, theta, phi, gain, amplitude, sign * n1, sign * n2, sign * n4))
        r, phi = radial_noise(e, r, theta, phi, amplitude, radial * (1.0 - odd))
        theta, phi = sideways_noise(
            e, r, theta, phi, amplitude, math.sqrt(2.0 * dt), scale * n2, scale * n3, scale * n4
        )
        r, phi = radial_noise(e, r, theta, phi, amplitude, radial * odd)
        r, phi = fold(e, r, phi)
        moved = dt > 0.0
        pair[_R + i] = r if moved else pair[_R + i]
        pair[_THETA + i] = theta if moved else pair[_THETA + i]
        pair[_PHI + i] = phi if moved else pair[_PHI + i]
        pair[_ODD + i] = 1.0 - odd if moved else odd
        pair[_COUNT + i] += 1.0 if moved else 0.0
        pair[_SUM + i] = 0.0
        pair[_SUM + LANES + i] = 0.0
        pair[_SUM + 2 * LANES + i] = 0.0
        pair[_SUM + 3 * LANES + i] = 0.0
        pending[i] = 0.5 * dt
        clock[i] = pair[_END + i]
        draws[i] += 1 if spread > 0.0 else 0


@njit(forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _survey_lanes(
    c: RunConstants, d: RunConstants, s: Switches, pair: Any, places: Any, moves: Any, wanted: Any
) -> None:
    """The place of each moving path, its step if the sheet is far away, and whether it may be near."""
    for i in range(LANES):
        e = either(pair[_LEVEL + i] != 0.0, d, c)
        r = pair[_R + i]
        place = survey(e, s, r, pair[_THETA + i], pair[_PHI + i], pair[_LOG_R + i])
        wanted[i] = 0 if far_from_sheet(e, s, r, place) else 1
        store_place(places, i, place)
        moves[i] = place.step
        moves[LANES + i] = 0.0
        moves[2 * LANES + i] = 0.0
        moves[3 * LANES + i] = 0.0


@njit(forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _sheet_lanes(
    c: RunConstants,
    d: RunConstants,
    s: Switches,
    pair: Any,
    pending: Any,
    places: Any,
    moves: Any,
    wanted: Any,
    near: Any,
    packed: Any,
    packed_state: Any,
    packed_moves: Any,
) -> None:
    """Step and displacement along the sheet of the paths that may be near it, packed together."""
    size = 0
    for i in range(LANES):
        near[size] = i
        size += wanted[i]
    padded = min((size + VECTOR - 1) // VECTOR * VECTOR, LANES)
    for k in range(padded):
        i = near[k if k < size else 0]
        packed_state[k] = pair[_R + i]
        packed_state[LANES + k] = pending[i]
        packed_state[2 * LANES + k] = pair[_LEVEL + i]
        for field in range(PLACE_FIELDS):
            packed[field * LANES + k] = places[field * LANES + i]
    for k in range(padded):
        e = either(packed_state[2 * LANES + k] != 0.0, d, c)
        dt, slide_r, slide_theta, slide_phi = near_sheet(
            e, s, packed_state[k], load_place(packed, k), packed_state[LANES + k]
        )
        packed_moves[k] = dt
        packed_moves[LANES + k] = slide_r
        packed_moves[2 * LANES + k] = slide_theta
        packed_moves[3 * LANES + k] = slide_phi
    for k in range(size):
        for field in range(4):
            moves[field * LANES + near[k]] = packed_moves[field * LANES + k]


@njit(forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _advance_lanes(
    c: RunConstants, d: RunConstants, s: Switches, pair: Any, clock: Any, pending: Any, places: Any, moves: Any
) -> None:
    """The smooth flow of each moving path; its step then ends at a known time, and waits for its noise."""
    for i in range(LANES):
        e = either(pair[_LEVEL + i] != 0.0, d, c)
        place = load_place(places, i)
        dt = moves[i]
        r, theta, phi, log_rigidity = advance(
            e,
            s,
            pair[_R + i],
            pair[_THETA + i],
            pair[_PHI + i],
            pair[_LOG_R + i],
            pending[i],
            place,
            dt,
            moves[LANES + i],
            moves[2 * LANES + i],
            moves[3 * LANES + i],
        )
        pair[_R + i] = r
        pair[_THETA + i] = theta
        pair[_PHI + i] = phi
        pair[_LOG_R + i] = log_rigidity
        pair[_AMPLITUDE + i] = places[PLACE_AMPLITUDE + i]
        pair[_STEP + i] = dt
        end = pair[_END + i]
        pair[_END + i] = clock[i] + dt if end < _NEVER else end


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _record(c: RunConstants, pair: Any, lane: int, out: Any, column: int) -> None:
    """Write down the path that has just left; rows as of an ordinary trace."""
    row = RESULTS * int(pair[_LEVEL + lane])
    out[row, column] = pair[_LOG_R + lane]
    out[row + 1, column] = pair[_END + lane]
    out[row + 2, column] = pair[_R + lane]
    out[row + 3, column] = pair[_THETA + lane]
    out[row + 4, column] = pair[_PHI + lane]
    steps = pair[_COUNT + lane]
    out[row + 5, column] = steps if pair[_R + lane] >= c.r_hp else -steps


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _start_pair(
    c: RunConstants,
    d: RunConstants,
    pair: Any,
    clock: Any,
    draws: Any,
    lane: int,
    number: int,
    log_rigidity: float,
    key0: Any,
    key1: Any,
) -> None:
    """Put both paths of a pair at Earth, in the equator, at the longitude of an ordinary run of that number."""
    longitude = start_longitude(number, key0, key1)
    clock[lane] = 0.0
    draws[lane] = 0
    for level in range(2):
        base = level * _OTHER
        for field in range(_FIELDS):
            pair[base + field * LANES + lane] = 0.0
        pair[base + _R + lane] = 1.0
        pair[base + _THETA + lane], pair[base + _PHI + lane] = start_angles(d if level else c, longitude)
        pair[base + _LOG_R + lane] = log_rigidity
        pair[base + _LEVEL + lane] = float(level)
