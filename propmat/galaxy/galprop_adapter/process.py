"""A child process that leaves nothing running behind, whatever happens to it or to us."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from propmat.errors import InputError


class Child:
    """At most one running program, in a process group of its own that is killed as a whole.

    As a context it takes SIGINT and SIGTERM: they kill the child at once and are passed on to the handlers they found
    when the context ends, so that files are tidied up before.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._signal: int | None = None
        self._handlers: dict[int, object] = {}

    def __enter__(self) -> Child:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._handlers[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        if self._signal is not None:
            signal.raise_signal(self._signal)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._signal = number
        self._kill()

    def _kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):  # macOS refuses for a group of zombies
                os.killpg(self._process.pid, signal.SIGKILL)

    def run(self, command: Sequence[str], log: Path, timeout: float, environment: Mapping[str, str]) -> int | None:
        """The exit status (minus the signal that ended it), None at the time limit.

        Args:
            command: absolute path of the executable and its arguments; it runs in the folder of the log.
            log: new file for all it prints.
            timeout: wall-clock limit [s].
            environment: variables besides those of this process.

        Raises:
            InputError: the executable cannot be started.
            KeyboardInterrupt: SIGINT or SIGTERM came.
        """
        with log.open("wb") as output:
            try:
                self._process = subprocess.Popen(
                    command,
                    cwd=log.parent,
                    env={**os.environ, **environment},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise InputError(f"executable = {command[0]} cannot be run: {error.strerror}.") from error
            status: int | None = None
            try:
                if self._signal is None:  # else it came before there was a process to kill
                    status = self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                pass
            finally:
                self._kill()
                self._process.wait()
        if self._signal is not None:
            raise KeyboardInterrupt(f"{command[0]} was stopped by {signal.Signals(self._signal).name}")
        return status
