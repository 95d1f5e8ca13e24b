"""What an array of workers asks of Slurm, checked before anything is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from propmat.errors import InputError, out_of_range

_OWN_OPTIONS: Final = {
    "account": "production.account",
    "array": "production.tasks",
    "constraint": "production.constraint",
    "cpus-per-task": "production.cpus_per_task",
    "gpus-per-node": "production.gpus",
    "job-name": "production.name",
    "mem": "production.memory",
    "partition": "production.partition",
    "qos": "production.qos",
    "signal": "production.grace",
    "time": "production.time",
    **dict.fromkeys(("chdir", "error", "nodes", "ntasks", "ntasks-per-node", "open-mode", "output", "requeue", "wrap")),
}
"""Options of sbatch that are not free -> the key that sets them, or None where propmat alone does."""


@dataclass(frozen=True)
class SlurmSettings:
    """What an array of workers asks of Slurm.

    Attributes:
        tasks: workers, each a task of the array; any number of them may run at a time.
        cpus_per_task: processors, and threads, of each.
        time: limit of a task [minutes].
        memory: of a task [GB]; None: what the partition gives.
        gpus: of a task.
        partition, account, qos, constraint: as sbatch takes them; None: the cluster's default.
        name: of the array in the queue.
        options: further options of sbatch, "exclude=node17" or "exclusive".
        setup: lines of bash before the worker starts, such as "module load python".
        grace: a worker is told to stop so long before its time is up [s]; Slurm may do so a minute earlier.
        requeues: how often a task that runs out of time joins the queue again.
        attempts: how often a unit is tried, and a task whose worker was killed joins the queue again.
        wait: show the progress until all is done; False: submit and return.

    Raises:
        InputError: a value out of range, or that cannot stand in a batch script.
    """

    tasks: int = 4
    cpus_per_task: int = 1
    time: int = 60
    memory: float | None = None
    gpus: int = 0
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    name: str = "propmat"
    options: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    grace: int = 60
    requeues: int = 20
    attempts: int = 3
    wait: bool = True

    def __post_init__(self) -> None:
        limits = {
            "tasks": (1, 10_000),
            "cpus_per_task": (1, 1024),
            "time": (1, 525_600),
            "gpus": (0, 64),
            "grace": (1, 3600),
            "requeues": (0, 10_000),
            "attempts": (1, 1000),
        }
        for key, (low, high) in limits.items():
            if not low <= getattr(self, key) <= high:
                raise out_of_range(f"production.{key}", getattr(self, key), low, high)
        if self.memory is not None and not 0.001 <= self.memory <= 1e5:
            raise out_of_range("production.memory", self.memory, 0.001, 1e5, "GB")
        if self.grace >= 60 * self.time:
            raise InputError(
                f"production.grace = {self.grace} s must be shorter than production.time = {self.time} min."
            )
        for key in ("partition", "account", "qos", "constraint", "name"):
            _check_printable(f"production.{key}", getattr(self, key))
        for line in self.setup:
            _check_printable("production.setup", line)
        for option in self.options:
            _check_option(option)

    @property
    def more(self) -> dict[str, str | bool]:
        """``options`` as name -> value, True where there is none."""
        pairs = (option.partition("=") for option in self.options)
        return {name: value if equals else True for name, equals, value in pairs}


def _check_printable(key: str, value: str | None) -> None:
    if value is not None and not (value and value.isprintable()):
        raise InputError(f"{key} = {value!r} must be one line, and not empty.")


def _check_option(option: str) -> None:
    _check_printable("production.options", option)
    name = option.partition("=")[0]
    if not re.fullmatch(r"[a-z]+(-[a-z]+)*", name):
        raise InputError(
            f"production.options: write {option!r} by the long name of an option of sbatch, without dashes before it: "
            '"exclude=node17", "exclusive".'
        )
    if name in _OWN_OPTIONS:
        own = _OWN_OPTIONS[name]
        raise InputError(f"production.options: {name} is not free; " + (f"set {own}." if own else "propmat sets it."))
