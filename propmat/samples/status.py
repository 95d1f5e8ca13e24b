"""How far a store is, read from its folder alone: by whoever makes it, and from any machine that sees it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from propmat.errors import FileError
from propmat.progress import progress_bar
from propmat.samples.claims import Seen, is_stale, read_claims, work_folder
from propmat.samples.failures import ATTEMPTS, Failure, read_failures
from propmat.samples.files import NUMBER, file_system_time, names_in

if TYPE_CHECKING:
    from rich.progress import Progress

    from propmat.samples.store import Store

STARTED: Final = "started"
"""File of the work folder that is as old as the present production."""
WINDOW: Final = 1800.0
"""Seconds that the rate of the present production is averaged over, at most."""
_REFRESH: Final = 0.5
_SHARD: Final = re.compile(rf"shard-({NUMBER})\.(h5|sha256)")


@dataclass(frozen=True)
class AtWork:
    """A unit somebody works on.

    Attributes:
        unit: the shard.
        worker: who; empty if the claim cannot be read.
        seconds: for how long.
        done, total: samples.
        silent: no sign of life for long, or a dead process: another will take the unit over.
    """

    unit: int
    worker: str
    seconds: float
    done: int
    total: int
    silent: bool


@dataclass(frozen=True)
class Status:
    """How far a store is.

    Attributes:
        path: of the store.
        units, finished: shards, and how many of them are there.
        samples, done: samples, and how many of them are there or in memory of a worker.
        at_work: units in work.
        failed: units that failed at least once and are not finished.
        rate: samples a second of the present production; None if nothing is known.
    """

    path: Path
    units: int
    finished: int
    samples: int
    done: int
    at_work: tuple[AtWork, ...]
    failed: tuple[Failure, ...]
    rate: float | None

    @property
    def is_complete(self) -> bool:
        """Whether every shard is there."""
        return self.finished == self.units

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do: every shard is there or was left out."""
        return self.finished + sum(failure.is_final for failure in self.failed) == self.units

    @property
    def seconds_left(self) -> float | None:
        """Time to go at the present rate."""
        left_out = sum(failure.is_final for failure in self.failed) * self.samples / self.units
        return max(self.samples - self.done - left_out, 0.0) / self.rate if self.rate else None


def finished_units(path: Path) -> set[int]:
    """The shards that are there, by their names; their checksums are looked at when they are read.

    Raises:
        FileError: the folder of the shards cannot be read.
    """
    found: dict[str, set[int]] = {"h5": set(), "sha256": set()}
    for name in names_in(path / "shards"):
        if match := _SHARD.fullmatch(name):
            found[match[2]].add(int(match[1]))
    return found["h5"] & found["sha256"]


def is_finished(store: Store[Any], unit: int) -> bool:
    """Whether one shard is there."""
    path = store.shard_path(unit)
    return path.exists() and path.with_suffix(".sha256").exists()


def open_units(store: Store[Any], attempts: int = ATTEMPTS, units: Sequence[int] | None = None) -> list[int]:
    """The shards, of all or of ``units``, that are neither there nor failed ``attempts`` times."""
    finished, failures = finished_units(store.path), read_failures(store.path)
    wanted = range(store.header.design.shards) if units is None else units
    return [
        unit
        for unit in wanted
        if unit not in finished and not (unit in failures and failures[unit].attempts >= attempts)
    ]


def read_status(store: Store[Any]) -> Status:
    """How far a store is. Nothing is changed; the shards are counted, not read."""
    design, folder = store.header.design, work_folder(store.path)
    finished, claims, now = finished_units(store.path), read_claims(folder), _now(folder)
    at_work = tuple(_at_work(unit, seen, now) for unit, seen in claims.items() if unit not in finished)
    partial = sum(item.done for item in at_work if not item.silent)
    done = _samples(store, finished)
    rate = None
    with suppress(OSError):
        begin = max((folder / STARTED).stat().st_mtime, now - WINDOW)
        recent = [unit for unit in finished if store.shard_path(unit).stat().st_mtime > begin]
        made = _samples(store, recent) + partial
        rate = made / (now - begin) if made and now > begin else None
    return Status(
        path=store.path,
        units=design.shards,
        finished=len(finished & set(range(design.shards))),
        samples=design.samples,
        done=done + partial,
        at_work=at_work,
        failed=tuple(failure for unit, failure in read_failures(store.path).items() if unit not in finished),
        rate=rate,
    )


@contextmanager
def shown_progress(store: Store[Any], show: bool = True) -> Iterator[Progress]:
    """A bar over the work of all workers on a store, fed from its folder by a thread; failures are said as they come.

    Args:
        store: looked at twice a second, or less often where that takes long.
        show: off: nothing is drawn.
    """
    with progress_bar(show=show, memory=600.0) as bar:
        watcher = _Watcher(store, bar)
        if not show:
            yield bar
            return
        watcher.start()
        try:
            yield bar
        finally:
            watcher.end()


class _Watcher:
    def __init__(self, store: Store[Any], bar: Progress) -> None:
        self._store, self._bar = store, bar
        self._told = {unit: failure.attempts for unit, failure in read_failures(store.path).items()}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._task = bar.add_task("samples", total=store.header.design.samples, completed=self._done())

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        with suppress(OSError, FileError):  # it would hide what ended the work
            self._look()

    def _watch(self) -> None:
        pause = _REFRESH
        while not self._ended.wait(pause):
            begin = time.monotonic()
            with suppress(OSError, FileError):
                self._look()
            pause = max(_REFRESH, 20.0 * (time.monotonic() - begin))  # a folder of many shards takes its time

    def _look(self) -> None:
        self._bar.update(self._task, completed=self._done())
        for unit, failure in read_failures(self._store.path).items():
            if self._told.get(unit) != failure.attempts:
                self._told[unit] = failure.attempts
                self._bar.console.print(f"failed: {failure}", markup=False, highlight=False, soft_wrap=True)

    def _done(self) -> int:
        finished, claims = finished_units(self._store.path), read_claims(work_folder(self._store.path))
        partial = (seen.claim.done for unit, seen in claims.items() if seen.claim and unit not in finished)
        return _samples(self._store, finished) + sum(partial)


def _at_work(unit: int, seen: Seen, now: float) -> AtWork:
    claim, silent = seen.claim, is_stale(seen, now)
    if claim is None:
        return AtWork(unit, "", now - seen.touched, 0, 0, silent)
    return AtWork(unit, claim.worker, max(now - claim.since, 0.0), claim.done, claim.total, silent)


def _samples(store: Store[Any], units: set[int] | Sequence[int]) -> int:
    """Number of samples in shards; names of shards that the design does not have are passed over."""
    design = store.header.design
    return sum(len(design.shard_range(unit)) for unit in units if unit < design.shards)


def _now(folder: Path) -> float:
    """The time by the clock of the file system, or by our own where nothing can be written."""
    try:
        return file_system_time(folder)
    except OSError:
        return time.time()
