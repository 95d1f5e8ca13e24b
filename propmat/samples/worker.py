"""A worker: takes units of a store until none is left. What is done before and after the workers, too."""

from __future__ import annotations

import os
import shutil
import sys
import time
import traceback
import zlib
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from propmat.errors import FileError, InputError, PropmatError
from propmat.samples.claims import Clock, Hold, take, work_folder, worker_name
from propmat.samples.failures import ATTEMPTS, UnitsFailed, count_attempts, forget_failures, note_failure, read_failures
from propmat.samples.files import cannot_write, remove_temporaries, this_host
from propmat.samples.header import TableT
from propmat.samples.status import STARTED, finished_units, is_finished, open_units
from propmat.samples.store import Store

Tables = Callable[[Sequence[int]], Generator[TableT, None, None]]
"""A simulation: numbers of consecutive samples -> their tables in order, each of any number of samples.

What it raises, apart from an interrupt, is taken for a failure of the sample that would have come next."""
_PAUSES: Final = (0.1, 1.0)
"""Seconds between two looks at units that others work on: at first, and at most."""


def begin(store: Store[Any], say: Callable[[str], object] = print) -> int:
    """Before any worker: verify what is there, and count failures anew.

    Args:
        store: to fill.
        say: called with what is wrong with each damaged shard, which is then to be made anew.

    Returns:
        How many shards are to be made.

    Raises:
        FileError: the folder cannot be written.
    """
    store.check_writable()
    discard_damaged(store, say)
    missing = set(range(store.header.design.shards)) - finished_units(store.path)
    if missing:
        _open_work(store.path, anew=True)
        forget_failures(store.path, sorted(read_failures(store.path)))
    _remove_temporaries(store.path)
    return len(missing)


def discard_damaged(store: Store[Any], say: Callable[[str], object] = print) -> None:
    """Say which shards are damaged, and take away their checksums, without which they do not count.

    Raises:
        FileError: the folder cannot be written.
    """
    for shard, problem in store.verify().items():
        say(f"making anew: {problem}")
        try:
            store.shard_path(shard).with_suffix(".sha256").unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(store.path / "shards", error) from None


def start_unit(store: Store[Any]) -> int:
    """Where this process begins: workers that begin elsewhere meet at the end only."""
    name = worker_name(this_host(), os.getpid())
    return zlib.crc32(name.encode()) % store.header.design.shards


def work(
    store: Store[TableT],
    tables: Tables[TableT],
    *,
    attempts: int = ATTEMPTS,
    start: int = 0,
    units: Sequence[int] | None = None,
) -> None:
    """Make units, one after the other, until each is finished by whomever, or failed too often.

    What another works on is left alone until that worker is done, or silent for so long that it must be dead. Units do
    not depend on who makes them, nor on their order: any number of workers may run, anywhere.

    Args:
        store: to fill.
        tables: the simulation.
        attempts: times a unit is tried, by all workers together.
        start: the unit to begin with; best another one for each worker.
        units: only these shards.

    Raises:
        FileError: the folder cannot be written.
        KeyboardInterrupt: interrupted; the unit in work is dropped and free again.
    """
    folder = work_folder(store.path)
    pause = _PAUSES[0]
    while left := open_units(store, attempts, units):
        _open_work(store.path, anew=False)
        if (clock := _clock(folder)) is None:
            continue
        turn = sum(unit < start for unit in left)
        took = False
        for unit in left[turn:] + left[:turn]:
            if is_finished(store, unit) or count_attempts(store.path, unit) >= attempts:
                continue
            hold = take(folder, unit, len(store.header.design.shard_range(unit)), clock)
            if hold is not None:
                took = True
                with hold:
                    _make(store, tables, unit, hold, attempts)
        pause = _PAUSES[0] if took else min(2 * pause, _PAUSES[1])
        if not took:
            time.sleep(pause)


def finish(store: Store[Any], attempts: int = ATTEMPTS, units: Sequence[int] | None = None) -> None:
    """After the workers: say what is not there and why, or tidy up.

    Raises:
        UnitsFailed: shards failed as often as they may.
        FileError: shards are missing for another reason: their workers were stopped.
    """
    if left := open_units(store, attempts, units):
        raise FileError(
            f"{len(left)} of {store.header.design.shards} shards of {store.path} are not made, and their workers have "
            "ended. Run the same command with resume=true to go on."
        )
    finished = finished_units(store.path)
    failures = [failure for unit, failure in read_failures(store.path).items() if unit not in finished]
    if failures and (units is None or any(failure.unit in units for failure in failures)):
        raise UnitsFailed(store.path, store.header.design.shards, failures)
    if len(finished) >= store.header.design.shards:
        shutil.rmtree(work_folder(store.path), ignore_errors=True)
        _remove_temporaries(store.path)


def _make(store: Store[TableT], tables: Tables[TableT], unit: int, hold: Hold, attempts: int) -> None:
    """One attempt; what goes wrong in the simulation is noted, what goes wrong on the disk raised."""
    if is_finished(store, unit):
        return  # while we looked elsewhere
    try:
        table = _simulated(store, tables, unit, hold)
        if not is_finished(store, unit):  # else another made it too
            store.write_shard(unit, table)
    except _SimulationError as error:
        note_failure(store, unit, done=hold.done, error=str(error), limit=attempts)
    except InputError as error:  # the table is not what the store asks for
        note_failure(store, unit, done=0, error=str(error), limit=attempts)


class _SimulationError(Exception):
    """Whatever the simulation of a unit raised; a FileError of it is not one of the store."""


def _simulated(store: Store[TableT], tables: Tables[TableT], unit: int, hold: Hold) -> TableT:
    """The samples of a unit."""
    numbers = store.header.design.shard_range(unit)
    made: list[TableT] = []
    try:
        with closing(tables(numbers)) as pieces:
            for piece in pieces:
                made.append(piece)
                hold.done += len(piece)
        if hold.done != len(numbers):
            raise InputError(f"the simulator returned {hold.done} of {len(numbers)} samples.")
        return type(made[0]).concatenate(made)
    except PropmatError as error:
        raise _SimulationError(str(error)) from error
    except Exception as error:
        traceback.print_exc(file=sys.stderr)  # a fault of the program, or of the machine: all that is known helps
        raise _SimulationError(f"{type(error).__name__}: {error}") from error


def _clock(folder: Path) -> Clock | None:
    """The clock of a work folder; None if it is gone since all is done."""
    try:
        return Clock(folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise cannot_write(folder, error) from None


def _open_work(path: Path, *, anew: bool) -> None:
    """Make the work folder, and in it the file that is as old as the present production."""
    folder = work_folder(path)
    try:
        folder.mkdir(exist_ok=True)
        started = folder / STARTED
        if anew or not started.exists():
            started.unlink(missing_ok=True)
            with suppress(FileNotFoundError):  # another worker tidied up, since all is done
                started.touch()
    except OSError as error:
        raise cannot_write(folder, error) from None


def _remove_temporaries(path: Path) -> None:
    for folder in (path, path / "shards", work_folder(path)):
        if folder.is_dir():
            remove_temporaries(folder)
