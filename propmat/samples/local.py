"""Workers on this machine: some processes of the command line, watched, started anew where one dies."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from shutil import disk_usage
from typing import IO, Any, Final

from propmat.errors import FileError
from propmat.samples.claims import release_dead, work_folder
from propmat.samples.failures import ATTEMPTS, note_failure
from propmat.samples.files import cannot_write
from propmat.samples.status import is_finished, open_units
from propmat.samples.store import Store

GRACE: Final = 10.0
"""Seconds that a worker has to drop its unit before it is killed."""
ORPHAN_LIMIT: Final = 60.0
"""Seconds that a worker has to end when the process that started it is gone."""
_POLL: Final = 0.1
_QUOTED: Final = 2000
"""Bytes of a worker's log that are quoted."""
_LITTLE: Final = 2**20
"""Free bytes below which a disk is taken for full."""
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def cores() -> int:
    """CPU cores that this process may use; NUMBA_NUM_THREADS, where it is set, is a limit."""
    setting = os.environ.get("NUMBA_NUM_THREADS", "")
    available = len(os.sched_getaffinity(0))
    return min(int(setting), available) if setting.isdigit() and int(setting) > 0 else available


def run_workers(
    store: Store[Any],
    command: Sequence[str],
    *,
    workers: int,
    threads: int,
    attempts: int = ATTEMPTS,
    say: Callable[[str], object] = print,
) -> None:
    """Run processes until nothing is left to do; call ``begin`` before and ``finish`` after.

    A process that dies (a crash, the memory exhausted, kill -9) counts as a failed attempt of its unit, and another one
    takes its place. All are stopped when this function is left, by an interrupt too.

    Args:
        store: to fill.
        command: the worker; it must end when its standard input does.
        workers: how many.
        threads: CPU threads of each.
        attempts: times a unit is tried, as ``command`` says.
        say: called with messages.

    Raises:
        FileError: a worker stopped for a reason that is not a unit's; the message holds its own words.
        KeyboardInterrupt: interrupted; units in work are dropped.
    """
    pool = _Pool(store, command, threads, attempts, say)
    try:
        for number in range(workers):
            pool.start(number)
        while pool.look():
            time.sleep(_POLL)
    finally:
        pool.stop()


def stop_with_parent() -> None:
    """End this process soon after its standard input does: by SIGTERM, and if that does not help, at once."""

    def watch() -> None:
        with suppress(OSError):
            while os.read(0, 1024):
                pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(ORPHAN_LIMIT)
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


class _Pool:
    """The processes by number, and what becomes of them."""

    def __init__(
        self, store: Store[Any], command: Sequence[str], threads: int, attempts: int, say: Callable[[str], object]
    ) -> None:
        self._store, self._command, self._attempts, self._say = store, tuple(command), attempts, say
        share = dict.fromkeys(_THREADS, str(threads))
        self._environment = {**os.environ, **share, "OMP_WAIT_POLICY": "PASSIVE", "PYTHONUNBUFFERED": "1"}
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._idle_deaths = 0

    def start(self, number: int) -> None:
        """Start a worker; what it says goes into its log in the work folder."""
        with self._open_log(number) as log:
            self._running[number] = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,  # Ctrl-C in the terminal is for us to pass on
            )

    def look(self) -> bool:
        """Deal with those that have ended; whether any are left."""
        for number, process in list(self._running.items()):
            code = process.poll()
            if code is not None:
                del self._running[number]
                self._close(process)
                self._ended(number, process.pid, code)
        return bool(self._running)

    def stop(self) -> None:
        """Stop all: they drop their units; who does not in time is killed."""
        for process in self._running.values():
            process.terminate()
        try:
            until = time.monotonic() + GRACE
            for process in self._running.values():
                with suppress(subprocess.TimeoutExpired):
                    process.wait(max(until - time.monotonic(), 0.0))
        finally:  # an impatient second Ctrl-C, too
            for process in self._running.values():
                process.kill()
                process.wait()
                self._close(process)
                release_dead(work_folder(self._store.path), process.pid)
            self._running.clear()

    def _ended(self, number: int, pid: int, code: int) -> None:
        """What the exit code of a worker means."""
        units = release_dead(work_folder(self._store.path), pid)
        if code in (128 + signal.SIGINT, 128 + signal.SIGTERM):
            self._say(f"worker {number} was stopped")
            return
        if code == 0 or not (left := open_units(self._store, self._attempts)):
            return
        if code > 0:
            raise self._stopped(number)
        reason = f"its worker was ended by {_signal_name(-code)}"
        for claim in units:
            if claim.unit in left and not is_finished(self._store, claim.unit):
                note_failure(self._store, claim.unit, done=claim.done, error=reason, limit=self._attempts)
        self._idle_deaths = 0 if units else self._idle_deaths + 1
        if self._idle_deaths >= self._attempts:
            raise FileError(f"workers die before they begin ({reason}):\n{self._quoted(number)}")
        if not units:
            self._say(f"worker {number} was ended by {_signal_name(-code)} between two units; another takes its place")
        if open_units(self._store, self._attempts):
            self.start(number)

    def _log(self, number: int) -> Path:
        return work_folder(self._store.path) / f"worker-{os.getpid()}-{number}.log"

    def _open_log(self, number: int) -> IO[bytes]:
        try:
            return self._log(number).open("ab")
        except OSError as error:
            raise cannot_write(self._log(number), error) from None

    def _stopped(self, number: int) -> FileError:
        """Why a worker has given up, in its own words; on a full disk there may have been no place for them."""
        if not self._said(number) and disk_usage(self._store.path).free < _LITTLE:
            return cannot_write(self._store.path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        return FileError(f"worker {number} cannot go on:\n{self._quoted(number)}")

    def _said(self, number: int) -> str:
        """The end of a worker's log."""
        try:
            return self._log(number).read_bytes()[-_QUOTED:].decode(errors="replace").strip()
        except OSError:
            return ""

    def _quoted(self, number: int) -> str:
        lines = (self._said(number) or "(it said nothing)").splitlines()
        return "\n".join(f"  | {line}" for line in lines)

    @staticmethod
    def _close(process: subprocess.Popen[bytes]) -> None:
        if process.stdin is not None:
            process.stdin.close()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
