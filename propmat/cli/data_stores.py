"""The actions of ``propmat data`` that make something of whole sample stores: merge and export."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from propmat.cli.config import Config
from propmat.cli.runs import save_config, shipped
from propmat.errors import InputError
from propmat.samples import write_points
from propmat.samples.imported import Imported
from propmat.samples.listed import ListedPoints
from propmat.samples.store import Store


def merge(config: Config) -> None:
    """One store of several.

    Raises:
        InputError: keys that are missing, or stores that do not go together.
        FileError: a store is missing or damaged, or the output cannot be written.
    """
    from propmat.samples import merge

    stores = config.get("stores", tuple[str, ...] | None)
    if stores is None or not any(word.startswith("output=") for word in config.overrides):
        raise InputError("propmat data merge needs stores=[one,other] and output=..., the folder of the merged store.")
    folders = [shipped("samples", name) for name in stores]
    merged = merge(
        folders,
        config.get("output", Path),
        skip_damaged=config.get("skip_damaged", bool),
        resume=config.get("resume", bool),
        command=("propmat", "data", *config.overrides),
    )
    save_config(config, merged.store.path)
    for problem in merged.damaged:
        print(f"propmat: warning: left out: {problem}", file=sys.stderr)
    design: Any = merged.store.header.design
    for folder, taken in zip(folders, merged.taken, strict=True):
        print(f"{taken} samples from {folder}")
    missing, path = len(merged.missing), merged.store.path
    print(f"{design.samples} samples of {design.count} points in {path}, {missing} of {design.shards} shards missing")
    if missing and (words := _words(merged.store)):
        print(f"to make those: {design.remedy} with {words} output={path} resume=true, the rest as it was")


def _words(store: Store[Any]) -> str:
    """What a production of the merged design has in place of what those before had; the points of a list in a file."""
    design: Any = store.header.design
    settings = {name: getattr(design, name) for name in ("start", "count", "shard_size") if hasattr(design, name)}
    if isinstance(design, ListedPoints):
        points = store.path / "points.csv"
        write_points(points, store.header.parameter_space, design.listed)
        settings = {"points": points, "shard_size": design.shard_size}
    elif isinstance(design, Imported):
        return ""
    return " ".join(f"samples.{name}={value}" for name, value in settings.items())


def export(config: Config) -> None:
    """A store as a NetCDF file.

    Raises:
        InputError: keys that are missing, a file that is there, or packages that are not.
        FileError: the store is missing, damaged or not complete, or the file cannot be written.
    """
    from propmat.samples import export

    store, file = config.get("store", str | None), config.get("file", Path | None)
    if store is None or file is None:
        raise InputError("propmat data export needs store=..., a folder or a shipped name, and file=..., such as a.nc.")
    path = export(shipped("samples", store), file)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
