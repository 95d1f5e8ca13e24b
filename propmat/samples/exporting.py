"""A store as one NetCDF file, with coordinates, units and where it comes from, for xarray and whatever reads NetCDF.

The file is begun by xarray and grows shard by shard, so that memory holds one shard whatever the store's size.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage
from typing import TYPE_CHECKING, Any, Final

from propmat.errors import FileError, InputError
from propmat.progress import progress_bar
from propmat.samples.files import TEMPORARY, sync_folder
from propmat.samples.labelled import dataset, required
from propmat.samples.store import Store, open_store

if TYPE_CHECKING:
    import xarray

CHUNK: Final = 2**20
"""Most bytes of a chunk of a dataset, unless one sample has more; a chunk holds whole samples."""
SPACE: Final = 2**26
"""Least free bytes beside those of the next samples: chunks that are not full yet, the index of the file."""
COMPRESSION: Final[dict[str, object]] = {"zlib": True, "complevel": 4, "shuffle": True}


def export(store: str | Path | Store[Any], file: str | Path, *, progress: bool = True) -> Path:
    """Write all samples of a store to a NetCDF file.

    Args:
        store: complete; a folder, or opened.
        file: which must not be there yet; it appears when it is whole.
        progress: show a progress bar with the time left on stderr.

    Returns:
        The path of the file.

    Raises:
        InputError: ``file`` is there already, or xarray or h5netcdf is not installed.
        FileError: no store is there, a shard of it is damaged or not made yet, or the file cannot be written.
    """
    _, h5netcdf, path = required("xarray"), required("h5netcdf"), Path(file)
    if path.exists():
        raise InputError(f"file = {path} is there already: choose another name, or remove it.")
    opened = open_store(store) if isinstance(store, str | Path) else store
    shards, samples = opened.header.design.shards, opened.header.design.samples
    with _appearing(path) as temporary, progress_bar(show=progress) as bar:
        task = bar.add_task("shards exported", total=shards)
        piece = _piece(opened, 0)
        _check_space(path, piece)
        _begin(temporary, piece, samples)
        bar.advance(task)
        with h5netcdf.File(temporary, "a") as target:
            for shard in range(1, shards):
                piece = _piece(opened, shard)
                _check_space(path, piece)
                _append(target, piece)
                bar.advance(task)
            target.attrs["store_digest"] = opened.digest()
    return path


def _piece(store: Store[Any], shard: int) -> xarray.Dataset:
    """A shard, which must be there."""
    table, design = store.read_shard(shard), store.header.design
    if table is None:
        raise FileError(f"{store.shard_path(shard)} is not made yet; finish it with `{design.remedy}` and resume=true.")
    return dataset(store.header, table, first=design.shard_range(shard).start)


def _check_space(path: Path, piece: xarray.Dataset) -> None:
    """Raise FileError before the disk is full: HDF5 crashes when it cannot write what it holds."""
    free, needed = disk_usage(path.parent).free, SPACE + 2 * piece.nbytes
    if free < needed:
        raise FileError(
            f"cannot write {path}: {free / 1e6:.0f} MB are free there, {needed / 1e6:.0f} MB are needed to go on. "
            "Nothing is left of it; free some space or choose another place."
        )


def _begin(path: Path, piece: xarray.Dataset, samples: int) -> None:
    """The file with the samples of a first shard, chunked for ``samples`` in all."""
    encoding: dict[str, dict[str, Any]] = {}
    for name, variable in piece.variables.items():
        encoding[str(name)] = {"_FillValue": None} if variable.dtype.kind == "f" else {}
        if "sample" in variable.dims and variable.dtype.kind != "U":
            size = max(1, variable.nbytes // len(piece["sample"]))
            chunk = min(samples, max(1, CHUNK // size))
            encoding[str(name)] |= COMPRESSION | {"chunksizes": (chunk, *variable.shape[1:])}
    piece.to_netcdf(path, engine="h5netcdf", unlimited_dims=["sample"], encoding=encoding)


def _append(target: Any, piece: xarray.Dataset) -> None:
    """Add the samples of another shard to an open file."""
    before = target.dimensions["sample"].size
    target.resize_dimension("sample", before + len(piece["sample"]))
    for name, variable in piece.variables.items():
        if "sample" in variable.dims:
            text = variable.dtype.kind == "U"
            target[str(name)][before:] = variable.values.astype(object) if text else variable.values
    target.flush()


@contextmanager
def _appearing(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path``, which becomes ``path`` when all is written, and goes when anything fails."""
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FileError(
            f"cannot write {path}: {reason}. Nothing is left of it and the store is unharmed; free some space or "
            "choose another place."
        ) from None
