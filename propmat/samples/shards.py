"""One shard of samples as HDF5 bytes. The same samples give the same bytes, wherever they were made.

A shard is plain datasets, one a column. What is read is not trusted: names, types, shapes, filters and sizes are
checked before any content is touched, then the content against the plan of the store.
"""

from __future__ import annotations

import io
import json
import zlib
from typing import Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray

from propmat.errors import InputError
from propmat.samples.header import SCHEMA, Header, TableT

LIBRARY_FORMAT: Final = ("v110", "v110")
FILTERS: Final = [h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE]


def size_limit(header: Header[Any]) -> int:
    """Most bytes a shard of this store can have: its numbers uncompressed, and 1 MiB for the rest."""
    columns = header.columns(header.design.shard_size).values()
    return 2**20 + sum(dtype.itemsize * int(np.prod(shape)) for dtype, shape in columns)


def encode(header: Header[TableT], shard: int, table: TableT) -> bytes:
    """The bytes of a shard.

    Raises:
        InputError: the table is not what the plan has for this shard.
    """
    datasets = header.pack(shard, table)
    identity = header.identity()
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=LIBRARY_FORMAT) as file:
        file.attrs["schema"] = SCHEMA
        file.attrs["shard"] = shard
        for name in ("simulator", "simulator_version", "space"):
            file.attrs[name] = str(identity[name])
        for name, value in (("model", identity["model"]), ("design", header.design.summary())):
            file.attrs[name] = json.dumps(value, sort_keys=True)
        for name, data in datasets.items():
            file.create_dataset(
                name,
                data=data,
                chunks=data.shape,
                compression="gzip",
                compression_opts=9,
                shuffle=True,
                track_times=False,
            )
    return buffer.getvalue()


def decode(header: Header[TableT], shard: int, content: bytes) -> TableT:
    """The samples of a shard's bytes.

    Raises:
        InputError: not HDF5, datasets other than the header's columns, or samples other than the plan's.
    """
    expected = header.columns(len(header.design.shard_range(shard)))
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            if set(file) != set(expected):
                raise InputError(f"it holds {sorted(file)} instead of {sorted(expected)}")
            columns = {name: _column(file, name, *expected[name], len(content)) for name in expected}
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, zlib.error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"it is not a readable HDF5 file ({error})") from None
    return header.unpack(shard, columns)


def _column(file: h5py.File, name: str, dtype: np.dtype[Any], shape: tuple[int, ...], file_size: int) -> NDArray[Any]:
    """A dataset that is stored in this very file, with nothing but shuffle and gzip between disk and memory."""
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise InputError(f"its {name} is a link to elsewhere")
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype != dtype or dataset.shape != shape:
        raise InputError(f"its {name} is not a dataset of {dtype} with shape {shape}")
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(index)[0] for index in range(properties.get_nfilters())]
    if dataset.chunks != shape or dataset.is_virtual or dataset.external or filters != FILTERS:
        raise InputError(f"its {name} is not stored as one shuffled gzip chunk")
    if dataset.id.get_storage_size() > file_size:
        raise InputError(f"its {name} is said to be larger than the file")
    # HDF5 unpacks to the end of a stream before it looks at the size: a few bytes could fill the memory.
    skipped, packed = dataset.id.read_direct_chunk((0,) * len(shape))
    size = dtype.itemsize * int(np.prod(shape))
    if skipped or len(zlib.decompressobj().decompress(packed, size + 1)) != size:
        raise InputError(f"its {name} does not unpack to {size} bytes")
    return np.asarray(dataset[()])
