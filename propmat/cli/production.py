"""Where samples are made, chosen by ``production=``: processes of this machine, one more worker, or a cluster."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from propmat.cli.config import Config
from propmat.cli.convert import build
from propmat.cli.slurm import Slurm
from propmat.errors import InputError, out_of_range, unknown_name

if TYPE_CHECKING:
    from propmat.samples.store import Store
    from propmat.samples.worker import Tables

PROGRAM: Final = (sys.executable, "-m", "propmat.cli")
"""The command line as a worker is started."""
DEVICES: Final = {"heliosphere": ("cpu", "cuda"), "galaxy": ("cpu", "cuda"), "galprop": ("cpu",)}
"""``simulator.kind`` -> what it runs on."""
_AUTO: Final = ("galaxy",)
"""Those that ``auto`` moves to an accelerator; the heliosphere has not run on a real one yet."""
SMALL: Final = 5000
"""Trajectories that are not worth a process of their own: ten seconds of a core; a process takes three to start."""
_ACCELERATORS: Final = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
_QUOTES: Final = re.compile(r"""(\\*)("|$)""")
"""What hydra reads otherwise than it stands in a quoted value: quotes, the end, and backslashes before them."""
_LIMITS: Final = {"workers": (1, 4096), "threads": (1, 1024), "attempts": (1, 1000)}


@dataclass(frozen=True)
class Job:
    """A store to fill.

    Attributes:
        store: created or opened, its config beside it.
        simulation: makes the simulation, in this process.
        warm_up: compiles what a worker would compile.
        kind: of the simulator.
        trajectories: of the whole store; 0 where samples are not made of trajectories.
        own_threads: that the simulator's own program uses for a sample.
        overrides: the words of the command line.
    """

    store: Store[Any]
    simulation: Callable[[], Tables[Any]]
    warm_up: Callable[[], object]
    kind: str
    trajectories: int
    own_threads: int
    overrides: tuple[str, ...]

    def worker_command(self, **settings: str | int | bool) -> tuple[str, ...]:
        """The command of a worker on this store; ``settings`` are keys of production=worker."""
        path = _QUOTES.sub(lambda found: 2 * found[1] + ('\\"' if found[2] else ""), str(self.store.path.resolve()))
        values = {key: str(value).lower() for key, value in ({"verify": False} | settings).items()}
        chosen = [f"production.{key}={value}" for key, value in values.items()]
        kept = _without(self.overrides, "output", "resume", "production")
        return (*PROGRAM, "simulate", *kept, f'output="{path}"', "resume=true", "production=worker", *chosen)


class Backend(Protocol):
    """A file of conf/production/, read and checked."""

    @property
    def device(self) -> str:
        """auto, cpu or cuda."""

    @property
    def threads(self) -> int | None:
        """Of a worker; None: what the cores allow."""

    def check(self, output: Path) -> None:
        """Raise InputError if this cannot be; nothing is written yet."""

    def run(self, job: Job) -> None:
        """Fill the store."""


@dataclass(frozen=True)
class Local:
    """Processes of this machine; a small job is done in this one.

    Attributes:
        workers, threads, device, attempts: see conf/production/local.yaml.
    """

    workers: int | None
    threads: int | None
    device: str
    attempts: int

    def __post_init__(self) -> None:
        _check_limits(self)

    def check(self, output: Path) -> None:
        """All was checked when it was made."""

    def run(self, job: Job) -> None:
        """Fill the store.

        Raises:
            UnitsFailed: shards that were left out.
            FileError: the folder cannot be written, or workers cannot go on.
        """
        from propmat.samples.local import run_workers
        from propmat.samples.status import shown_progress
        from propmat.samples.worker import begin, finish, work

        with shown_progress(job.store) as bar:
            say = partial(bar.console.print, markup=False, highlight=False, soft_wrap=True)
            units = begin(job.store, say)
            workers, threads = self.shares(job, units)
            if units and workers == 1:
                work(job.store, job.simulation(), attempts=self.attempts)
            elif units:
                job.warm_up()  # else every worker would compile the same
                command = job.worker_command(
                    threads=threads, device=self.device, attempts=self.attempts, stop_at_eof=True
                )
                run_workers(job.store, command, workers=workers, threads=threads, attempts=self.attempts, say=say)
        finish(job.store, self.attempts)

    def shares(self, job: Job, units: int) -> tuple[int, int]:
        """(workers, threads of each) for so many units."""
        from propmat.samples.local import cores

        each = self.threads or (job.own_threads if job.kind == "galprop" else 1)
        shared = job.kind == "galaxy" or self.device == "cuda"  # threads share the tables, or the accelerator
        workers = self.workers or (1 if shared else max(1, cores() // each))
        if self.workers is None and job.kind == "heliosphere":
            workers = min(workers, max(1, job.trajectories // SMALL))
        workers = max(1, min(workers, units))
        return workers, self.threads or (1 if job.kind == "galprop" else max(1, cores() // workers))


@dataclass(frozen=True)
class Worker:
    """This process takes units of a store that others fill too.

    Attributes:
        threads, device, attempts, verify, stop_at_eof: see conf/production/worker.yaml.
    """

    threads: int | None
    device: str
    attempts: int
    verify: bool
    stop_at_eof: bool

    def __post_init__(self) -> None:
        _check_limits(self)

    def check(self, output: Path) -> None:
        """From here on this process must not outlive the one that started it."""
        if self.stop_at_eof:
            from propmat.samples.local import stop_with_parent

            stop_with_parent()

    def run(self, job: Job) -> None:
        """Work until nothing is left to do.

        Raises:
            UnitsFailed: shards that were left out.
            FileError: the folder cannot be written.
        """
        from propmat.samples.worker import discard_damaged, finish, start_unit, work

        if self.verify:
            discard_damaged(job.store)
        work(job.store, job.simulation(), attempts=self.attempts, start=start_unit(job.store))
        finish(job.store, self.attempts)


BACKENDS: Final[dict[str, Callable[[Mapping[str, Any]], Backend]]] = {
    "local": lambda section: build(Local, section, "production"),
    "worker": lambda section: build(Worker, section, "production"),
    "slurm": lambda section: build(Slurm, section, "production"),
}
"""``production.kind`` -> what reads the rest of its section."""


def read_backend(config: Config) -> Backend:
    """What the section ``production`` describes (InputError if nothing)."""
    section = dict(config.values["production"])
    kind = section.pop("kind")
    if kind not in BACKENDS:
        raise unknown_name("production.kind", kind, BACKENDS)
    return BACKENDS[kind](section)


def choose_device(simulator: str, asked: str) -> str:
    """The device of a simulator; ``auto`` is an accelerator for the Galaxy where this machine has one.

    Raises:
        InputError: no such device, or one that the simulator or this machine does not have.
    """
    known = DEVICES[simulator]
    if asked not in ("auto", "cpu", "cuda"):
        raise unknown_name("production.device", asked, ("auto", "cpu", "cuda"))
    if asked != "auto" and asked not in known:
        raise InputError(f"production.device = {asked!r}: the {simulator} simulator runs on {' or '.join(known)} only.")
    if asked == "cpu" or (asked == "auto" and simulator not in _AUTO):
        return "cpu"
    if asked == "auto" and not any(Path(name).exists() for name in _ACCELERATORS):
        return "cpu"  # known without torch, which takes seconds to import
    try:
        _check_cuda(simulator)
    except InputError:
        if asked == "auto":
            return "cpu"
        raise
    return "cuda"


def _check_cuda(simulator: str) -> None:
    """Raise InputError if the simulator cannot run on an accelerator here."""
    if simulator == "heliosphere":
        from propmat.heliosphere.kernels.cuda import check_cuda

        check_cuda()
    else:
        from propmat.galaxy.device import check_device

        check_device("cuda")


def resume_command(words: Sequence[str]) -> str:
    """The command line that tries again what failed; that is not for a worker to decide."""
    chosen = "production" if any(word.strip() == "production=worker" for word in words) else "resume"
    return shlex.join(["propmat", "simulate", *_without(words, "resume", chosen), "resume=true"])


def _without(words: Sequence[str], *keys: str) -> list[str]:
    """The overrides that set none of these keys, nor what is below them."""
    return [word for word in words if word.partition("=")[0].strip().partition(".")[0] not in keys]


def _check_limits(settings: Local | Worker) -> None:
    for key, (low, high) in _LIMITS.items():
        value = getattr(settings, key, None)
        if value is not None and not low <= value <= high:
            raise out_of_range(f"production.{key}", value, low, high)
    if settings.device not in ("auto", "cpu", "cuda"):
        raise unknown_name("production.device", settings.device, ("auto", "cpu", "cuda"))
