"""One store of several: samples are taken by their key from whichever store has them finished."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat.errors import FileError, InputError
from propmat.progress import progress_bar
from propmat.samples.files import prepare_folder, remove_temporaries
from propmat.samples.keyed import KeyedHeader
from propmat.samples.store import Store, open_store
from propmat.samples.union import merged_header

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Merged:
    """What a merge did.

    Attributes:
        store: the merged one.
        taken: samples written now from each store, in the order given.
        missing: shards of the merged store that are not there, since no store has all their samples.
        damaged: what is wrong with the shards that were left out.
    """

    store: Store[Any]
    taken: tuple[int, ...]
    missing: tuple[int, ...]
    damaged: tuple[str, ...]


def merge(
    stores: Sequence[str | Path],
    output: str | Path,
    *,
    shard_size: int | None = None,
    skip_damaged: bool = False,
    resume: bool = False,
    progress: bool = True,
    command: Sequence[str] = (),
) -> Merged:
    """Make one store of several of one simulator and model: over all ranges of a Sobol sequence, or all listed points.

    Its shards are, byte for byte, those of one production of the merged design. What no store has stays missing, and
    can be made by a production with ``resume``.

    Args:
        stores: folders, at least two.
        output: folder of the merged store.
        shard_size: samples a file; by default that of the first store.
        skip_damaged: leave damaged shards out, instead of raising.
        resume: go on with an output that is there.
        progress: show a progress bar with the time left on stderr.
        command: the command line, for the provenance.

    Raises:
        InputError: fewer than two stores, stores that differ in more than their points, ranges that leave a gap (before
            anything is written), or an output that is not empty, without ``resume``.
        FileError: a store is missing or a shard damaged, or the output holds other samples or cannot be written.
        KeyboardInterrupt: interrupted; the message says how to go on. Finished shards are kept.
    """
    folder, folders = Path(output), [Path(path) for path in stores]
    places = {path.resolve() for path in folders}
    if len(places) < max(2, len(folders)) or folder.resolve() in places:
        raise InputError("a merge needs at least two stores, each once, and an output that is none of them.")
    opened = [open_store(path) for path in folders]
    header = merged_header(opened, shard_size=shard_size, command=command)
    prepare_folder(folder, resume=resume)
    inputs, damaged = _verified(opened, progress=progress)
    if damaged and not skip_damaged:
        raise FileError(
            "\n  ".join([f"{len(damaged)} damaged shard(s); skip_damaged=true merges the others:", *damaged])
        )
    store = type(opened[0]).create(folder, header, resume=resume)
    for written in (folder, folder / "shards"):
        remove_temporaries(written)  # of a merge that was killed
    with _telling(store):
        taken, missing = _copy(store, inputs, progress=progress)
    return Merged(store, taken, missing, damaged)


class _Input(ABC):
    """A store that is merged, and where in it each finished and sound sample is."""

    def __init__(self, store: Store[Any]) -> None:
        self.store = store
        self.read = lru_cache(maxsize=1)(store.read_shard)

    @abstractmethod
    def add(self, shard: int) -> None:
        """A shard is finished and sound."""

    @abstractmethod
    def find(self, names: NDArray[Any]) -> tuple[Numbers, Numbers]:
        """(sample,) shard and row of each sample of these names; shard -1 if it is not here."""

    @staticmethod
    @abstractmethod
    def names(header: Any, shard: int) -> NDArray[Any]:
        """(sample,) what every store with this sample calls it."""


class _Keyed(_Input):
    """Samples are named by their key."""

    def __init__(self, store: Store[Any]) -> None:
        super().__init__(store)
        self.places: dict[str, tuple[int, int]] = {}

    def add(self, shard: int) -> None:
        keys = self.names(self.store.header, shard).tolist()
        self.places.update({key: (shard, row) for row, key in enumerate(keys)})

    def find(self, names: NDArray[Any]) -> tuple[Numbers, Numbers]:
        places = np.array([self.places.get(key, (-1, -1)) for key in names.tolist()])
        return places[:, 0], places[:, 1]

    @staticmethod
    def names(header: Any, shard: int) -> NDArray[Any]:
        keys: NDArray[np.str_] = header.shard_plan(shard).key
        return keys


class _Numbered(_Input):
    """Samples, which are many, are named by their number in the sequence."""

    def __init__(self, store: Store[Any]) -> None:
        super().__init__(store)
        self.finished = np.zeros(store.header.design.shards, dtype=bool)

    def add(self, shard: int) -> None:
        self.finished[shard] = True

    def find(self, names: NDArray[Any]) -> tuple[Numbers, Numbers]:
        design: Any = self.store.header.design
        shard, row = np.divmod(names - design.start, design.shard_size)
        inside = (names >= design.start) & (names < design.start + design.count)
        here = inside & self.finished[np.where(inside, shard, 0)]
        return np.where(here, shard, -1), row

    @staticmethod
    def names(header: Any, shard: int) -> NDArray[Any]:
        numbers: NDArray[np.int64] = header.design.numbers(header.design.shard_range(shard))
        return numbers


def _verified(stores: Sequence[Store[Any]], *, progress: bool) -> tuple[list[_Input], tuple[str, ...]]:
    """The stores with their finished samples, and what is wrong with the damaged shards."""
    inputs: list[_Input] = []
    damaged = []
    with progress_bar(show=progress) as bar:
        task = bar.add_task("shards verified", total=sum(store.header.design.shards for store in stores))
        for store in stores:
            known = _Keyed(store) if isinstance(store.header, KeyedHeader) else _Numbered(store)
            for shard in range(store.header.design.shards):
                try:
                    if store.read_shard(shard) is not None:
                        known.add(shard)
                except FileError as error:
                    damaged.append(str(error))
                bar.advance(task)
            inputs.append(known)
    return inputs, tuple(damaged)


def _copy(store: Store[Any], inputs: Sequence[_Input], *, progress: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Write every shard of which all samples are there; samples from each input, and shards that are still missing."""
    taken, missing = [0] * len(inputs), []
    todo = store.missing()
    with progress_bar(show=progress) as bar:
        for shard in bar.track(todo, description="shards merged"):
            source, place, row = _places(inputs[0].names(store.header, shard), inputs)
            if np.any(source < 0):
                missing.append(shard)
                continue
            ends = np.flatnonzero(np.diff(source) | np.diff(place)) + 1
            pieces = []
            for rows in np.split(np.arange(len(source)), ends):
                number, found = int(source[rows[0]]), int(place[rows[0]])
                table = inputs[number].read(found)
                if table is None:
                    raise FileError(f"{inputs[number].store.shard_path(found)} went away while it was merged.")
                pieces.append(table.select(row[rows]))
                taken[number] += len(rows)
            store.write_shard(shard, type(pieces[0]).concatenate(pieces))
    return tuple(taken), tuple(missing)


def _places(names: NDArray[Any], inputs: Sequence[_Input]) -> tuple[Numbers, Numbers, Numbers]:
    """(sample,) input, shard and row of each sample, in the first input that has it; -1 where none has."""
    source, place, row = np.full((3, len(names)), -1)
    for number, known in enumerate(inputs):
        shard, line = known.find(names)
        new = (source < 0) & (shard >= 0)
        source[new], place[new], row[new] = number, shard[new], line[new]
    return source, place, row


@contextmanager
def _telling(store: Store[Any]) -> Iterator[None]:
    """Say how to go on when interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"stopped; {store.path} is valid. Run the same command with resume=true to go on."
        ) from None
