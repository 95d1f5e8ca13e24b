"""Whatever happens to the bytes of a store: FileError, or the right samples."""

import hashlib
import shutil

import numpy as np
import pytest
from fake_samples import fake_simulate, tiny_header

from propmat.errors import FileError
from propmat.samples import SampleStore, produce

# The fake simulation loses some particles on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::propmat.errors.TruncationWarning")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    store = SampleStore.create(tmp_path_factory.mktemp("fuzz") / "store", tiny_header())
    produce(store, simulate=fake_simulate, progress=False)
    return store


def mutate(content: bytes, generator: np.random.Generator) -> bytes:
    """Flip, cut, repeat or overwrite a few bytes."""
    data = bytearray(content)
    for _ in range(generator.integers(1, 4)):
        position = int(generator.integers(len(data)))
        length = int(generator.integers(1, 40))
        match generator.integers(5):
            case 0:
                data[position] ^= 1 << int(generator.integers(8))
            case 1:
                del data[position : position + length]
            case 2:
                data[position:position] = data[position : position + length]
            case 3:
                data[position : position + length] = generator.bytes(length)
            case 4:
                del data[max(position, 1) :]
    return bytes(data)


def read(path):
    """The samples in a folder, or the FileError."""
    try:
        return SampleStore.open(path).read()
    except FileError as error:
        return error


@pytest.mark.parametrize("name", ["store.json", "shards/shard-00000.h5", "shards/shard-00001.sha256"])
def test_accidents(finished, tmp_path, name):
    shutil.copytree(finished.path, tmp_path / "store")
    generator, right = np.random.default_rng(1), finished.read()
    original = (finished.path / name).read_bytes()
    for _ in range(80):
        (tmp_path / "store" / name).write_bytes(mutate(original, generator))
        result = read(tmp_path / "store")
        if isinstance(result, FileError):
            assert str(tmp_path / "store") in str(result)
        else:
            assert np.array_equal(result.key, right.key) and np.array_equal(result.counts, right.counts)
            assert np.array_equal(result.propagation_time_mean, right.propagation_time_mean)


def test_shards_with_a_forged_checksum(finished, tmp_path):
    shutil.copytree(finished.path, tmp_path / "store")
    generator = np.random.default_rng(2)
    path = tmp_path / "store" / "shards" / "shard-00000.h5"
    original = path.read_bytes()
    refused = 0
    for _ in range(200):
        content = mutate(original, generator)
        path.write_bytes(content)
        path.with_suffix(".sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  {path.name}\n")
        result = read(tmp_path / "store")
        if isinstance(result, FileError):
            refused += 1
        else:
            assert np.array_equal(result.key, finished.header.plan.key)
            assert np.all(result.counts.sum(axis=-1) + result.truncated == 20)
    assert refused > 100
