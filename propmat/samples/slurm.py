"""Workers on a Slurm cluster: one array of them, written and submitted by submitit, watched by squeue and on the disk.

What is submitted is the command line of a worker. Of submitit only the batch script and its submission are used:
nothing is pickled, neither here nor on the nodes, and the nodes need no submitit.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from propmat.errors import FileError, InputError
from propmat.samples.files import read_limited, write_atomic
from propmat.samples.slurm_settings import SlurmSettings
from propmat.samples.status import open_units, shown_progress
from propmat.samples.worker import begin, finish

if TYPE_CHECKING:
    from submitit import SlurmExecutor

    from propmat.samples.store import Store

COMMANDS: Final = ("sbatch", "srun", "squeue", "scancel", "scontrol")
STOPPED: Final = 143
"""Exit code of a worker that SIGTERM stopped."""
_PATIENCE: Final = 60.0
"""Seconds that Slurm may take for an answer."""
_FAREWELL: Final = 60.0
"""Seconds that workers have to end when nothing is left to do; a task on a dead node runs for ever."""


def produce_on_slurm(store: Store[Any], command: Sequence[str], settings: SlurmSettings) -> None:
    """Fill a store by an array of workers; where one is at it already, by this one.

    Args:
        store: where to, on a file system that the nodes share.
        command: of a worker.
        settings: what each task gets, and whether to wait for the end.

    Raises:
        InputError: submitit or a command of Slurm is missing, or Slurm refuses the array.
        FileError: the folder cannot be written, or all tasks have ended and there is work left.
        UnitsFailed: units were given up.
        KeyboardInterrupt: interrupted while waiting; the array goes on.
    """
    folder = slurm_folder(store.path)
    array = submitted(folder)
    told = "is at work on it already: no other is submitted"
    if array is None and begin(store) > 0:
        array = submit(command, folder, settings)
        told = f"of {array.tasks} workers is submitted; their logs are in {folder}"
    if array is not None:
        told = f"{store.path}: Slurm array {array.job} {told}"
        if not settings.wait:
            print(f"{told}\n{_hints(store.path, array)}")
            return
        try:
            print(told)
            with shown_progress(store):
                _wait(store, array, settings.attempts)
        except KeyboardInterrupt:
            print(f"propmat: no longer watching; the workers go on.\n{_hints(store.path, array)}", file=sys.stderr)
            raise
    finish(store, settings.attempts)


def slurm_folder(store: Path) -> Path:
    """Where batch scripts and logs of a store's workers are, until the store is complete."""
    return store.resolve() / "work" / "slurm"


@dataclass(frozen=True)
class SlurmArray:
    """A submitted array.

    Attributes:
        job: its number.
        tasks: how many.
    """

    job: int
    tasks: int

    def states(self) -> list[str]:
        """The state of each task that waits or runs, such as "RUNNING"; empty when all have ended.

        Raises:
            FileError: Slurm does not answer.
        """
        asked = _call("squeue", "-h", "-r", "-o", "%T", "-j", str(self.job))
        if asked.returncode == 0:
            return asked.stdout.split()
        if "Invalid job id" in asked.stderr:  # it ended so long ago that Slurm has forgotten it
            return []
        raise FileError(f"squeue does not tell about job {self.job}: {asked.stderr.strip()}")

    def cancel_pending(self) -> None:
        """Take the tasks that still wait out of the queue; those that run end by themselves."""
        _call("scancel", "--state=PENDING", str(self.job))


def check_slurm(settings: SlurmSettings, store: Path) -> None:
    """Raise unless this machine can submit such an array: asks Slurm, submits and writes nothing.

    Args:
        settings: of the array.
        store: the folder of the store; need not be there yet.

    Raises:
        InputError: submitit or a command of Slurm is missing, or Slurm refuses the settings.
    """
    script = _executor(settings, slurm_folder(store))._make_submission_file_text("true", "")
    asked = _call("sbatch", "--test-only", script=script)
    if asked.returncode != 0:
        raise InputError(f"Slurm refuses production=slurm with these settings: {_complaint(asked.stderr)}")


def submit(command: Sequence[str], folder: Path, settings: SlurmSettings) -> SlurmArray:
    """Submit an array of tasks that all run ``command``.

    A task that Slurm preempts, or whose node dies, joins the queue again by ``--requeue``. So does, from its batch
    script, one that was told to stop before its time was up, and one whose worker was killed.

    Args:
        command: of a worker; a requeued task runs it anew.
        folder: for the batch script and the logs, on a file system that the nodes share; made if needed.
        settings: what each task gets.

    Raises:
        InputError: submitit or a command of Slurm is missing, or Slurm refuses the array.
        FileError: the folder cannot be written.
    """
    executor = _executor(settings, folder)
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The public submit() pickles a function, to be loaded on the nodes; a worker is a command line already.
        job = executor._submit_command(shlex.join(command))
    except OSError as error:
        raise FileError(f"cannot write {folder}: {error.strerror}.") from None
    except (FailedJobError, FailedSubmissionError) as error:
        raise InputError(f"Slurm refuses the array: {_complaint(str(error))}") from None
    array = SlurmArray(int(job.job_id), settings.tasks)
    write_atomic(folder / "array.json", json.dumps(vars(array)).encode())
    return array


def submitted(folder: Path) -> SlurmArray | None:
    """The array last submitted with this folder, if any of its tasks still waits or runs.

    Raises:
        FileError: Slurm does not answer, or the note about the array cannot be read.
    """
    path = folder / "array.json"
    if not path.exists():
        return None
    try:
        found = json.loads(read_limited(path, 1000))
        array = SlurmArray(int(found["job"]), int(found["tasks"]))
    except (ValueError, KeyError, TypeError):
        raise FileError(f"{path} is damaged: delete it, and see by squeue that none of its tasks runs.") from None
    return array if array.states() else None


def _wait(store: Store[Any], array: SlurmArray, attempts: int) -> None:
    """Return when no task waits or runs, or soon after nothing is left to do, whatever Slurm says of its tasks then."""
    began = time.monotonic()
    over: float | None = None
    while over is None or time.monotonic() < over + _FAREWELL:
        # Quick at first, then seldom: the queue of a cluster is not to be asked by everyone every second.
        time.sleep(min(30.0, max(0.5, 0.05 * (time.monotonic() - began))))
        if over is None and not open_units(store, attempts):
            over = time.monotonic()
            array.cancel_pending()
        try:
            if not array.states():
                return
        except FileError:
            continue  # the controller restarts or is busy; the workers do not need it


def _hints(store: Path, array: SlurmArray) -> str:
    return (
        f"  propmat data status store={shlex.quote(str(store))} follow=true   shows how far they are\n"
        f"  squeue -j {array.job}    scancel {array.job}   look at them, end them\n"
        "  the same command with resume=true watches them again, or makes what is left when they have ended"
    )


def _executor(settings: SlurmSettings, folder: Path) -> SlurmExecutor:
    """submitit's writer of batch scripts, with these settings."""
    try:
        from submitit import SlurmExecutor
    except ModuleNotFoundError as error:
        raise InputError(f"production=slurm needs {error.name}: pip install 'propmat[slurm]'.") from error
    missing = [command for command in COMMANDS if shutil.which(command) is None]
    if missing:
        raise InputError(
            f"production=slurm needs the commands of Slurm, and there is no {', '.join(missing)} here: submit from a "
            "machine of the cluster, or choose production=local."
        )
    if "%" in str(folder):
        raise InputError(f"output = {folder}: Slurm reads % in the name of a log as a code; choose another name.")
    executor = SlurmExecutor(folder)
    executor.update_parameters(
        job_name=settings.name,
        cpus_per_task=settings.cpus_per_task,
        ntasks_per_node=1,
        time=settings.time,
        gpus_per_node=settings.gpus or None,
        mem=None if settings.memory is None else f"{round(settings.memory * 1024)}M",
        partition=settings.partition,
        account=settings.account,
        qos=settings.qos,
        constraint=settings.constraint,
        array_parallelism=settings.tasks,
        stderr_to_stdout=True,
        # srun does not take the number of processors over from sbatch, nor that a requeued task goes on with its log.
        srun_args=[f"--cpus-per-task={settings.cpus_per_task}", "--open-mode=append"],
        setup=[*_threads(settings.cpus_per_task), *settings.setup],
        teardown=_teardown(settings),
        # The signal before the end goes to what srun started: the worker.
        additional_parameters={"requeue": True, "signal": f"TERM@{settings.grace}", **settings.more},
    )
    executor.parameters["map_count"] = settings.tasks
    return executor


def _threads(cpus: int) -> list[str]:
    """Where Slurm binds no processors, libraries would start a thread for each that the node has."""
    return [f"export {library}_NUM_THREADS={cpus}" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")]


def _teardown(settings: SlurmSettings) -> list[str]:
    """What a task does after its worker.

    scancel and preemption end this shell together with the worker, so that it comes here only when the worker was
    stopped because its time is nearly up, was killed, has failed, or found nothing left to do.
    """
    return [
        "code=$?",
        'case "$code" in',
        f"{STOPPED}) again={settings.requeues} ;;",
        f"129 | 13[0-9] | 14[0-9] | 15[0-9]) again={settings.attempts} ;;",
        "*) again=0 ;;",
        "esac",
        'if [ "${SLURM_RESTART_COUNT:-0}" -lt "$again" ]; then',
        '    exec scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"',
        "fi",
        'exit "$code"',
    ]


def _call(*command: str, script: str | None = None) -> subprocess.CompletedProcess[str]:
    """Ask Slurm; a controller that does not answer looks like a command that failed."""
    try:
        return subprocess.run(command, input=script, capture_output=True, text=True, check=False, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"{command[0]} gives no answer for {_PATIENCE:g} s")


def _complaint(text: str) -> str:
    """The lines of sbatch that say what is wrong."""
    found = [line.split("error:", 1)[1].strip() for line in text.splitlines() if "sbatch: error:" in line]
    return "; ".join(found) or text.strip()
