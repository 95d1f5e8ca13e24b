"""Parts made apart, in whatever cut, are merged into the very files of one production, or it is said why not."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from fake_particles import fake_simulate_many, tiny_particles
from fake_samples import GRID, fake_simulate, tiny_header
from fake_spectra import PAIRS, fake_simulator, tiny_design

from propmat.errors import FileError, InputError
from propmat.samples import (
    ImportedDesign,
    ParticleStore,
    SampleStore,
    create_spectra,
    open_store,
    produce,
    produce_spectra,
)
from propmat.samples.imported import ImportedSample
from propmat.samples.listed import ListedDesign
from propmat.samples.merging import merge
from propmat.samples.particle_header import ParticleTable
from propmat.samples.store import Store

# The fake simulation loses some particles on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::propmat.errors.TruncationWarning")


def histograms(path, *, shards=None, **design):
    store = SampleStore.create(path, tiny_header(**design), resume=True)
    produce(store, simulate=fake_simulate, progress=False, shards=shards)
    return store


def spectra(path, *, shards=None, **design):
    store = create_spectra(path, fake_simulator(), tiny_design(**design), matrices=PAIRS, resume=True)
    produce_spectra(store, fake_simulator(), progress=False, shards=shards)
    return store


def particles(path, *, shards=None, **design):
    store = ParticleStore.create(path, tiny_particles(**design), resume=True)
    header = store.header
    for shard in range(header.design.shards) if shards is None else shards:
        samples = header.design.shard_range(shard)
        planned, numbers = header.planned(samples), header.design.numbers(samples)
        run = fake_simulate_many(
            species="proton",
            polarity=1,
            kinetic_energy=planned["kinetic_energy"],
            parameters=planned["parameters"],
            numbers=numbers,
            seed=header.design.seed,
        )
        gain = np.where(run.truncated, np.nan, run.log_gain)
        store.write_shard(shard, ParticleTable(**planned, log_gain=gain, truncated=run.truncated))
    return store


KINDS = pytest.mark.parametrize("make", [histograms, spectra, particles])
"""Each makes the shards of a design that starts and ends where it is told."""


def same_files(first, second):
    names = [[path.name for path in sorted((store.path / "shards").iterdir())] for store in (first, second)]
    contents = [[(store.path / "shards" / name).read_bytes() for name in names[0]] for store in (first, second)]
    return names[0] == names[1] and contents[0] == contents[1]


@KINDS
@pytest.mark.parametrize("cut", [(4, 4), (5, 2)])
def test_ranges_become_the_store_of_one_production(tmp_path, make, cut):
    """However they overlap, and in whatever order they are named."""
    end, start = cut
    whole = make(tmp_path / "whole", count=11, shard_size=4)
    make(tmp_path / "b", start=start, count=11 - start, shard_size=3)
    make(tmp_path / "a", count=end, shard_size=5)
    merged = merge([tmp_path / "b", tmp_path / "a"], tmp_path / "c", shard_size=4, progress=False)
    assert same_files(merged.store, whole) and not merged.missing and not merged.damaged
    assert sum(merged.taken) == whole.header.design.samples
    assert open_store(tmp_path / "c").digest() == whole.digest()


@KINDS
def test_what_nobody_has_is_missing_and_can_be_made(tmp_path, make):
    whole = make(tmp_path / "whole", count=10, shard_size=2)
    first = make(tmp_path / "a", count=6, shard_size=2, shards=[0])
    make(tmp_path / "b", start=6, count=4, shard_size=2)
    merged = merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c", progress=False)
    assert merged.missing == merged.store.missing() == tuple(range(1, first.header.design.shards))
    make(tmp_path / "c", count=10, shard_size=2, shards=merged.missing)
    assert same_files(merged.store, whole)


@KINDS
def test_one_store_may_complete_another(tmp_path, make):
    whole = make(tmp_path / "whole", count=8, shard_size=2)
    last = whole.header.design.shards - 1
    make(tmp_path / "a", count=8, shard_size=2, shards=range(last))
    make(tmp_path / "b", count=8, shard_size=2, shards=[last])
    merged = merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c", progress=False)
    assert same_files(merged.store, whole) and all(merged.taken)


@KINDS
def test_a_merge_killed_anywhere_goes_on(tmp_path, make, monkeypatch):
    whole = make(tmp_path / "whole", count=5, shard_size=2)
    make(tmp_path / "a", count=3, shard_size=2)
    make(tmp_path / "b", start=3, count=2, shard_size=2)
    write = Store.write_shard
    left = 0

    def write_some(self, shard, table):
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        write(self, shard, table)

    monkeypatch.setattr(Store, "write_shard", write_some)
    shards = whole.header.design.shards
    for writes in [0] + [1] * (shards - 1):
        left = writes
        with pytest.raises(KeyboardInterrupt, match="resume=true"):
            merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c", resume=True, progress=False)
    left = 1
    with pytest.raises(InputError, match="is not empty"):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c", progress=False)
    merged = merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c", resume=True, progress=False)
    assert left == 0 and same_files(merged.store, whole)


@KINDS
def test_a_damaged_shard_is_named_and_used_by_nobody(tmp_path, make):
    whole = make(tmp_path / "whole", count=8, shard_size=2)
    first, second = make(tmp_path / "a", count=8, shard_size=2), make(tmp_path / "b", start=2, count=6, shard_size=2)
    first.shard_path(0).write_bytes(b"damaged")
    first.shard_path(1).write_bytes(whole.shard_path(0).read_bytes())
    stores = [first.path, second.path]
    with pytest.raises(FileError, match=r"2 damaged shard(?s:.*)a/shards/shard-00000(?s:.*)a/shards/shard-00001"):
        merge(stores, tmp_path / "c", progress=False)
    assert not (tmp_path / "c" / "store.json").exists()
    merged = merge(stores, tmp_path / "c", skip_damaged=True, progress=False)
    assert len(merged.damaged) == 2 and 0 in merged.missing
    kept = [shard for shard in range(whole.header.design.shards) if shard not in merged.missing]
    assert kept and all(
        merged.store.shard_path(shard).read_bytes() == whole.shard_path(shard).read_bytes() for shard in kept
    )


@KINDS
def test_a_gap_is_named_before_anything_is_written(tmp_path, make):
    make(tmp_path / "a", count=2, shards=[])
    make(tmp_path / "b", start=7, count=2, shards=[])
    with pytest.raises(InputError, match=r"numbers 2 to 6 .*samples\.start=2 samples\.count=5"):
        merge([tmp_path / "b", tmp_path / "a"], tmp_path / "c", progress=False)
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"simulator": "other"}, r"simulator \(other, not fake\)"),
        ({"simulator_version": "2"}, r"simulator_version \(2, not 1\)"),
        ({"model": {"r_hp": 110.0, "name": "paper", "drift": True, "order": 2}}, r"model\.r_hp \(110.0, not 122.0\)"),
        ({"grid": GRID.every(2)}, "grid"),
        ({"space": "heliosphere_table_ii"}, r"space \(heliosphere_table_ii, not heliosphere\)"),
        ({"design": tiny_header(seed=4, particles=30).design}, r"design\.particles \(30, not 20\), design\.seed \(4"),
        ({"design": ListedDesign(((5.0, 15.0, 0.1, 0.5, 2.0),), particles=20)}, r"design\.kind \(listed, not sobol\)"),
    ],
)
def test_samples_of_two_simulations_never_mix(tmp_path, change, message):
    header = tiny_header()
    SampleStore.create(tmp_path / "a", header)
    SampleStore.create(tmp_path / "b", replace(header, **change))
    with pytest.raises(InputError, match=message):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c", progress=False)
    assert not (tmp_path / "c").exists()


def test_stores_of_two_kinds_are_refused(tmp_path):
    histograms(tmp_path / "a", shards=[])
    spectra(tmp_path / "b", shards=[])
    with pytest.raises(InputError, match=r"a holds histograms .*b local interstellar spectra"):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c", progress=False)


def test_lists_become_one_list(tmp_path):
    points = tuple(map(tuple, tiny_header(count=7).design.points(tiny_header().parameter_space).tolist()))

    def make(name, chosen, shard_size):
        header = replace(tiny_header(), design=ListedDesign(chosen, particles=20, seed=3, shard_size=shard_size))
        store = SampleStore.create(tmp_path / name, header)
        produce(store, simulate=fake_simulate, progress=False)
        return store

    whole = make("whole", points, 4)
    make("a", points[:4], 4)
    make("b", points[:1:-1], 3)
    merged = merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c", progress=False)
    assert merged.store.header.design.listed == points[:4] + points[:3:-1] and not merged.missing
    expected, found = whole.read(), merged.store.read()
    order = [expected.key.tolist().index(key) for key in found.key.tolist()]
    assert sorted(order) == list(range(14))
    assert all(np.array_equal(getattr(found, name), getattr(expected.select(order), name)) for name in vars(found))


def test_imports_become_one_import(tmp_path):
    entries = [
        ImportedSample(f"{n}.csv", f"{n}" * 64, (5.0, 15.0, 0.1, 0.5, 2.0 + n / 8), "proton", 1, 20) for n in range(3)
    ]
    whole, *parts = (
        histograms_of(tmp_path / name, ImportedDesign(tuple(chosen), 2))
        for name, chosen in (("whole", entries), ("a", entries[:2]), ("b", entries[1:]))
    )
    merged = merge([part.path for part in parts], tmp_path / "c", progress=False)
    assert merged.taken == (2, 1) and same_files(merged.store, whole)
    other = replace(entries[0], sha256="f" * 64, file="other.csv")
    histograms_of(tmp_path / "other", ImportedDesign((other,), 2))
    with pytest.raises(InputError, match=r"0\.csv and other\.csv are of the same"):
        merge([tmp_path / "a", tmp_path / "other"], tmp_path / "d", progress=False)


def histograms_of(path, design):
    store = SampleStore.create(path, replace(tiny_header(), design=design))
    produce(store, simulate=fake_simulate, progress=False)
    return store


def test_a_merged_store_says_where_its_samples_come_from_and_is_merged_again(tmp_path):
    whole = histograms(tmp_path / "whole", count=6, shard_size=4)
    for number in range(3):
        histograms(tmp_path / f"part{number}", start=2 * number, count=2)
    merge([tmp_path / "part1", tmp_path / "part0"], tmp_path / "c", progress=False, command=("propmat", "data", "x"))
    merged = merge([tmp_path / "c", tmp_path / "part2"], tmp_path / "d", progress=False)
    assert same_files(merged.store, whole)
    assert open_store(tmp_path / "c").header.provenance["command"] == "propmat data x"
    sources = open_store(tmp_path / "d").header.provenance["merged from"]
    assert [sources.count(f"part{number} (pytest") for number in range(3)] == [1, 1, 1]


def test_only_different_stores_go_into_another_folder(tmp_path):
    first, second = (histograms(tmp_path / name, start=start, shards=[]).path for name, start in (("a", 0), ("b", 5)))
    for stores, output in (([first], "c"), ([first, tmp_path / "b" / ".." / "a"], "c"), ([first, second], "b")):
        with pytest.raises(InputError, match="at least two"):
            merge(stores, tmp_path / output, progress=False)
    with pytest.raises(FileError, match="not a sample store"):
        merge([first, tmp_path / "nothing"], tmp_path / "c", progress=False)
    with pytest.raises(InputError, match="is not empty"):
        shutil.copytree(first, tmp_path / "copy")
        merge([first, second], tmp_path / "copy", progress=False)
    with pytest.raises(FileError, match=r"differ .*design\.count"):
        merge([first, second], tmp_path / "copy", resume=True, progress=False)
