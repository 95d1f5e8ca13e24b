"""Finds the command, composes its config, runs it, and turns errors into messages and exit codes.

Exit codes: 0 done, 2 an error the user can act on, 130 interrupted by Ctrl-C, 143 by SIGTERM.
"""

from __future__ import annotations

import importlib
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Final

from propmat.errors import InputError, PropmatError, unknown_name

COMMANDS: Final = {
    "simulate": "simulate cosmic rays in the heliosphere or the Galaxy and store what comes out",
    "train": "train an emulator on a sample store",
    "evaluate": "score an emulator on held-out samples",
    "fit": "fit diffusion to measured rotations and predict antiprotons",
    "report": "collect a fit and its emulator in one HTML page with figures",
    "data": "list the measurements shipped; check, watch, merge, export or import sample stores",
    "info": "describe a sample store, a bundle, or this installation",
}
_ACTIONS: Final = {"data": "action", "info": "target"}
"""Commands whose first bare word is the value of this key: ``propmat data list`` is ``propmat data action=list``."""
_EXTRAS: Final = {"lightning": "train", "schedulefree": "train", "emcee": "fit", "matplotlib": "plot", "corner": "plot"}
"""Package -> the extra of propmat that brings it."""
_RESUMABLE: Final = (("simulate",), ("train",), ("fit",), ("data", "import"), ("data", "merge"))

USAGE: Final = "\n".join(
    [
        "propmat: simulators make samples, samples train emulators, emulators drive fits.",
        "",
        "usage: propmat COMMAND [key=value ...]",
        "       propmat COMMAND --help        what it does, its keys with their values, and examples",
        "",
        *(f"  {name:<10}{summary}" for name, summary in COMMANDS.items()),
        "",
        "A first look:  propmat simulate experiment=heliosphere_tiny && propmat info runs/heliosphere_tiny",
    ]
)


class Terminated(KeyboardInterrupt):
    """SIGTERM: handled like Ctrl-C, so that every file stays valid."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (``sys.argv`` without the program's name by default) and return the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    if words[0] == "--version":
        from propmat import __version__

        print(f"propmat {__version__}")
        return 0
    stopped: list[int] = []
    previous = {code: signal.signal(code, _stop(stopped)) for code in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    told, sys.unraisablehook = sys.unraisablehook, _raise_again
    try:
        _dispatch(words[0], words[1:])
    except PropmatError as error:
        print(f"propmat: {error}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, SystemExit):
        # Lightning turns an interrupt into SystemExit(1); a SystemExit without a signal is not ours to swallow.
        if not stopped:
            raise
        print(_interrupted(words), file=sys.stderr)
        return 128 + stopped[0]
    except BrokenPipeError:
        return 0
    finally:
        sys.unraisablehook = told
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        for code, handler in previous.items():
            signal.signal(code, handler)
    return 0


def _dispatch(command: str, words: list[str]) -> None:
    """Help or run: only the module of the asked command is imported."""
    if command not in COMMANDS:
        raise unknown_name("command", command, COMMANDS)
    key = _ACTIONS.get(command)
    if key and words and "=" not in words[0] and not words[0].startswith("-"):
        words = [f'{key}="{words[0]}"', *words[1:]]
    if "-h" in words or "--help" in words:
        from propmat.cli.help import command_help

        print(command_help(command, [word for word in words if word not in ("-h", "--help")]))
        return
    from propmat.cli.config import compose_config

    config = compose_config(command, words)
    try:
        importlib.import_module(f"propmat.cli.{command}").run(config)
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            raise
        extra = _EXTRAS[error.name]
        raise InputError(f"propmat {command} needs {error.name}: pip install 'propmat[{extra}]'.") from error


def _stop(stopped: list[int]) -> Callable[[int, FrameType | None], None]:
    """A signal handler that notes the signal and raises, so that `finally` and `with` blocks close files."""

    def handler(code: int, frame: FrameType | None) -> None:
        if code != signal.SIGALRM:
            stopped.append(code)
        raise Terminated if stopped and stopped[-1] == signal.SIGTERM else KeyboardInterrupt

    return handler


def _raise_again(lost: sys.UnraisableHookArgs) -> None:
    """An interrupt in the callback of a weak reference is dropped by Python: let it come anew a little later."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, 0.05)
    else:
        sys.__unraisablehook__(lost)


def _interrupted(words: Sequence[str]) -> str:
    if not any(tuple(words[: len(start)]) == start for start in _RESUMABLE):
        return "propmat: interrupted."
    again = [word for word in words if not word.startswith("resume=")] + ["resume=true"]
    return f"propmat: interrupted; what is finished is kept. To go on:\n  propmat {shlex.join(again)}"
