"""Workers: any of them takes any unit, failures are counted and left out, what they fill is what one process fills."""

import itertools
import json
import os
import threading

import pytest
from fake_samples import fake_simulate, tiny_header

from propmat.errors import FileError
from propmat.samples import SampleStore, worker
from propmat.samples.claims import Clock, take, work_folder
from propmat.samples.failures import UnitsFailed, read_failures
from propmat.samples.production import histogram_tables
from propmat.samples.status import open_units
from propmat.samples.worker import begin, finish, work


def contents(store):
    return {path.name: path.read_bytes() for path in (store.path / "shards").iterdir()}


def make(path, **design):
    store = SampleStore.create(path, tiny_header(**design))
    begin(store)
    return store


def tables(store, calls=None, fails=()):
    """The fake simulation; it notes the samples it makes and raises at some of them."""
    made = histogram_tables(store.header, fake_simulate)

    def run(samples):
        for sample in samples:
            if calls is not None:
                calls.append(sample)
            if sample in fails:
                raise ValueError("the sheet is torn")
            yield from made(range(sample, sample + 1))

    return run


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    store = make(tmp_path_factory.mktemp("whole") / "store", count=12)
    work(store, tables(store))
    finish(store)
    return contents(store)


@pytest.mark.parametrize("start", [0, 3, 5])
def test_the_order_of_the_units_does_not_show(tmp_path, whole, start):
    store, calls = make(tmp_path / "store", count=12), []
    work(store, tables(store, calls), start=start)
    finish(store)
    assert calls[0] == 4 * start and sorted(calls) == list(range(24))
    assert contents(store) == whole and not work_folder(store.path).exists()


def test_workers_share_a_store(tmp_path, whole):
    store, calls = make(tmp_path / "store", count=12), [[], [], []]
    threads = [threading.Thread(target=work, args=(store, tables(store, mine))) for mine in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    finish(store)
    assert sorted(itertools.chain(*calls)) == list(range(24)), "a unit was made twice"
    assert contents(store) == whole


def test_two_that_make_the_same_unit_do_no_harm(tmp_path, whole):
    """As when a worker that was silent for long, and lost its unit, comes back."""
    store = make(tmp_path / "store", count=12)

    def overtaken(samples):
        for table in tables(store)(samples):
            if samples[0] == 4 and not (store.path / "shards" / "shard-00001.sha256").exists():
                (work_folder(store.path) / "shard-00001.claim").unlink()
                work(store, tables(store), units=[1])
            yield table

    work(store, overtaken)
    finish(store)
    assert contents(store) == whole


def test_a_unit_of_another_is_waited_for_and_taken_over_when_that_one_dies(tmp_path, whole):
    store, calls = make(tmp_path / "store", count=12), []
    assert take(work_folder(store.path), 2, 4, Clock(work_folder(store.path))) is not None
    thread = threading.Thread(target=work, args=(store, tables(store, calls)))
    thread.start()
    while open_units(store) != [2]:
        threading.Event().wait(0.01)
    threading.Event().wait(0.3)
    assert thread.is_alive() and not {8, 9, 10, 11} & set(calls)
    path = work_folder(store.path) / "shard-00002.claim"
    os.utime(path, (0.0, 0.0))
    thread.join(10.0)
    assert not thread.is_alive() and calls[-4:] == [8, 9, 10, 11]
    finish(store)
    assert contents(store) == whole


def test_a_worker_that_waits_while_another_ends_the_production_ends_too(tmp_path, whole, monkeypatch):
    """The work folder goes just when a worker looks at its clock."""
    store, looks = make(tmp_path / "store", count=12), []

    def clock(folder):
        if not looks:
            looks.append(folder)
            work(store, tables(store))
            finish(store)
            assert not folder.exists()
        return Clock(folder)

    monkeypatch.setattr(worker, "Clock", clock)
    work(store, tables(store, fails=range(24)))
    finish(store)
    assert looks and contents(store) == whole


def test_what_fails_is_tried_again_then_left_out_with_its_parameters(tmp_path, whole, capsys):
    store, calls = make(tmp_path / "store", count=12), []
    work(store, tables(store, calls, fails=[6]))
    assert calls.count(6) == 3 and calls.count(7) == 0
    assert calls.index(20) < len(calls) - 1 - calls[::-1].index(6), "the rest does not wait for it"
    assert store.missing() == (1,) and "ValueError: the sheet is torn" in capsys.readouterr().err
    failure = read_failures(store.path)[1]
    names, point = store.header.parameter_space.names, store.header.plan.parameters[6].tolist()
    assert failure.parameters == dict(zip(names, point, strict=True)) and failure.is_final
    message = rf"1 of 6 shards.*\n.*sample 6 \(B0 = {point[0]:.9g}, tilt = .*: ValueError: the sheet is torn"
    with pytest.raises(UnitsFailed, match=message):
        finish(store)
    work(store, tables(store, calls := []))
    assert not calls, "another worker of the same production does not try it again"
    assert begin(store) == 1
    work(store, tables(store))
    finish(store)
    assert contents(store) == whole and not work_folder(store.path).exists()


def test_what_fails_once_is_made_in_the_end(tmp_path, whole):
    store, failed = make(tmp_path / "store", count=12), []

    def shaky(samples):
        if samples[0] not in failed:
            failed.append(samples[0])
            raise FileError("galprop was killed")  # not of the store
        yield from tables(store)(samples)

    work(store, shaky, attempts=2)
    finish(store, 2)
    assert len(failed) == 6 and contents(store) == whole


def test_samples_that_are_missing_or_wrong_are_failures(tmp_path):
    for number, wrong in enumerate((lambda samples: samples[:-1], lambda samples: [0] * len(samples), lambda _: [])):
        store = make(tmp_path / f"store{number}")
        made = tables(store)
        work(store, lambda samples, made=made, wrong=wrong: made(wrong(samples)), attempts=1, units=[1])
        with pytest.raises(UnitsFailed, match="shard 1"):
            finish(store, 1, [1])
        assert not store.verify()


def test_a_disk_that_fails_ends_the_worker_and_is_no_failure_of_the_unit(tmp_path):
    store = make(tmp_path / "store")

    def breaking(samples):
        yield from tables(store)(samples)
        (store.path / "shards").rmdir()
        (store.path / "shards").write_text("")

    with pytest.raises(FileError, match="cannot write"):
        work(store, breaking)
    assert not read_failures(store.path) and not list(work_folder(store.path).glob("*.claim"))


def test_a_full_disk_while_writing_leaves_nothing_behind(tmp_path, monkeypatch):
    store = make(tmp_path / "store")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("propmat.samples.files.os.fsync", full)
    with pytest.raises(FileError, match="No space left on device"):
        work(store, tables(store))
    monkeypatch.undo()
    assert not contents(store) and store.missing() == (0, 1, 2) and not store.verify()


def test_a_damaged_shard_is_said_and_made_anew_the_others_are_not(tmp_path, whole):
    store, said, calls = make(tmp_path / "store", count=12), [], []
    work(store, tables(store))
    finish(store)
    content = store.shard_path(3).read_bytes()
    store.shard_path(3).write_bytes(content[:100] + b"x" + content[101:])
    assert begin(store, said.append) == 1
    assert len(said) == 1 and "shard-00003" in said[0]
    work(store, tables(store, calls))
    finish(store)
    assert calls == [12, 13, 14, 15] and contents(store) == whole


def test_units_that_nobody_made_are_named_in_the_end(tmp_path):
    store = make(tmp_path / "store")
    work(store, tables(store), units=[0])
    with pytest.raises(FileError, match=r"2 of 3 shards.*resume=true"):
        finish(store)
    finish(store, units=[0])


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"unit": 1}', "[" * 10**4, '{"unit": null, "attempts": []}'])
def test_an_unreadable_note_of_a_failure_counts_as_none(tmp_path, whole, content):
    store = make(tmp_path / "store", count=12)
    (work_folder(store.path) / "shard-00001.failed").write_text(content)
    work(store, tables(store))
    finish(store)
    assert contents(store) == whole


def test_notes_are_plain_json(tmp_path):
    store = make(tmp_path / "store")
    work(store, tables(store, fails=[5]), attempts=1)
    note = json.loads((work_folder(store.path) / "shard-00001.failed").read_text())
    assert (note["unit"], note["attempts"], note["limit"], note["sample"]) == (1, 1, 1, 5)
    assert set(note["parameters"]) == {"B0", "tilt", "K0", "a", "b"}
