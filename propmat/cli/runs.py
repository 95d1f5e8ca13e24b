"""Run folders: checked before any work starts, each with the config it was made from."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from propmat.cli.config import Config
from propmat.errors import FileError, InputError, unknown_name
from propmat.resources import datasets_dir
from propmat.samples import SampleStore, Truncation
from propmat.samples.files import prepare_folder, write_atomic

CONFIG = "config.yaml"


def check_output(config: Config) -> Path:
    """The output folder of a command, made if needed.

    Args:
        config: with the keys ``output`` and ``resume``.

    Raises:
        InputError: it is not empty and ``resume`` is not true.
        FileError: it cannot be written.
    """
    output: Path = config.get("output", Path)
    # A command that failed at once left nothing but its config.
    prepare_folder(output, resume=config.get("resume", bool), ignore={CONFIG})
    return output


def save_config(config: Config, output: Path) -> None:
    """Keep what was asked for beside what came of it (FileError if it cannot be written)."""
    write_atomic(output / CONFIG, config.yaml().encode("utf-8"))


def open_run(config: Config, *, may_change: Iterable[str] = ()) -> Path:
    """The output folder of a command with its config in it; to resume, the config must be that of the first run.

    Args:
        config: with the keys ``output`` and ``resume``.
        may_change: keys (with what is below them) that a resumed run may set otherwise than the first.

    Raises:
        InputError: as :func:`check_output`, or the folder was made with other settings.
        FileError: it cannot be written.
    """
    output: Path = config.get("output", Path)
    if prepare_folder(output, resume=config.get("resume", bool), ignore={CONFIG}):
        _check_same(config, output / CONFIG, {"output", "resume", *may_change})
    save_config(config, output)
    return output


def _check_same(config: Config, path: Path, may_change: set[str]) -> None:
    """Refuse to resume a run with other settings."""
    import yaml

    if not path.is_file():
        raise InputError(f"{path.parent} holds files but no {CONFIG}: it is not a run of propmat {config.command}.")
    try:
        before = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FileError(f"cannot read {path}: {error}.") from error
    for key, old, new in _differences(before, dict(config.values), ""):
        if not any(key == allowed or key.startswith(f"{allowed}.") for allowed in may_change):
            raise InputError(
                f"{key} = {new} but the run in {path.parent} was made with {old}: resume it as it was, "
                "or choose another output."
            )


def _differences(before: Any, now: Any, key: str) -> Iterator[tuple[str, Any, Any]]:
    """(dotted key, old value, new value) wherever two nested configs differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in {**before, **now}:
            yield from _differences(before.get(name), now.get(name), f"{key}.{name}" if key else str(name))
    elif before != now:
        yield key, before, now


def warn_truncated(store: SampleStore) -> None:
    """Say on stderr how many particles of a finished store no column counts, if there are any."""
    found = Truncation.of(store.tables())
    if found.lost:
        print(f"propmat: warning: {found.warning()}", file=sys.stderr)


@contextmanager
def told_warnings() -> Iterator[None]:
    """Say warnings on stderr like everything else, without the line of code they come from."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for warning in caught:
        print(f"propmat: warning: {warning.message}", file=sys.stderr)


def shipped(kind: str, name: str | Path, suffix: str = "") -> Path:
    """The path of something that may be given by its shipped name.

    Args:
        kind: folder of datasets/, "samples" or "emulators".
        name: a path, or the name of something shipped.
        suffix: of the shipped files; none for folders.

    Raises:
        InputError: no such name; the message gives the nearest shipped one.
        FileError: no such path.
    """
    path = Path(name)
    if path.exists():
        return path
    if len(path.parts) > 1:
        raise FileError(f"{path} does not exist.")
    names = shipped_names(kind, suffix)
    if str(name) not in names:
        raise unknown_name(f"path or shipped name in {kind}", str(name), names)
    return datasets_dir() / kind / f"{name}{suffix}"


def shipped_names(kind: str, suffix: str = "") -> list[str]:
    """Names of what is shipped in datasets/``kind``."""
    entries = (datasets_dir() / kind).glob(f"*{suffix}" if suffix else "*/")
    return sorted(entry.name.removesuffix(suffix) for entry in entries)
