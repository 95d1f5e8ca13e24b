"""Who works on which unit: files ``work/shard-00003.claim`` in a store, so that two workers rarely do the same.

Claims are advice. That a unit is made twice does no harm, so nothing is locked: a claim is a file that only one worker
can make anew (O_EXCL) and rewrites every other second. One that falls silent is renamed away by who takes over.
"""

from __future__ import annotations

import json
import math
import os
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from propmat.samples.files import NUMBER, SILENT, cannot_write, file_system_time, is_alive, names_in, this_host

BEAT: Final = 2.0
"""Seconds between two signs of life."""
_MOST: Final = 2**22
"""Most samples of any unit."""
_LIMIT: Final = 1024
"""Bytes of a claim: all are as long, so that one is rewritten in place."""
_NAME: Final = re.compile(rf"shard-({NUMBER})\.claim")


@dataclass(frozen=True)
class Claim:
    """What a worker says of itself and its unit.

    Attributes:
        unit: the shard.
        worker: its name, ``<host>-<pid>``.
        host, pid: where it runs.
        since: when it began, by the clock of the file system [s].
        done, total: samples.
    """

    unit: int
    worker: str
    host: str
    pid: int
    since: float
    done: int
    total: int

    @property
    def is_dead(self) -> bool:
        """Whether the worker ran on this machine and is gone."""
        return self.host == this_host() and not is_alive(self.pid)


@dataclass(frozen=True)
class Seen:
    """A claim on disk.

    Attributes:
        claim: None while, or because, it was not written to its end; or it cannot be read.
        touched: its last sign of life, by the clock of the file system [s].
    """

    claim: Claim | None
    touched: float


class Clock:
    """The clock of the file system that a folder is on."""

    def __init__(self, folder: Path) -> None:
        """Set it.

        Raises:
            OSError: the folder cannot be written.
        """
        self._ahead = file_system_time(folder) - _uptime()

    def now(self) -> float:
        """The time [s] of a file made now."""
        return self._ahead + _uptime()


def work_folder(store: Path) -> Path:
    """Where workers leave notes for each other while a store is made; it goes when the store is complete."""
    return store / "work"


def worker_name(host: str, pid: int) -> str:
    """How a process calls itself."""
    return f"{host}-{pid}"


def read_claims(folder: Path) -> dict[int, Seen]:
    """The claims of a work folder by unit; none where there is no folder (FileError if it cannot be read)."""
    found = {}
    for path, unit in _claim_files(folder):
        seen = _read(path)
        if seen is not None:
            found[unit] = seen
    return found


def is_stale(seen: Seen, now: float) -> bool:
    """Whether a claim stands in nobody's name any more; one from the future was written before the clock was set."""
    return abs(now - seen.touched) > SILENT or (seen.claim is not None and seen.claim.is_dead)


def release_dead(folder: Path, pid: int) -> list[Claim]:
    """Remove the claims of a process of this machine that has ended, and return what they said."""
    found = []
    for path, _ in _claim_files(folder):
        seen = _read(path)
        if seen and seen.claim and (seen.claim.host, seen.claim.pid) == (this_host(), pid):
            found.append(seen.claim)
            path.unlink(missing_ok=True)
    return found


def take(folder: Path, unit: int, total: int, clock: Clock) -> Hold | None:
    """Claim a unit, of a dead worker too; None if another works on it, or the folder is gone since all is done.

    Raises:
        FileError: the folder cannot be written.
    """
    path = folder / f"shard-{unit:05d}.claim"
    host, pid = this_host(), os.getpid()
    mine = Claim(unit, worker_name(host, pid), host, pid, round(clock.now(), 3), 0, total)
    try:
        for _ in range(2):
            if _create(path, mine):
                return Hold(path, mine)
            seen = _read(path)
            if seen is not None and not (is_stale(seen, clock.now()) and _push_aside(path, seen)):
                return None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise cannot_write(folder, error) from None
    return None


class Hold:
    """A unit in work: enter it to show signs of life, set ``done`` as it goes; leaving it frees the unit."""

    def __init__(self, path: Path, claim: Claim) -> None:
        self.done = 0
        self._path, self._claim = path, claim
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        with suppress(OSError):
            if self._is_mine():
                self._path.unlink(missing_ok=True)

    def beat(self) -> None:
        """Show a sign of life; on a full disk, or where another took over, nothing happens."""
        with suppress(OSError), self._path.open("r+b") as file:
            if self._is_same(_parse(file.read(_LIMIT))):
                file.seek(0)
                file.write(_text(replace(self._claim, done=self.done)))

    def _live(self) -> None:
        while not self._ended.wait(BEAT):
            self.beat()

    def _is_mine(self) -> bool:
        seen = _read(self._path)
        return seen is not None and self._is_same(seen.claim)

    def _is_same(self, claim: Claim | None) -> bool:
        return claim is not None and (claim.worker, claim.since) == (self._claim.worker, self._claim.since)


def _claim_files(folder: Path) -> Iterator[tuple[Path, int]]:
    for name in names_in(folder):
        if match := _NAME.fullmatch(name):
            yield folder / name, int(match[1])


def _create(path: Path, claim: Claim) -> bool:
    """Make the file unless it is there."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except FileExistsError:
        return False
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_text(claim))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return True


def _push_aside(path: Path, stale: Seen) -> bool:
    """Rename a stale claim, which only one of those who try can do, and remove it.

    It may be that another was faster and the file is that one's new claim already: then it is put back.
    """
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.aside")
    try:
        os.rename(path, aside)
    except FileNotFoundError:
        return False
    seen = _read(aside)
    same = seen is not None and seen.claim == stale.claim
    if not same:
        with suppress(OSError):
            os.link(aside, path)
    with suppress(OSError):  # no file, but something else of its name
        aside.unlink()
    return same


def _read(path: Path) -> Seen | None:
    """A claim on disk, if it is still there."""
    try:
        if path.is_file():
            with suppress(PermissionError), path.open("rb") as file:  # on NFS this brings its time up to date
                return Seen(_parse(file.read(_LIMIT)), os.fstat(file.fileno()).st_mtime)
        return Seen(None, path.lstat().st_mtime)
    except OSError:
        return None


def _text(claim: Claim) -> bytes:
    return json.dumps(asdict(claim)).encode().ljust(_LIMIT)


def _parse(content: bytes) -> Claim | None:
    try:
        values = json.loads(content)
        claim = Claim(**values)
    except (ValueError, TypeError, RecursionError):
        return None
    types = {"unit": int, "worker": str, "host": str, "pid": int, "since": float, "done": int, "total": int}
    if not all(type(getattr(claim, name)) is kind for name, kind in types.items()):
        return None
    sound = math.isfinite(claim.since) and 0 <= claim.done <= claim.total <= _MOST and claim.worker.isprintable()
    return claim if sound else None


def _uptime() -> float:
    """Seconds since some time, those in which a laptop sleeps included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
