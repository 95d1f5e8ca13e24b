"""Writing a file so that it is there whole or not at all, whenever the process is killed; folders to write into."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from pathlib import Path

from propmat.errors import FileError, InputError


def write_atomic(path: Path, content: bytes) -> None:
    """Write to ``<path>.tmp``, sync, rename over ``path``, sync the folder.

    Raises:
        FileError: the folder cannot be written or is full; ``path`` is as it was.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise FileError(
            f"cannot write {path}: {error.strerror}. Free some space or choose a folder you may write to; "
            "finished files are unharmed."
        ) from None


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_limited(path: Path, limit: int) -> bytes:
    """The content of a regular file of at most ``limit`` bytes.

    Raises:
        FileError: it cannot be read, is not a regular file or is larger.
    """
    try:
        if not path.is_file():
            raise FileError(f"{path} is missing or not a regular file.")
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}.") from None
    if len(content) > limit:
        raise FileError(f"{path} is larger than the {limit} bytes that such a file can have.")
    return content


def file_checksum(path: Path) -> str:
    """sha256 of a file (FileError if it cannot be read)."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}.") from None


def prepare_folder(folder: Path, *, resume: bool, ignore: Collection[str] = ()) -> bool:
    """Make a folder, or see that the one that is there can be used; whether it holds anything.

    Args:
        folder: to write into; made with its parents if needed.
        resume: accept a folder that is not empty.
        ignore: names that do not count as content.

    Raises:
        InputError: it is not empty, without ``resume``.
        FileError: it is a file, or cannot be made or written.
    """
    try:
        if folder.is_file():
            raise FileError(f"output = {folder} is a file; give a folder.")
        folder.mkdir(parents=True, exist_ok=True)
        filled = any(entry.name not in ignore for entry in folder.iterdir())
        if filled and not resume:
            raise InputError(
                f"output = {folder} is not empty: resume=true goes on with it, output=... chooses another folder."
            )
        check_writable(folder)
    except OSError as error:
        raise FileError(f"output = {folder} cannot be used: {error.strerror}.") from None
    return filled


def check_writable(folder: Path) -> None:
    """Raise OSError unless files can be made in a folder."""
    probe = folder / "probe.tmp"
    probe.write_bytes(b"")
    probe.unlink(missing_ok=True)
