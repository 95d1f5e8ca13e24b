"""Writing a file so that it is there whole or not at all, whenever the process is killed; folders to write into."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import socket
from collections.abc import Collection
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from propmat.errors import FileError, InputError

TEMPORARY: Final = ".tmp"
"""How the name of a file that is being written ends."""
NUMBER: Final = r"(?a:\d{5}|[1-9]\d{5,})"
"""How the number of a shard is written in the names of its files."""
SILENT: Final = 30.0
"""Seconds after which who was writing, or working, is taken for dead."""
ABANDONED: Final = 600.0
"""Seconds after which a file that another machine was writing is nobody's: a slow disk may take minutes to sync."""
_HOST_NAMESPACE: Final = 0xEFFFFFFC
"""Number of the process numbers that a machine begins with; a container has others."""
_WRITER: Final = re.compile(r"(?P<name>.+)\.(?P<pid>\d{1,9})\.[0-9a-f]{8}\.tmp")


def write_atomic(path: Path, content: bytes) -> None:
    """Write to a temporary name that no other writer has, sync, rename over ``path``, sync the folder.

    Raises:
        FileError: the folder cannot be written or is full; ``path`` is as it was.
    """
    writer = f"{this_host()}.{os.getpid()}.{secrets.token_hex(4)}"
    temporary = path.with_name(f"{path.name}.{writer}{TEMPORARY}")
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
        raise cannot_write(path, error) from None


def cannot_write(place: Path, error: OSError) -> FileError:
    """What to say of a file or folder that cannot be written."""
    return FileError(
        f"cannot write {place}: {error.strerror}. Free some space or choose a folder you may write to; "
        "finished files are unharmed."
    )


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_temporaries(folder: Path) -> None:
    """Remove what writers left that are dead: processes of this machine that are gone, others that are silent."""
    with suppress(OSError):
        now = file_system_time(folder)
        for path in folder.glob(f"*{TEMPORARY}"):
            writer = _WRITER.fullmatch(path.name)
            if writer is None:
                continue
            here = writer["name"].endswith(f".{this_host()}")
            if not is_alive(int(writer["pid"])) if here else now - path.stat().st_mtime > ABANDONED:
                path.unlink(missing_ok=True)


@cache
def this_host() -> str:
    """Where process numbers mean what they mean here: the name of the machine, and of its container if in one."""
    try:
        namespace = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        namespace = _HOST_NAMESPACE
    return socket.gethostname() + ("" if namespace == _HOST_NAMESPACE else f"-{namespace}")


def is_alive(pid: int) -> bool:
    """Whether a process of this machine is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def file_system_time(folder: Path) -> float:
    """The time [s] that a file made now in ``folder`` gets: clocks of two machines differ, this one is shared.

    Raises:
        OSError: the folder cannot be written.
    """
    probe = folder / f"clock.{this_host()}.{os.getpid()}.{secrets.token_hex(4)}{TEMPORARY}"
    descriptor = os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        return os.fstat(descriptor).st_mtime
    finally:
        os.close(descriptor)
        probe.unlink(missing_ok=True)


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


def names_in(folder: Path) -> list[str]:
    """What is in a folder, sorted; nothing where there is none.

    Raises:
        FileError: it is there and cannot be read.
    """
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise FileError(f"cannot read {folder}: {error.strerror}.") from None


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
        names = {entry.name for entry in folder.iterdir() if not entry.name.endswith(TEMPORARY)}
        filled = not names <= set(ignore)
        if filled and not resume:
            raise InputError(
                f"output = {folder} is not empty: resume=true goes on with it, output=... chooses another folder."
            )
        check_writable(folder)
    except OSError as error:
        raise FileError(
            f"output = {folder} cannot be used: {error.strerror}. Free some space or choose a folder you may write to."
        ) from None
    return filled


def check_writable(folder: Path) -> None:
    """Raise OSError unless files can be made in a folder."""
    file_system_time(folder)
