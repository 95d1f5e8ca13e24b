"""A chain on disk: emcee's HDF5 layout, grown in durable chunks.

Each chunk is added to a copy of the file, which is then renamed over the old one: whenever the process is killed, the
file holds a whole number of chunks and the random state after the last one.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import h5py
import numpy as np
from emcee.backends import Backend, HDFBackend
from emcee.state import State

from propmat.errors import FileError
from propmat.samples.files import write_atomic
from propmat.species import FloatArray

_GROUP = "mcmc"


class ChainFile:
    """``path`` read by ``emcee.backends.HDFBackend(path)``; attributes ``problem`` and ``names`` on its root.

    Args:
        path: of the file, which need not exist yet.
        problem: digest of what is sampled.
        names: of the parameters.
        walkers: number of walkers.

    Raises:
        FileError: the file is damaged, no chain, or one of another problem.
    """

    def __init__(self, path: Path, problem: str, names: tuple[str, ...], walkers: int) -> None:
        self.path, self.problem, self.names, self.walkers = path, problem, names, walkers
        if path.exists():
            self._check()

    @property
    def iteration(self) -> int:
        """Steps in the file."""
        return int(HDFBackend(str(self.path), read_only=True).iteration) if self.path.exists() else 0

    def last_state(self) -> State:
        """Walkers and random state after the last step; the sampler continues from it bit for bit."""
        return HDFBackend(str(self.path), read_only=True).get_last_sample()

    def chain(self, discard: int = 0) -> FloatArray:
        """(step, walker, parameter)."""
        return np.asarray(HDFBackend(str(self.path), read_only=True).get_chain(discard=discard), dtype=np.float64)

    def log_probability(self) -> FloatArray:
        """(step, walker)."""
        return np.asarray(HDFBackend(str(self.path), read_only=True).get_log_prob(), dtype=np.float64)

    def acceptance(self) -> FloatArray:
        """(walker,) accepted fraction of the steps."""
        return np.asarray(HDFBackend(str(self.path), read_only=True).accepted / self.iteration, dtype=np.float64)

    def append(self, chunk: Backend) -> None:
        """Add the steps of an in-memory backend, durably.

        Raises:
            FileError: the folder cannot be written; the file is as it was.
        """
        content = io.BytesIO(self.path.read_bytes() if self.path.exists() else self._empty())
        with h5py.File(content, "r+") as file:
            _extend(file[_GROUP], chunk)
        write_atomic(self.path, content.getvalue())

    def _empty(self) -> bytes:
        content = io.BytesIO()
        HDFBackend(content).reset(self.walkers, len(self.names))
        with h5py.File(content, "r+") as file:
            file.attrs["problem"] = self.problem
            file.attrs["names"] = json.dumps(self.names)
        return content.getvalue()

    def _check(self) -> None:
        try:
            with h5py.File(self.path, "r") as file:
                problem = file.attrs["problem"]
                shape = file[_GROUP]["chain"].shape
                iteration = int(file[_GROUP].attrs["iteration"])
        except (OSError, KeyError) as error:
            raise FileError(f"{self.path}: not a chain of propmat, or damaged ({error}).") from error
        if problem != self.problem or shape != (iteration, self.walkers, len(self.names)):
            raise FileError(
                f"{self.path}: the chain of another problem (other rotations, data, emulator or settings); "
                "choose another folder, or the settings it was made with."
            )


def _extend(group: h5py.Group, chunk: Backend) -> None:
    """What ``HDFBackend.save_step`` does, for all steps of the chunk at once."""
    start = int(group.attrs["iteration"])
    stop = start + int(chunk.iteration)
    for name, values in (("chain", chunk.chain), ("log_prob", chunk.log_prob)):
        group[name].resize(stop, axis=0)
        group[name][start:stop] = values
    group["accepted"][...] += chunk.accepted
    for index, element in enumerate(chunk.random_state):
        group.attrs[f"random_state_{index}"] = element
    group.attrs["iteration"] = stop
