"""Command lines of propmat, and the workers they start, as forks of a process that has done its imports.

To start Python and import all takes three seconds of a core, too much for hundreds of commands. What runs is propmat's
own main() with the simulators of fake_propmat.py; a command's workers are forks of that command. Tests use
:class:`Forks`; this file, run as a program, is the process behind it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

EVENTS = {"open", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "shutil.rmtree"}
"""What Python audits of a process that changes files."""


class Forks:
    """The client: starts command lines. Leave it (``with``) and they are gone."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number = folder, 0
        self._server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stdin.close()
        self._server.wait(30)

    def start(self, *words: object, **how: Any) -> Fork:
        """Run ``propmat`` with these words.

        Args:
            words: of the command line.
            how: keys of FAKE (see fake_propmat.py); ``die_at`` and ``below``: kill -9 just before it changes or opens
                a file below that folder for the ``die_at``-th time.
        """
        self._number += 1
        log = self._folder / f"log-{self._number}"
        pid = self.ask(words=[str(word) for word in words], log=str(log), **how)
        return Fork(self, pid, log)

    def run(self, *words: object, **how: Any) -> tuple[int, str]:
        """The exit code of a command line (minus the signal that ended it), and all it said."""
        return self.start(*words, **how).end()

    def ask(self, **request: Any) -> int:
        """The answer of the process that forks."""
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())


class Fork:
    """A command line on its way."""

    def __init__(self, forks: Forks, pid: int, log: Path) -> None:
        self.pid, self._forks, self._log, self._code = pid, forks, log, None

    def end(self) -> tuple[int, str]:
        """Exit code, and all that was said."""
        if self._code is None:
            self._code = self._forks.ask(wait=self.pid)
        return self._code, self._log.read_text(errors="replace")

    def is_running(self) -> bool:
        """Whether it has not ended."""
        return not gone(self.pid)

    def workers(self) -> list[int]:
        """Process ids of its workers."""
        return [pid for pid in children(self.pid) if not gone(pid)]

    def kill(self) -> None:
        """As kill -9 does, and wait for the end."""
        os.kill(self.pid, signal.SIGKILL)
        self.end()


def children(parent: int) -> list[int]:
    """The processes that a process has started."""
    return [int(path.name) for path in Path("/proc").glob("[0-9]*") if _stat(path)[1:2] == [str(parent)]]


def gone(pid: int) -> bool:
    """Whether a process has ended, be it that nobody has asked for its exit code."""
    return _stat(Path("/proc") / str(pid))[:1] in ([], ["Z"])


def _stat(path: Path) -> list[str]:
    """State, parent, … of a process of /proc; empty if it is gone."""
    try:
        return (path / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


class ForkedWorker:
    """What propmat.samples.local needs of a :class:`subprocess.Popen`, without a new Python."""

    def __init__(self, command: tuple[str, ...], *, stdout: Any, env: dict[str, str], **_: object) -> None:
        self.returncode: int | None = None
        reading, writing = os.pipe()
        self.stdin = os.fdopen(writing, "wb")
        words = command[command.index("simulate") :]
        self.pid = fork(words, stdin=reading, output=stdout.fileno(), environment=env)
        os.close(reading)

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float = 60.0) -> int:
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("worker", timeout)
            time.sleep(0.005)
        return code

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def fork(words: Any, *, stdin: int, output: int, environment: dict[str, str], **how: Any) -> int:
    """The pid of a process that runs a command line of propmat."""
    from fake_propmat import main

    # What a signal raises in the hooks that os.fork calls is lost; subprocess, in whose place this is, calls none.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    if pid := os.fork():
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return pid
    code = 70
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.setsid()
        for source, target in ((stdin, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        os.closerange(3, 1024)  # a pipe held open would keep others alive
        # The locks of the old ones may be those of threads that are not here.
        sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
        os.environ.update(environment)
        if number := how.get("die_at"):
            die_at(number, how["below"])
        code = main(list(words))
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def die_at(number: int, folder: str) -> None:
    """Kill this process just before it changes or opens a file below a folder for the ``number``-th time."""
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in EVENTS and any(isinstance(name, str | os.PathLike) for name in arguments[:2]):
            names = (os.fspath(name) for name in arguments[:2] if isinstance(name, str | os.PathLike))
            seen += any(str(name).startswith(folder) for name in names)
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def serve() -> None:
    """Answer the requests of a client until it goes; then end what is left."""
    import fake_propmat

    fake_propmat.pretend()
    for module in IMPORTS:
        __import__(module)
    import propmat.samples.local

    names = {name: getattr(subprocess, name) for name in ("PIPE", "STDOUT", "TimeoutExpired")}
    propmat.samples.local.subprocess = SimpleNamespace(Popen=ForkedWorker, **names)
    pids: set[int] = set()
    for line in sys.stdin:
        request = json.loads(line)
        if pid := request.pop("wait", None):
            pids.discard(pid)
            answer = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        else:
            log = os.open(request.pop("log"), os.O_CREAT | os.O_WRONLY | os.O_APPEND)
            fake_propmat.FAKE.clear()
            fake_propmat.FAKE.update(request)
            empty = os.open(os.devnull, os.O_RDONLY)
            environment = {"FAKE": json.dumps(request)}
            answer = fork(request.pop("words"), stdin=empty, output=log, environment=environment, **request)
            pids.add(answer)
            os.close(log)
            os.close(empty)
        print(answer, flush=True)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


IMPORTS = (
    "propmat.cli.data", "propmat.cli.data_status", "propmat.cli.data_stores", "propmat.cli.info", "propmat.samples",
    "propmat.samples.merging", "propmat.samples.worker", "h5netcdf", "xarray", "hydra.core.config_store",
)  # fmt: skip
"""What commands import only when they need it; forks find it done."""

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    serve()
