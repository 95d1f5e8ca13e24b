"""A folder of simulated samples that survives crashes, and says so when something in it is wrong.

``store.json`` is the header; ``shards/shard-00000.h5`` holds samples, ``shards/shard-00000.sha256`` its checksum (as
``sha256sum -c`` reads it). A shard counts only once its checksum is there and matches, and each file is renamed into
place whole: whenever the process is killed, what remains is a store that can be resumed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Generic, Self

from propmat.errors import FileError, InputError, unknown_name
from propmat.samples import shards
from propmat.samples.files import TEMPORARY, cannot_write, check_writable, read_limited, sync_folder, write_atomic
from propmat.samples.header import HISTOGRAMS, Header, TableT, digest, parse
from propmat.samples.histograms import StoreHeader
from propmat.samples.particle_header import ParticleHeader, ParticleTable
from propmat.samples.spectra import SpectraHeader, SpectraTable
from propmat.samples.table import SampleTable

HEADER_NAME: Final = "store.json"
HEADER_LIMIT: Final = 2**26
CHECKSUM_LIMIT: Final = 1024
REASON_LIMIT: Final = 1000
"""Most characters of what is said about a damaged header."""


@dataclass(frozen=True)
class Store(Generic[TableT]):
    """A store on disk; make one with :meth:`create` or :meth:`open`."""

    header_type: ClassVar[type[Header[Any]]]

    path: Path
    header: Header[TableT]

    @classmethod
    def create(cls, path: str | Path, header: Header[TableT], *, resume: bool = False) -> Self:
        """A new store, or with ``resume`` the one that is there, if its header is the same.

        Raises:
            InputError: a store is there and ``resume`` is not set, or it holds samples of another kind.
            FileError: the folder is not empty and no store, holds other samples, or cannot be written.
        """
        folder = Path(path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            content = {item.name for item in folder.iterdir()}
        except OSError as error:
            raise cannot_write(folder, error) from None
        if HEADER_NAME in content:
            if not resume:
                raise InputError(f"{folder} already holds a sample store; use resume=true to go on with it.")
            store = cls.open(folder)
            if changed := store.header.differences(header):
                raise FileError(
                    f"the samples in {folder} differ from those asked for in {', '.join(changed)}. "
                    "Choose another folder, or ask for the same."
                )
            return store
        if any(not name.endswith(TEMPORARY) for name in content):
            raise FileError(f"{folder} is not empty and not a sample store (no {HEADER_NAME}); choose another folder.")
        write_atomic(folder / HEADER_NAME, header.to_json().encode())
        sync_folder(folder.parent)
        return cls(folder, header)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """The store in a folder.

        Raises:
            FileError: no store is there, or its header is damaged.
            InputError: it holds samples of another kind.
        """
        header: Header[Any] = _read_header(Path(path))
        if not isinstance(header, cls.header_type):
            raise InputError(f"{path} holds {header.described}; {cls.header_type.described} are needed here.")
        return cls(Path(path), header)

    def shard_path(self, shard: int) -> Path:
        """Where a shard is or will be."""
        return self.path / "shards" / f"shard-{shard:05d}.h5"

    def write_shard(self, shard: int, table: TableT) -> None:
        """Store the samples of a shard, durably; one that is there is replaced.

        Raises:
            InputError: the table is not what the design has for this shard.
            FileError: the folder cannot be written.
        """
        content = shards.encode(self.header, shard, table)
        path = self.shard_path(shard)
        self.check_writable()
        write_atomic(path, content)
        write_atomic(path.with_suffix(".sha256"), _checksum_line(path, content).encode())

    def read_shard(self, shard: int) -> TableT | None:
        """The samples of a shard, or None if it is not finished.

        Raises:
            FileError: the shard or its checksum is damaged or foreign.
        """
        content = self._verified_bytes(shard)
        if content is None:
            return None
        try:
            return shards.decode(self.header, shard, content)
        except InputError as error:
            raise self._damaged(shard, str(error)) from None

    def read(self, *, require_complete: bool = True) -> TableT:
        """All finished samples in order.

        Args:
            require_complete: raise if any sample of the design is not there yet.

        Raises:
            FileError: a shard is damaged, samples are missing, or there are none at all.
        """
        tables = list(self.tables())
        if not tables or (require_complete and len(tables) < self.header.design.shards):
            raise FileError(
                f"{self.path} has {len(tables)} of its {self.header.design.shards} shards; "
                f"finish it with `{self.header.design.remedy}` and resume=true."
            )
        return type(tables[0]).concatenate(tables)

    def tables(self) -> Iterator[TableT]:
        """The finished shards, read one after the other: for a store that does not fit into memory.

        Raises:
            FileError: a shard is damaged.
        """
        for shard in range(self.header.design.shards):
            if (table := self.read_shard(shard)) is not None:
                yield table

    def verify(self) -> dict[int, str]:
        """{shard: what is wrong with it} for the damaged shards; unfinished ones are not damaged."""
        return {shard: problem for shard, _, problem in self._status() if problem}

    def missing(self) -> tuple[int, ...]:
        """The shards still to be made: unfinished or damaged."""
        return tuple(shard for shard, finished, _ in self._status() if not finished)

    def digest(self) -> str:
        """A checksum of the header and all finished shards, for the provenance of what is made from them.

        Raises:
            FileError: a shard is damaged.
        """
        contents = (self._verified_bytes(shard) for shard in range(self.header.design.shards))
        sums = [None if content is None else hashlib.sha256(content).hexdigest() for content in contents]
        return digest([self.header.identity(), sums])

    def check_writable(self) -> None:
        """Raise FileError if shards cannot be written here."""
        folder = self.path / "shards"
        try:
            folder.mkdir(exist_ok=True)
            check_writable(folder)
            sync_folder(self.path)
        except OSError as error:
            raise cannot_write(folder, error) from None

    def _status(self) -> Iterator[tuple[int, bool, str]]:
        for shard in range(self.header.design.shards):
            try:
                yield shard, self.read_shard(shard) is not None, ""
            except FileError as error:
                yield shard, False, str(error)

    def _verified_bytes(self, shard: int) -> bytes | None:
        path = self.shard_path(shard)
        checksum = path.with_suffix(".sha256")
        if not (path.exists() and checksum.exists()):
            return None
        content = read_limited(path, shards.size_limit(self.header))
        line = read_limited(checksum, CHECKSUM_LIMIT).decode(errors="replace")
        if line != _checksum_line(path, content):
            raise self._damaged(shard, f"its checksum is not the one in {checksum.name}")
        return content

    def _damaged(self, shard: int, reason: str) -> FileError:
        return FileError(
            f"{self.shard_path(shard)} is damaged or foreign: {reason}. "
            f"Run `{self.header.design.remedy}` with resume=true to make it anew."
        )


@dataclass(frozen=True)
class SampleStore(Store[SampleTable]):
    """Histograms of the heliosphere."""

    header_type: ClassVar[type[Header[Any]]] = StoreHeader

    header: StoreHeader


@dataclass(frozen=True)
class SpectraStore(Store[SpectraTable]):
    """Local spectra of the Galaxy."""

    header_type: ClassVar[type[Header[Any]]] = SpectraHeader

    header: SpectraHeader


@dataclass(frozen=True)
class ParticleStore(Store[ParticleTable]):
    """Single particles of the heliosphere, each at its own point. Read large ones with :meth:`Store.tables`."""

    header_type: ClassVar[type[Header[Any]]] = ParticleHeader

    header: ParticleHeader


AnyStore = SampleStore | SpectraStore | ParticleStore
KINDS: Final[dict[str, type[AnyStore]]] = {
    store.header_type.content: store for store in (SampleStore, SpectraStore, ParticleStore)
}
"""``content`` of a header -> the store that it belongs to."""


def open_store(path: str | Path) -> AnyStore:
    """The store in a folder, of whichever kind.

    Raises:
        FileError: no store is there, or its header is damaged.
    """
    header = _read_header(Path(path))
    return KINDS[header.content](Path(path), header)


def _read_header(path: Path) -> Any:
    """The header in a folder, of whichever kind."""
    name = path / HEADER_NAME
    if not name.exists():
        raise FileError(f"{path} is not a sample store (no {HEADER_NAME}).")
    try:
        values = parse(read_limited(name, HEADER_LIMIT).decode())
        content = str(values.get("content", HISTOGRAMS))
        if content not in KINDS:
            raise unknown_name("content", content, KINDS)
        return KINDS[content].header_type.from_values(values)
    except (InputError, UnicodeDecodeError) as error:
        raise FileError(
            f"{name} is damaged or of another version: {_shortened(error)}. "
            "Restore it from a copy, or make the store anew."
        ) from None


def _shortened(error: Exception) -> str:
    """The message, which quotes what is in a file, so that it may be long."""
    text = str(error)
    return text if len(text) <= REASON_LIMIT else f"{text[:REASON_LIMIT]}…"


def _checksum_line(path: Path, content: bytes) -> str:
    return f"{hashlib.sha256(content).hexdigest()}  {path.name}\n"
