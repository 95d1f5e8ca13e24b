"""One shard of samples as HDF5 bytes. The same samples give the same bytes, wherever they were made.

A shard is plain datasets, one a column. What is read is not trusted: names, types, shapes and filters are checked
before any content is touched, then the content against the plan of the store.
"""

from __future__ import annotations

import io
import json
from dataclasses import fields
from typing import Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray

from propmat.errors import InputError
from propmat.samples.header import SCHEMA, StoreHeader
from propmat.samples.table import SampleTable

LIBRARY_FORMAT: Final = ("v110", "v110")
FILTERS: Final = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE}


def layout(header: StoreHeader, samples: int) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """Type and shape on disk of every dataset of a shard of ``samples`` samples."""
    toa, lis = header.grid.shape
    count = np.dtype("<u2" if header.design.particles <= np.iinfo(np.uint16).max else "<u4")
    return {
        "key": (np.dtype("S64"), (samples,)),
        "parameters": (np.dtype("<f8"), (samples, len(header.parameter_space.names))),
        "drift_sign": (np.dtype("i1"), (samples,)),
        "nucleons_per_charge": (np.dtype("<f8"), (samples,)),
        "seed": (np.dtype("<u8"), (samples,)),
        "particles": (np.dtype("<u4"), (samples,)),
        "counts": (count, (samples, toa, lis)),
        "truncated": (count, (samples, toa)),
        "propagation_time_mean": (np.dtype("<f4"), (samples, toa)),
    }


def size_limit(header: StoreHeader) -> int:
    """Most bytes a shard of this store can have: its numbers uncompressed, and 1 MiB for the rest."""
    columns = layout(header, header.design.shard_size).values()
    return 2**20 + sum(dtype.itemsize * int(np.prod(shape)) for dtype, shape in columns)


def encode(header: StoreHeader, shard: int, table: SampleTable) -> bytes:
    """The bytes of a shard.

    Raises:
        InputError: the table is not what the plan has for this shard.
    """
    check_plan(header, shard, table)
    identity = header.identity()
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=LIBRARY_FORMAT) as file:
        file.attrs["schema"] = SCHEMA
        file.attrs["shard"] = shard
        for name in ("simulator", "simulator_version", "space"):
            file.attrs[name] = str(identity[name])
        for name, value in (("model", identity["model"]), ("design", header.design.summary())):
            file.attrs[name] = json.dumps(value, sort_keys=True)
        for name, (dtype, shape) in layout(header, len(table)).items():
            file.create_dataset(
                name,
                data=getattr(table, name).astype(dtype),
                chunks=shape,
                compression="gzip",
                compression_opts=9,
                shuffle=True,
                track_times=False,
            )
    return buffer.getvalue()


def decode(header: StoreHeader, shard: int, content: bytes) -> SampleTable:
    """The samples of a shard's bytes.

    Raises:
        InputError: not HDF5, datasets other than :func:`layout`, or samples other than the plan's.
    """
    expected = layout(header, len(header.design.shard_range(shard)))
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            if set(file) != set(expected):
                raise InputError(f"it holds {sorted(file)} instead of {sorted(expected)}")
            columns = {name: _column(file, name, *expected[name]) for name in expected}
        key = np.char.decode(columns["key"], "ascii")
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"it is not a readable HDF5 file ({error})") from None
    counts, truncated = (columns[name].astype(np.uint32) for name in ("counts", "truncated"))
    table = SampleTable(**columns | {"key": key, "counts": counts, "truncated": truncated})
    check_plan(header, shard, table)
    return table


def check_plan(header: StoreHeader, shard: int, table: SampleTable) -> None:
    """Raise InputError unless the table is the planned samples of this shard, on the grid of the store."""
    plan = header.shard_plan(shard)
    if len(table) != len(plan) or table.counts.shape[1:] != header.grid.shape:
        raise InputError(
            f"shard {shard} has {len(plan)} samples of shape {header.grid.shape}, not {table.counts.shape}"
        )
    for item in fields(plan):
        if not np.array_equal(getattr(table, item.name), getattr(plan, item.name)):
            raise InputError(f"its {item.name} is not what the store's design has for shard {shard}")


def _column(file: h5py.File, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """A dataset that is stored in this very file, with nothing but gzip and shuffle between disk and memory."""
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise InputError(f"its {name} is a link to elsewhere")
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype != dtype or dataset.shape != shape:
        raise InputError(f"its {name} is not a dataset of {dtype} with shape {shape}")
    properties = dataset.id.get_create_plist()
    filters = {properties.get_filter(index)[0] for index in range(properties.get_nfilters())}
    if dataset.chunks != shape or dataset.is_virtual or dataset.external or not filters <= FILTERS:
        raise InputError(f"its {name} is not stored as one gzip chunk")
    return np.asarray(dataset[()])
