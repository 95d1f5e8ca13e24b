"""The status of a store: from its folder alone, numbers that add up, and nothing changed by looking."""

import os
from dataclasses import replace

import pytest
from fake_samples import fake_simulate, tiny_header

from propmat.cli.data_status import described
from propmat.samples import SampleStore
from propmat.samples.claims import Clock, take, work_folder
from propmat.samples.files import SILENT
from propmat.samples.production import histogram_tables
from propmat.samples.status import STARTED, finished_units, read_status
from propmat.samples.worker import begin, finish, work


@pytest.fixture
def store(tmp_path):
    store = SampleStore.create(tmp_path / "store", tiny_header(count=12))
    begin(store)
    return store


def tables(store, fails=()):
    def run(samples):
        if set(fails) & set(samples):
            raise ValueError("the sheet is torn")
        yield from histogram_tables(store.header, fake_simulate)(samples)

    return run


def listing(path):
    return {str(item): item.stat().st_mtime_ns for item in path.rglob("*") if item.is_file()}


def test_numbers_add_up_while_units_are_in_work(store):
    work(store, tables(store), units=[0, 4])
    folder = work_folder(store.path)
    started = (folder / STARTED).stat().st_mtime
    os.utime(folder / STARTED, (started - 100.0, started - 100.0))
    with take(folder, 1, 4, Clock(folder)) as hold:
        hold.done = 2
        hold.beat()
        before = listing(store.path)
        found = read_status(store)
        assert listing(store.path) == before
    assert (found.units, found.finished, found.samples, found.done) == (6, 2, 24, 10)
    (mine,) = found.at_work
    assert (mine.unit, mine.done, mine.total, mine.silent) == (1, 2, 4, False)
    assert mine.worker.endswith(str(os.getpid())) and 0.0 <= mine.seconds < 60.0
    assert found.rate == pytest.approx(0.1, rel=0.1)  # ten samples in a good hundred seconds
    assert found.seconds_left == pytest.approx(140.0, rel=0.1)
    assert not found.is_complete and not found.is_over
    text = described(found)
    assert "2 of 6 finished, 1 in work, 0 failed" in text and "10 of 24" in text and "2/4" in text


def test_what_was_there_before_this_production_is_no_part_of_its_rate(store):
    work(store, tables(store), units=[0, 4])
    begin(store)
    assert read_status(store).rate is None and read_status(store).seconds_left is None
    assert "unknown" in described(read_status(store))


def test_a_silent_worker_is_told_from_one_at_work(store):
    folder = work_folder(store.path)
    with take(folder, 1, 4, Clock(folder)) as hold:
        hold.done = 3
        hold.beat()
        path = folder / "shard-00001.claim"
        old = path.stat().st_mtime - 2 * SILENT
        os.utime(path, (old, old))
        found = read_status(store)
    assert found.at_work[0].silent and found.done == 0
    assert "another worker will take over" in described(found)


def test_failed_units_are_told_and_end_the_waiting(store):
    work(store, tables(store, fails=[9]))
    found = read_status(store)
    assert (found.finished, len(found.failed)) == (5, 1)
    assert found.is_over and not found.is_complete and found.seconds_left == 0.0
    assert "shard 2, attempt 3 of 3: sample 8 (B0 = " in described(found)
    assert not replace(found, failed=(replace(found.failed[0], attempts=1),)).is_over


def test_a_complete_store_has_nothing_left(store):
    work(store, tables(store))
    finish(store)
    found = read_status(store)
    assert found.is_complete and found.is_over and found.done == found.samples == 24
    assert not found.at_work and not found.failed and "left" not in described(found)


def test_a_shard_without_checksum_or_with_another_name_does_not_count(store):
    work(store, tables(store), units=[0, 1])
    store.shard_path(1).with_suffix(".sha256").unlink()
    (store.path / "shards" / "shard-00002.h5.host.1.0a1b2c3d.tmp").write_text("")
    (store.path / "shards" / "notes.txt").write_text("")
    for suffix in ("h5", "sha256"):
        (store.path / "shards" / f"shard-000003.{suffix}").write_text("")
    assert finished_units(store.path) == {0}
