"""Writing a file so that it is there whole or not at all, whenever the process is killed."""

from __future__ import annotations

import os
from pathlib import Path

from propmat.errors import FileError


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
