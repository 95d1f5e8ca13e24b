"""A store gives back what was put in, or says which file is wrong and what to do."""

import hashlib
import json
import shutil

import h5py
import numpy as np
import pytest
from fake_samples import GRID, fake_simulate, tiny_header

from propmat.errors import FileError, InputError
from propmat.resources import datasets_dir
from propmat.samples import Design, SampleStore, StoreHeader, produce

# The fake simulation loses some particles on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::propmat.errors.TruncationWarning")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    store = SampleStore.create(tmp_path_factory.mktemp("samples") / "store", tiny_header())
    produce(store, simulate=fake_simulate, progress=False)
    return store


@pytest.fixture
def store(finished, tmp_path):
    shutil.copytree(finished.path, tmp_path / "store")
    return SampleStore.open(tmp_path / "store")


def sign(store, shard):
    """Give a shard the checksum of whatever it holds now."""
    path = store.shard_path(shard)
    path.with_suffix(".sha256").write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")


def test_read_gives_every_planned_sample(store):
    table = store.read()
    assert np.array_equal(table.key, store.header.plan.key)
    assert table.counts.shape == (10, *GRID.shape) and table.counts.dtype == np.uint32
    assert not store.missing() and not store.verify()
    assert SampleStore.open(store.path).digest() == store.digest()


def test_the_header_survives_exactly(store):
    header = tiny_header()
    assert store.header.differences(header) == ()
    assert np.array_equal(store.header.grid.lis_edges, header.grid.lis_edges)
    assert store.header.provenance == header.provenance and store.header.model == header.model


def test_shards_do_not_depend_on_order_or_worker(finished, tmp_path):
    other = SampleStore.create(tmp_path / "other", tiny_header())
    for shard in (2, 0, 1):
        produce(SampleStore.open(other.path), shards=[shard], simulate=fake_simulate, progress=False)
    for shard in range(3):
        assert other.shard_path(shard).read_bytes() == finished.shard_path(shard).read_bytes()
    assert other.digest() == finished.digest()


def test_a_shard_says_what_it_is(store):
    with h5py.File(store.shard_path(1)) as file:
        assert file.attrs["simulator"] == "fake" and file.attrs["simulator_version"] == "1"
        assert json.loads(file.attrs["model"])["r_hp"] == 122.0
        assert json.loads(file.attrs["design"])["seed"] == 3 and file.attrs["shard"] == 1


def test_large_counts_survive(tmp_path):
    grid = type(GRID).relative([1.0, 2.0], [0.0, 0.5, 1.0])
    header = StoreHeader("fake", "1", {}, grid, "heliosphere", Design(count=1, particles=70_000))
    store = SampleStore.create(tmp_path, header)
    produce(store, simulate=fake_simulate, progress=False)
    assert store.read().counts.max() > np.iinfo(np.uint16).max


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes() + b"x"),
        lambda path: path.write_bytes(bytes(10**6)),
        lambda path: path.with_suffix(".sha256").write_text("nonsense"),
        lambda path: path.with_suffix(".sha256").write_bytes(b"\xff\xfe"),
        lambda path: shutil.copy(path.with_name("shard-00000.h5"), path),
    ],
)
def test_damage_is_named_never_used_and_redone(store, finished, damage, capsys):
    path = store.shard_path(1)
    damage(path)
    with pytest.raises(FileError, match=r"shard-00001.*(resume=true|larger)"):
        store.read()
    assert list(store.verify()) == [1] and store.missing() == (1,)
    produce(store, simulate=fake_simulate, progress=False)
    assert "shard-00001" in capsys.readouterr().err
    assert path.read_bytes() == finished.shard_path(1).read_bytes() and not store.missing()


def test_another_shard_with_a_right_checksum_is_refused(store):
    shutil.copy(store.shard_path(0), store.shard_path(1))
    sign(store, 1)
    with pytest.raises(FileError, match="its key is not"):
        store.read()


def hostile_shards():
    def put(name, **arguments):
        def change(file):
            del file[name]
            file.create_dataset(name, **arguments)

        return change

    def link(target):
        def change(file):
            del file["counts"]
            file["counts"] = target

        return change

    def virtual(file):
        layout = h5py.VirtualLayout((4, 3, 11), "<u2")
        layout[:] = h5py.VirtualSource("elsewhere.h5", "counts", (4, 3, 11))
        del file["counts"]
        file.create_virtual_dataset("counts", layout)

    def external(file):
        del file["seed"]
        file.create_dataset("seed", (4,), "<u8", external=[("elsewhere", 0, 32)])

    def group(file):
        del file["counts"]
        file.create_group("counts")

    return {
        "huge": put("counts", shape=(10**6, 10**6), dtype="<u2", chunks=(100, 100)),
        "type": put("counts", shape=(4, 3, 11), dtype="<f8", chunks=(4, 3, 11)),
        "unchunked": put("counts", shape=(4, 3, 11), dtype="<u2"),
        "other filter": put("seed", shape=(4,), dtype="<u8", chunks=(4,), compression="lzf"),
        "text": put("key", shape=(4,), dtype=h5py.string_dtype(), chunks=(4,)),
        "not ascii": put("key", data=np.array([b"\xff" * 64] * 4), chunks=(4,)),
        "zeros": put("counts", shape=(4, 3, 11), dtype="<u2", chunks=(4, 3, 11)),
        "nan": put("propagation_time_mean", data=np.full((4, 3), np.nan, "<f4"), chunks=(4, 3)),
        "external link": link(h5py.ExternalLink("elsewhere.h5", "/counts")),
        "soft link": link(h5py.SoftLink("/truncated")),
        "virtual": virtual,
        "external storage": external,
        "group": group,
        "extra": lambda file: file.create_dataset("extra", data=1),
    }


@pytest.mark.parametrize("name", hostile_shards())
def test_hostile_content_is_refused_before_use(store, name):
    with h5py.File(store.shard_path(0), "a") as file:
        hostile_shards()[name](file)
    sign(store, 0)
    with pytest.raises(FileError, match="shard-00000"):
        store.read_shard(0)
    assert store.missing() == (0,)


def test_a_shard_without_checksum_is_unfinished(store):
    store.shard_path(2).with_suffix(".sha256").unlink()
    assert store.missing() == (2,) and not store.verify()
    assert len(store.read(require_complete=False)) == 8
    with pytest.raises(FileError, match="2 of its 3 shards"):
        store.read()


def test_a_table_goes_only_where_it_belongs(store):
    with pytest.raises(InputError, match="its key is not"):
        store.write_shard(1, store.read_shard(0))
    with pytest.raises(InputError, match="shard 2 has 2 samples"):
        store.write_shard(2, store.read_shard(0))


def test_a_folder_in_use_is_left_alone(tmp_path, store):
    with pytest.raises(InputError, match="resume=true"):
        SampleStore.create(store.path, tiny_header())
    assert SampleStore.create(store.path, tiny_header(), resume=True).header.differences(tiny_header()) == ()
    with pytest.raises(FileError, match=r"design\.count, design\.seed"):
        SampleStore.create(store.path, tiny_header(count=6, seed=1), resume=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("do not lose")
    with pytest.raises(FileError, match="not a sample store"):
        SampleStore.create(tmp_path / "mine", tiny_header(), resume=True)
    with pytest.raises(FileError, match="not a sample store"):
        SampleStore.open(tmp_path / "mine")


def test_an_unwritable_place_fails_before_any_simulation(tmp_path, store):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot write"):
        SampleStore.create(tmp_path / "file" / "store", tiny_header())
    shutil.rmtree(store.path / "shards")
    (store.path / "shards").write_text("")
    with pytest.raises(FileError, match="cannot write"):
        produce(store, simulate=lambda **_: pytest.fail("simulated"), progress=False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"schema": 2}',
        '{"schema": 1, "sha256": "0"}',
        "[" * 10**5,
        '{"schema": 1, "a": NaN}',
        "\ud800",
    ],
)
def test_a_damaged_header_is_refused(store, text):
    (store.path / "store.json").write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(FileError, match=r"store\.json is damaged"):
        SampleStore.open(store.path)


def test_shipped_stores_keep_their_keys_and_digests():
    """What was made with an earlier version stays what it was, to the last byte of its header."""
    store = SampleStore.open(datasets_dir() / "samples" / "heliosphere_test")
    assert store.header.plan.key[0] == "ea8c1df60a1b6aa33093ab673a227da8b094e560ee84daef9508ddeba565e530"
    assert store.digest() == "0abd0295bf03ec12042e0d6a0a35f1a2abdc114cc00855aced94d88f361fa668"
    assert store.header.to_json() == (store.path / "store.json").read_text()
    assert not store.verify() and not store.missing()
