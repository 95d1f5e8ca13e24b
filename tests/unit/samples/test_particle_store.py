"""A store of particles gives back what was put in, two bytes a particle, and never another particle's."""

import hashlib
import json
import shutil
import tracemalloc
import zlib

import h5py
import numpy as np
import pytest
from fake_particles import assert_same, columns, fake_simulate_many, tiny_particles

from propmat.errors import FileError, InputError
from propmat.samples import (
    Channel,
    GainCode,
    ParticleHeader,
    ParticleStore,
    SampleStore,
    make_particles,
    open_store,
    particle_design,
)


def fill(path, header):
    store = ParticleStore.create(path, header)
    for shard in store.missing():
        store.write_shard(shard, make_particles(header, shard, simulate_many=fake_simulate_many))
    return store


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("particles") / "store", tiny_particles())


@pytest.fixture
def store(finished, tmp_path):
    shutil.copytree(finished.path, tmp_path / "store")
    return ParticleStore.open(tmp_path / "store")


def test_read_gives_what_was_made(finished):
    made = make_particles(finished.header, range(1000), simulate_many=fake_simulate_many)
    table = finished.read()
    np.testing.assert_allclose(table.log_gain, made.log_gain, rtol=2e-4, atol=1e-6)
    for name in set(columns(made)) - {"log_gain"}:
        np.testing.assert_array_equal(getattr(table, name), getattr(made, name))
    assert [len(part) for part in finished.tables()] == [300, 300, 300, 100]
    assert_same(type(table).concatenate(list(finished.tables())), table)
    assert not finished.verify() and not finished.missing()


def test_shards_do_not_depend_on_order_or_pieces(finished, tmp_path):
    other = ParticleStore.create(tmp_path / "other", tiny_particles())
    for shard in (2, 0, 3, 1):
        other.write_shard(shard, make_particles(other.header, shard, simulate_many=fake_simulate_many, piece=77))
        assert other.shard_path(shard).read_bytes() == finished.shard_path(shard).read_bytes()
    assert other.digest() == finished.digest()
    again = other.read_shard(1)  # what was read can be written again and is the same
    other.write_shard(1, again)
    assert other.digest() == finished.digest()


def test_any_store_opens_as_what_it_is(finished):
    assert isinstance(open_store(finished.path), ParticleStore)
    with pytest.raises(InputError, match="single particles of the heliosphere; histograms"):
        SampleStore.open(finished.path)
    header = ParticleStore.open(finished.path).header
    assert header.design == finished.header.design and header.grid == GainCode()
    assert ParticleHeader.from_json(header.to_json()).differences(tiny_particles()) == ()
    assert header.differences(tiny_particles(energy_low=0.2, start=2)) == ("design.energy_low", "design.start")


def test_the_largest_store_opens_without_its_particles(tmp_path):
    text = tiny_particles(count=2**34, shard_size=2**22).to_json()
    tracemalloc.start()
    store = ParticleStore(tmp_path, ParticleHeader.from_json(text))
    assert len(store.missing()) == 4096
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**21


def test_a_shard_costs_two_bytes_a_particle(tmp_path):
    store = fill(tmp_path / "store", tiny_particles(count=50_000, shard_size=50_000))
    assert store.shard_path(0).stat().st_size < 2 * 50_000


def test_the_key_of_a_shard_is_of_its_particles_not_of_the_store():
    header = tiny_particles()
    same = tiny_particles(count=700, shard_size=50, start=300)
    assert header.key(range(300, 350)) == same.key(range(50))
    others = [
        tiny_particles(**change)
        for change in ({"seed": 4}, {"energy_low": 0.2}, {"channels": (Channel("proton", 1),)}, {"start": 1})
    ]
    keys = [other.key(range(50)) for other in [header, *others]] + [header.key(range(51))]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("shard", [0, 3])
def test_a_table_goes_only_where_it_belongs(store, shard):
    with pytest.raises(InputError, match=r"its parameters is not|particles, not"):
        store.write_shard(1, store.read_shard(2 if shard == 0 else 3))
    table = store.read_shard(shard)
    flipped = type(table)(**columns(table) | {"drift_sign": -table.drift_sign})
    with pytest.raises(InputError, match="its drift_sign is not"):
        store.write_shard(shard, flipped)


def test_another_sobol_sequence_or_space_is_refused(store, monkeypatch):
    draw = particle_design._draw
    monkeypatch.setattr(particle_design, "_draw", lambda engine, number: 1.0 - draw(engine, number))
    with pytest.raises(FileError, match="Sobol sequence, or the space 'heliosphere', has changed"):
        ParticleStore.open(store.path)


@pytest.mark.parametrize(
    "change",
    [
        {"content": "particle"},
        {"content": ["particles"]},
        {"points": None},
        {"points": 7},
        {"grid": {"scale": 0.004}},
        {"grid": {"scale": 0.004, "limit": "30"}},
        {"grid": {"scale": [], "limit": 30.0}},
        {"space": "galaxy"},
        {"design": {}},
        {"design": {"kind": "sobol"}},
        {"design": {"count": 10**30}},
        {"design": {"count": "10"}},
        {"design": {"channels": [["proton", 2]]}},
        {"design": {"channels": "proton"}},
        {"design": {"energy_low": None}},
    ],
)
def test_a_forged_header_is_refused(store, change):
    forge(store, change)
    with pytest.raises(FileError, match=r"store\.json is damaged"):
        ParticleStore.open(store.path)


@pytest.mark.parametrize(
    "change", [{"design": {"start": 5}}, {"grid": {"scale": 0.004, "limit": 40.0}}, {"simulator_version": "2"}]
)
def test_the_shards_of_another_header_are_refused(store, change):
    forge(store, change)
    with pytest.raises(FileError, match="its key is not"):
        ParticleStore.open(store.path).read_shard(0)


def forge(store, change):
    """Change the header, with a right checksum; of the design, only some values (all at {})."""
    content = json.loads((store.path / "store.json").read_text())
    del content["sha256"]
    content |= {"design": content["design"] | change["design"]} if change.get("design") else change
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    content["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    (store.path / "store.json").write_text(json.dumps(content))


def sign(store, shard):
    path = store.shard_path(shard)
    path.with_suffix(".sha256").write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")


def hostile():
    plain = {"chunks": (300,), "compression": "gzip", "shuffle": True}

    def put(**arguments):
        def change(file):
            del file["log_gain"]
            return file.create_dataset("log_gain", **arguments)

        return change

    def bomb(file):
        dataset = put(shape=(300,), dtype="<u2", **plain)(file)
        dataset.id.write_direct_chunk((0,), zlib.compress(bytes(10**8), 9))

    def skipped(file):
        dataset = put(shape=(300,), dtype="<u2", **plain)(file)
        dataset.id.write_direct_chunk((0,), bytes(600), filter_mask=3)

    def key(file):
        file["key"][0] = b"0" * 64

    def link(file):
        del file["log_gain"]
        file["log_gain"] = h5py.ExternalLink("elsewhere.h5", "/log_gain")

    return {
        "too long": put(data=np.zeros(301, "<u2"), **plain | {"chunks": (301,)}),
        "huge": put(shape=(10**12,), dtype="<u2", **plain),
        "signed": put(data=np.zeros(300, "<i2"), **plain),
        "big-endian": put(data=np.zeros(300, ">u2"), **plain),
        "empty chunk": put(shape=(300,), dtype="<u2", **plain),
        "two chunks": put(data=np.zeros(300, "<u2"), **plain | {"chunks": (150,)}),
        "uncompressed": put(data=np.zeros(300, "<u2"), chunks=(300,)),
        "bomb": bomb,
        "skipped filters": skipped,
        "other key": key,
        "link": link,
        "extra": lambda file: file.create_dataset("extra", data=1),
    }


@pytest.mark.parametrize("name", hostile())
def test_hostile_content_is_refused_before_use(store, name):
    with h5py.File(store.shard_path(0), "a") as file:
        hostile()[name](file)
    sign(store, 0)
    tracemalloc.start()
    with pytest.raises(FileError, match="shard-00000"):
        store.read_shard(0)
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()
    assert store.missing() == (0,)


def test_a_shard_of_another_place_or_store_is_refused(store, tmp_path):
    shutil.copy(store.shard_path(0), store.shard_path(1))
    sign(store, 1)
    with pytest.raises(FileError, match="its key is not"):
        store.read_shard(1)
    foreign = fill(tmp_path / "foreign", tiny_particles(seed=4))
    shutil.copy(foreign.shard_path(0), store.shard_path(0))
    sign(store, 0)
    with pytest.raises(FileError, match="its key is not"):
        store.read_shard(0)


def test_bytes_that_change_are_noticed_even_with_a_forged_checksum(store, finished):
    generator, right = np.random.default_rng(7), finished.read_shard(0)
    original = finished.shard_path(0).read_bytes()
    refused = 0
    for _ in range(300):
        content = bytearray(original)
        for _ in range(generator.integers(1, 4)):
            place, length = int(generator.integers(len(content))), int(generator.integers(1, 30))
            match generator.integers(3):
                case 0:
                    content[place] ^= 1 << int(generator.integers(8))
                case 1:
                    del content[place : place + length]
                case 2:
                    content[place : place + length] = generator.bytes(length)
        store.shard_path(0).write_bytes(content)
        sign(store, 0)
        try:
            assert_same(store.read_shard(0), right)
        except FileError as error:
            assert "shard-00000" in str(error)
            refused += 1
    assert refused > 150
