"""``production=slurm``: an array of workers on a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from propmat.errors import InputError
from propmat.samples.slurm_settings import SlurmSettings

if TYPE_CHECKING:
    from propmat.cli.production import Job


@dataclass(frozen=True)
class Slurm(SlurmSettings):
    """A backend of ``propmat simulate``; its keys are explained in conf/production/slurm.yaml."""

    @property
    def device(self) -> str:
        """Of the process that submits, where the first sample of the Galaxy is made."""
        return "auto"

    @property
    def threads(self) -> int:
        """Of a worker."""
        return self.cpus_per_task

    def check(self, output: Path) -> None:
        """Raise InputError unless this machine can submit such an array; nothing is written."""
        from propmat.samples.slurm import check_slurm

        check_slurm(self, output)

    def run(self, job: Job) -> None:
        """Fill the store, or leave it to the workers if ``wait`` is false.

        Raises:
            InputError: GPUs for a simulator that runs on none, or Slurm refuses the array.
            UnitsFailed: shards that were left out.
            FileError: the folder cannot be written, or the workers have ended with work left.
        """
        from propmat.cli.production import DEVICES
        from propmat.samples.slurm import produce_on_slurm

        device = "cuda" if self.gpus else "cpu"
        if device not in DEVICES[job.kind]:
            raise InputError(f"production.gpus = {self.gpus}: the {job.kind} simulator runs on cpu only.")
        command = job.worker_command(threads=self.cpus_per_task, device=device, attempts=self.attempts)
        produce_on_slurm(job.store, command, self)
