"""What may be found in the files of a store that somebody damaged or forged."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from propmat.samples.header import digest

BOMB = 400
"""MB that a dataset unpacks to, of a file that is within the limit of its size."""
HOSTILE: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2**31, 2**63, 2**64, 10**400, 1e308, -0.0, 0.5, float("nan"), float("inf"), "", "x", "nan",
    "proton", "../..", "\x00", "\ud800", "9" * 5000, [], {}, [[]], [None], {"": {}}, [0] * 5000, ["x"] * 5000,
    json.loads("[" * 200 + "]" * 200), 2, 4096, 10**6, 2**22, 2**34, 1e-300,
)  # fmt: skip
"""What stands in a JSON file where it should not."""


def mutate(content: bytes, dice: np.random.Generator) -> bytes:
    """Flip, cut, repeat, overwrite or move a few bytes."""
    data = bytearray(content)
    for _ in range(dice.integers(1, 4)):
        position, other = (int(value) for value in dice.integers(len(data), size=2))
        length = int(dice.integers(1, 40))
        match dice.integers(7):
            case 0:
                data[position] ^= 1 << int(dice.integers(8))
            case 1:
                del data[position : position + length]
            case 2:
                data[position:position] = data[position : position + length]
            case 3:
                data[position : position + length] = dice.bytes(length)
            case 4:
                del data[max(position, 1) :]
            case 5:
                data[position : position + length] = data[other : other + length]
            case 6:
                data[position : position + 8] = dice.choice([b"\xff" * 8, bytes(8), b"\x7f" + b"\xff" * 7])
        data = data or bytearray(b"\x00")
    return bytes(data)


def sign(path: Path) -> None:
    """Give a shard the checksum of whatever it holds now."""
    path.with_suffix(".sha256").write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")


def branches(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to everything in a nest of lists and dictionaries; of long lists to the first two."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))[:2]
    return [path, *(way for key, below in items for way in branches(below, (*path, key)))]


def changed(value: Any, dice: np.random.Generator) -> Any:
    """A copy of a nest in which something is replaced, taken away, added or doubled."""
    ways = branches(value)
    way = ways[dice.integers(len(ways))]
    hostile = HOSTILE[dice.integers(len(HOSTILE))]
    if not way:
        return hostile if dice.random() < 0.2 else value | {"more": hostile} if isinstance(value, dict) else hostile
    copy = json.loads(json.dumps(value))
    place = copy
    for key in way[:-1]:
        place = place[key]
    match dice.integers(4):
        case 0:
            del place[way[-1]]
        case 1:
            place[way[-1]] = [place[way[-1]]] * 2
        case _:
            place[way[-1]] = hostile
    return copy


@cache
def packed_zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(megabytes)) + packer.flush()


def structures(dice: np.random.Generator) -> dict[str, Callable[[h5py.File, str, h5py.Dataset], object]]:
    """What can be done to a dataset of a shard, by name; called with the file, the name and the old dataset."""

    def put(**arguments: Any) -> Callable[[h5py.File, str, h5py.Dataset], object]:
        def change(file: h5py.File, name: str, old: h5py.Dataset) -> object:
            shape = arguments.get("shape", old.shape)
            settings = {"dtype": old.dtype, "chunks": shape, "compression": "gzip", "shuffle": True} | arguments
            return file.create_dataset(name, **settings | {"shape": shape})

        return change

    def link(target: object) -> Callable[[h5py.File, str, h5py.Dataset], object]:
        return lambda file, name, old: file.__setitem__(name, target)

    def twin(file: h5py.File, name: str, old: h5py.Dataset) -> object:
        file[name] = file[next(key for key in file if key != name)]
        return None

    def values(value: object) -> Callable[[h5py.File, str, h5py.Dataset], object]:
        def change(file: h5py.File, name: str, old: h5py.Dataset) -> object:
            data = np.full(old.shape, value).astype(old.dtype)
            return file.create_dataset(name, data=data, chunks=old.shape, compression="gzip", shuffle=True)

        return change

    def bomb(file: h5py.File, name: str, old: h5py.Dataset) -> object:
        """A chunk that unpacks to far more than the dataset holds."""
        made = put()(file, name, old)
        made.id.write_direct_chunk((0,) * len(old.shape), packed_zeros(BOMB))  # type: ignore[attr-defined]
        return made

    def virtual(file: h5py.File, name: str, old: h5py.Dataset) -> object:
        layout = h5py.VirtualLayout(old.shape, old.dtype)
        layout[...] = h5py.VirtualSource(".", "elsewhere", old.shape)
        return file.create_virtual_dataset(name, layout)

    def attribute(file: h5py.File, name: str, old: h5py.Dataset) -> object:
        file[name] = old
        key = list(file.attrs)[dice.integers(len(file.attrs))]
        file.attrs[key] = [np.nan, "x" * 60_000, b"\xff", np.zeros(3)][dice.integers(4)]
        return None

    pair = np.dtype([("a", "<f8"), ("b", "<i4")])
    return {
        "nothing": lambda file, name, old: None,
        "group": lambda file, name, old: file.create_group(name),
        "scalar": lambda file, name, old: file.create_dataset(name, data=1.0),
        "empty": lambda file, name, old: file.create_dataset(name, data=h5py.Empty("f8")),
        "other": lambda file, name, old: (file.create_dataset(name, data=old[()]), file.create_dataset("more", data=1)),
        "longer": lambda file, name, old: put(shape=(2 * old.shape[0], *old.shape[1:]))(file, name, old),
        "deeper": lambda file, name, old: put(shape=(*old.shape, 1))(file, name, old),
        "resizable": lambda file, name, old: put(maxshape=(None,) * len(old.shape))(file, name, old).resize(  # type: ignore[attr-defined]
            (old.shape[0] + 1, *old.shape[1:])
        ),
        "immense": put(shape=(2**40,), chunks=(2**20,)),
        "not chunked": put(chunks=None, compression=None, shuffle=None),
        "other filter": put(compression="lzf"),
        "checked": put(fletcher32=True),
        "compound": put(dtype=pair),
        "text": put(dtype=h5py.string_dtype()),
        "lists": put(dtype=h5py.vlen_dtype(np.dtype("i4"))),
        "references": put(dtype=h5py.ref_dtype),
        "enumeration": put(dtype=h5py.enum_dtype({"x": 1}, basetype="i4")),
        "opaque": put(dtype=h5py.opaque_dtype("V8")),
        "big end": lambda file, name, old: put(dtype=old.dtype.newbyteorder(">"))(file, name, old),
        "complex": put(dtype="<c16"),
        "zeros": values(0),
        "ones": values(1),
        "bytes": values(255),
        "bomb": bomb,
        "virtual": virtual,
        "external": lambda file, name, old: file.create_dataset(
            name, shape=old.shape, dtype=old.dtype, external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)]
        ),
        "soft link": link(h5py.SoftLink("/nowhere")),
        "soft link to itself": lambda file, name, old: file.__setitem__(name, h5py.SoftLink(f"/{name}")),
        "external link": link(h5py.ExternalLink("/etc/passwd", "/")),
        "twin": twin,
        "attribute": attribute,
    }


def safe_digest(content: object) -> str:
    """The checksum of a header, or a wrong one where there is none."""
    try:
        return digest(content)
    except (ValueError, UnicodeEncodeError):
        return "0" * 64
