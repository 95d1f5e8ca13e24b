"""Units whose simulation failed: noted in ``work/shard-00003.failed`` of a store, tried again, at last left out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from propmat.errors import FileError, PropmatError
from propmat.samples.claims import work_folder
from propmat.samples.files import NUMBER, cannot_write, names_in, read_limited, write_atomic
from propmat.samples.particle_design import ParticleDesign
from propmat.samples.store import Store

ATTEMPTS: Final = 3
"""Times a unit is tried unless the user chooses another number."""
_LIMIT: Final = 2**16
_ERROR_LIMIT: Final = 4096
_NAME: Final = re.compile(rf"shard-({NUMBER})\.failed")


class UnitsFailed(PropmatError):
    """Some units failed as often as they may; the others are finished."""

    def __init__(self, store: Path, units: int, failures: Sequence[Failure]) -> None:
        """What failed of how many."""
        self.failures = tuple(failures)
        lines = [f"{len(failures)} of {units} shards of {store} failed; the others are finished."]
        super().__init__("\n  ".join([*lines, *map(str, failures)]))


@dataclass(frozen=True)
class Failure:
    """Why a unit is not finished.

    Attributes:
        unit: the shard.
        attempts: how often it failed.
        limit: after how many it is left out.
        error: the last error.
        sample: number of the sample that it is of.
        parameters: of that sample.
    """

    unit: int
    attempts: int
    limit: int
    error: str
    sample: int
    parameters: Mapping[str, float]

    @property
    def is_final(self) -> bool:
        """Whether the unit is left out."""
        return self.attempts >= self.limit

    def __str__(self) -> str:
        point = ", ".join(f"{name} = {value:.9g}" for name, value in self.parameters.items())
        times = f"attempt {self.attempts} of {self.limit}"
        return f"shard {self.unit}, {times}: sample {self.sample} ({point}): {self.error}"


def note_failure(store: Store[Any], unit: int, *, done: int, error: str, limit: int) -> Failure:
    """Count a failed attempt.

    Args:
        store: where the unit belongs.
        unit: the shard.
        done: samples of the unit made before the failure.
        error: what happened.
        limit: after how many attempts the unit is left out.

    Raises:
        FileError: the note cannot be written.
    """
    numbers = store.header.design.shard_range(unit)
    row = min(done, len(numbers) - 1)
    failure = Failure(
        unit=unit,
        attempts=1 + count_attempts(store.path, unit),
        limit=limit,
        error=error[:_ERROR_LIMIT],
        sample=numbers[row],
        parameters=sample_point(store, numbers[row]),
    )
    write_atomic(_path(store.path, unit), json.dumps(asdict(failure)).encode())
    return failure


def read_failures(store: Path) -> dict[int, Failure]:
    """The failures noted in a store by unit; a note that cannot be read counts as none.

    Raises:
        FileError: the folder of the notes cannot be read.
    """
    found = {}
    folder = work_folder(store)
    for name in names_in(folder):
        if (match := _NAME.fullmatch(name)) and (failure := _read(folder / name, int(match[1]))):
            found[failure.unit] = failure
    return found


def count_attempts(store: Path, unit: int) -> int:
    """How often a unit of a store failed."""
    failure = _read(_path(store, unit), unit)
    return failure.attempts if failure else 0


def forget_failures(store: Path, units: Sequence[int]) -> None:
    """Begin counting anew (FileError if the folder cannot be written)."""
    try:
        for unit in units:
            _path(store, unit).unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(work_folder(store), error) from None


def sample_point(store: Store[Any], sample: int) -> dict[str, float]:
    """The parameters of a sample by name."""
    space, design = store.header.parameter_space, store.header.design
    if isinstance(design, ParticleDesign):  # all of them would fill the memory
        point = design.points(space, range(sample, sample + 1))[0, :-1]
    else:
        point = design.sample_parameters(space)[sample]
    return dict(zip(space.names, map(float, point), strict=True))


def _path(store: Path, unit: int) -> Path:
    return work_folder(store) / f"shard-{unit:05d}.failed"


def _read(path: Path, unit: int) -> Failure | None:
    try:
        values = json.loads(read_limited(path, _LIMIT))
        failure = Failure(**values)
        numbers = (failure.unit, failure.attempts, failure.limit, failure.sample)
        point = {str(name): float(value) for name, value in failure.parameters.items()}
    except (FileError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    if any(type(number) is not int for number in numbers) or failure.unit != unit:
        return None
    return Failure(unit, failure.attempts, failure.limit, str(failure.error), failure.sample, point)
