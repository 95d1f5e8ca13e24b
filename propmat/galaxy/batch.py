"""Many parameter points at once, on all cores."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from propmat.errors import InputError
from propmat.galaxy.local_spectra import LocalSpectra
from propmat.galaxy.model import Galaxy
from propmat.galaxy.prepared import prepare
from propmat.galaxy.solver import check_point, solve
from propmat.parameters import GALAXY
from propmat.species import FloatArray

Pairs = Sequence[tuple[str, str]]


def solve_many(
    galaxy: Galaxy,
    points: FloatArray,
    *,
    species: Sequence[str] | None = None,
    matrices: Pairs = (),
    workers: int | None = None,
) -> Iterator[LocalSpectra]:
    """See :meth:`Galaxy.solve_many`.

    Threads share the tables; the solver spends its time in compiled code that lets the others run.
    """
    GALAXY.check(points)
    todo = [dict(zip(GALAXY.names, point, strict=True)) for point in points.reshape(-1, len(GALAXY.names)).tolist()]
    for point in todo:
        check_point(point)
    count = os.cpu_count() or 1 if workers is None else workers
    if count < 1:
        raise InputError(f"workers = {workers} must be at least 1.")
    tables = prepare(galaxy)
    _ = tables.radial, tables.reactions  # made once, not by every thread
    return _in_order(galaxy, todo, species, matrices, count)


def _in_order(
    galaxy: Galaxy, todo: list[dict[str, float]], species: Sequence[str] | None, matrices: Pairs, workers: int
) -> Iterator[LocalSpectra]:
    def one(point: dict[str, float]) -> LocalSpectra:
        found = solve(galaxy, point, species=species)
        for injected, observed in matrices:
            found.green(injected, observed)  # made here, in parallel, and kept with the spectra
        return found

    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[LocalSpectra]] = deque()
        for point in todo:
            waiting.append(pool.submit(one, point))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
