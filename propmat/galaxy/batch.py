"""Many parameter points at once: on all cores, or on an accelerator."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from propmat.errors import InputError
from propmat.galaxy.interactions import Interactions
from propmat.galaxy.local_spectra import LocalSpectra
from propmat.galaxy.model import Galaxy
from propmat.galaxy.prepared import Prepared, prepare
from propmat.galaxy.solver import Point, check_pairs, check_point, wanted_species
from propmat.galaxy.threads import one_blas_thread
from propmat.parameters import GALAXY
from propmat.species import FloatArray

Pairs = Sequence[tuple[str, str]]
DEVICE_BATCH = 256
"""Points solved together on an accelerator: 11 GB of its memory for the default model."""


def solve_many(
    galaxy: Galaxy,
    points: FloatArray,
    *,
    species: Sequence[str] | None = None,
    matrices: Pairs = (),
    workers: int | None = None,
    device: str = "cpu",
    interactions: Interactions | None = None,
) -> Iterator[LocalSpectra]:
    """See :meth:`Galaxy.solve_many`.

    Threads share the tables; the solver spends its time in compiled code that lets the others run.
    """
    points = np.asarray(points, dtype=np.float64)
    GALAXY.check(points)
    todo = [dict(zip(GALAXY.names, point, strict=True)) for point in points.reshape(-1, len(GALAXY.names)).tolist()]
    count = os.cpu_count() or 1 if workers is None else workers
    if count < 1:
        raise InputError(f"workers = {workers} must be at least 1.")
    if device != "cpu":
        from propmat.galaxy.device import check_device

        check_device(device)
    tables = prepare(galaxy, interactions)
    names = wanted_species(tables, species)
    check_pairs(tables, names, matrices)
    for point in todo:
        check_point(galaxy, point)
    with one_blas_thread():
        _ = tables.radial, tables.reactions  # made once, not by every thread
    if device != "cpu":
        return _on_device(tables, todo, names, matrices, count, device)
    return _on_cores(tables, todo, names, matrices, count)


def _on_cores(
    tables: Prepared, todo: Sequence[dict[str, float]], names: Sequence[str], matrices: Pairs, workers: int
) -> Iterator[LocalSpectra]:
    def one(point: dict[str, float]) -> LocalSpectra:
        found = Point(tables, point, names)
        found.work_out(matrices)
        return _light(found, found.system.propagate(found.sources()))

    with one_blas_thread():  # once: to change it for each point would cost more than the point
        pool = ThreadPoolExecutor(workers)
        try:
            waiting: deque[Future[LocalSpectra]] = deque()
            for point in todo:
                waiting.append(pool.submit(one, point))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)  # the caller may have been interrupted


def _on_device(
    tables: Prepared,
    todo: Sequence[dict[str, float]],
    names: Sequence[str],
    matrices: Pairs,
    workers: int,
    device: str,
) -> Iterator[LocalSpectra]:
    from propmat.galaxy.device import propagate

    def prepared(point: dict[str, float]) -> Point:
        found = Point(tables, point, names)
        found.work_out(matrices)
        return found

    with ThreadPoolExecutor(workers) as pool, one_blas_thread():
        for start in range(0, len(todo), DEVICE_BATCH):
            found = list(pool.map(prepared, todo[start : start + DEVICE_BATCH]))
            densities = propagate([point.system for point in found], [point.sources() for point in found], device)
            for point, values in zip(found, densities, strict=True):
                yield _light(point, values)


def _light(point: Point, densities: Mapping[str, FloatArray]) -> LocalSpectra:
    """The spectra with the matrices that were asked for, without the network, which would hold 40 MB a point."""
    kept = point.matrices

    def green(injected: str, observed: str) -> FloatArray:
        if (injected, observed) not in kept:
            raise InputError(
                f"the matrix from {injected} to {observed} was not asked for: "
                f"solve_many(..., matrices=[({injected!r}, {observed!r})])."
            )
        return kept[injected, observed]

    return replace(point.spectra(densities), matrices=green)
