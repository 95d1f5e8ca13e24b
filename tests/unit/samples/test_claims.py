"""Claims: one worker a unit, whoever is dead loses it, whoever was overtaken does not disturb the next one."""

import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from propmat.errors import FileError
from propmat.samples import claims
from propmat.samples.claims import Clock, is_stale, read_claims, release_dead, take
from propmat.samples.files import ABANDONED, remove_temporaries, write_atomic


def dead_pid():
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def rewrite(path, **changes):
    """A claim as another worker would have written it."""
    path.write_bytes(json.dumps(json.loads(path.read_bytes()) | changes).encode().ljust(1024))


def grow_old(path):
    old = path.stat().st_mtime - ABANDONED - 5.0
    os.utime(path, (old, old))


def test_a_unit_has_one_worker_until_it_is_free_again(tmp_path):
    clock = Clock(tmp_path)
    with take(tmp_path, 3, 10, clock) as hold:
        hold.done = 4
        assert take(tmp_path, 3, 10, clock) is None
        hold.beat()
        claim = read_claims(tmp_path)[3].claim
        assert (claim.pid, claim.done, claim.total) == (os.getpid(), 4, 10)
        with take(tmp_path, 2, 10, clock):
            assert sorted(read_claims(tmp_path)) == [2, 3]
    assert not list(tmp_path.iterdir())
    with take(tmp_path, 3, 10, clock) as again:
        assert again is not None


def test_an_interrupt_frees_the_unit(tmp_path):
    with pytest.raises(KeyboardInterrupt), take(tmp_path, 0, 1, Clock(tmp_path)):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_many_takers_get_every_unit_once(tmp_path):
    clock, got, barrier = Clock(tmp_path), [], threading.Barrier(8)

    def worker():
        barrier.wait()
        got.extend(hold for unit in range(20) if (hold := take(tmp_path, unit, 1, clock)))

    threads = [threading.Thread(target=worker) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 20


@pytest.mark.parametrize(
    ("changes", "old", "taken"),
    [
        ({"pid": "dead"}, False, True),
        ({"host": "elsewhere", "pid": "dead"}, False, False),
        ({"host": "elsewhere"}, True, True),
        ({}, True, True),
    ],
)
def test_a_dead_or_silent_worker_loses_its_unit(tmp_path, changes, old, taken):
    clock = Clock(tmp_path)
    assert take(tmp_path, 0, 5, clock) is not None
    path = tmp_path / "shard-00000.claim"
    rewrite(path, worker="theirs", since=1.0, **({**changes, "pid": dead_pid()} if "pid" in changes else changes))
    if old:
        grow_old(path)
    assert is_stale(read_claims(tmp_path)[0], clock.now()) == taken
    hold = take(tmp_path, 0, 5, clock)
    assert (hold is not None) == taken
    assert (read_claims(tmp_path)[0].claim.worker == "theirs") == (not taken)
    assert not list(tmp_path.glob("*.aside"))


def test_a_silent_claim_is_taken_over_by_one_as_a_rule(tmp_path):
    """Eight at once: who renames a new claim by mistake leaves a gap until it is put back, where another may get in."""
    clock, got, barrier = Clock(tmp_path), [], threading.Barrier(8)
    for unit in range(20):
        take(tmp_path, unit, 1, clock)
        rewrite(tmp_path / f"shard-{unit:05d}.claim", worker="theirs", pid=dead_pid())

    def worker():
        barrier.wait()
        got.extend(hold for unit in range(20) if (hold := take(tmp_path, unit, 1, clock)))

    threads = [threading.Thread(target=worker) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 20 <= len(got) <= 40


def test_who_was_taken_over_leaves_the_new_claim_alone(tmp_path):
    clock = Clock(tmp_path)
    with take(tmp_path, 0, 5, clock) as slow:
        path = tmp_path / "shard-00000.claim"
        rewrite(path, worker="faster", since=2.0, done=3)
        slow.done = 1
        slow.beat()
        assert read_claims(tmp_path)[0].claim.done == 3
    assert read_claims(tmp_path)[0].claim.worker == "faster"


def test_signs_of_life_come_by_themselves(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "BEAT", 0.01)
    with take(tmp_path, 0, 5, Clock(tmp_path)) as hold:
        path = tmp_path / "shard-00000.claim"
        grow_old(path)
        old = path.stat().st_mtime
        hold.done = 2
        for _ in range(500):
            if path.stat().st_mtime > old and read_claims(tmp_path)[0].claim.done == 2:
                break
            threading.Event().wait(0.01)
        else:
            pytest.fail("no sign of life in five seconds")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"unit": 0}', b"\xff", b"[" * 900, b"x" * 5000])
def test_an_unreadable_claim_holds_until_it_is_old(tmp_path, content):
    path = tmp_path / "shard-00000.claim"
    path.write_bytes(content)
    clock = Clock(tmp_path)
    assert take(tmp_path, 0, 5, clock) is None and read_claims(tmp_path)[0].claim is None
    grow_old(path)
    assert take(tmp_path, 0, 5, clock) is not None


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_file_holds_no_unit_for_ever(tmp_path, monkeypatch, make):
    path = tmp_path / "shard-00000.claim"
    make(path)
    clock = Clock(tmp_path)
    assert take(tmp_path, 0, 5, clock) is None and read_claims(tmp_path)[0].claim is None
    monkeypatch.setattr(claims, "SILENT", -1.0)
    with take(tmp_path, 0, 5, clock) as hold:
        assert hold is not None and path.is_file()


def test_a_claim_from_the_future_is_of_a_clock_that_was_set(tmp_path):
    clock = Clock(tmp_path)
    assert take(tmp_path, 0, 5, clock) is not None
    path = tmp_path / "shard-00000.claim"
    future = clock.now() + 3600.0
    os.utime(path, (future, future))
    assert take(tmp_path, 0, 5, clock) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"since": float("nan")},
        {"since": float("inf")},
        {"done": -1},
        {"done": 6},
        {"done": 10**300, "total": 10**300},
        {"worker": "\x1b[2J"},
    ],
)
def test_absurd_claims_are_not_believed(tmp_path, changes):
    assert take(tmp_path, 0, 5, Clock(tmp_path)) is not None
    rewrite(tmp_path / "shard-00000.claim", **changes)
    assert read_claims(tmp_path)[0].claim is None


def test_other_spellings_of_a_number_are_no_claims(tmp_path):
    for name in ("shard-000001.claim", "shard-0000\u0661.claim", "shard-1.claim"):
        (tmp_path / name).write_text("")
    (tmp_path / "shard-100000.claim").write_text("")
    assert list(read_claims(tmp_path)) == [100000]


def test_the_claims_of_a_dead_process_are_found(tmp_path):
    clock, pid = Clock(tmp_path), dead_pid()
    for unit in (0, 1, 2):
        take(tmp_path, unit, 5, clock)
    rewrite(tmp_path / "shard-00001.claim", pid=pid, done=3)
    rewrite(tmp_path / "shard-00002.claim", pid=pid, host="elsewhere")
    assert [(claim.unit, claim.done) for claim in release_dead(tmp_path, pid)] == [(1, 3)]
    assert sorted(read_claims(tmp_path)) == [0, 2]


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    clock = Clock(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot write"):
        take(tmp_path / "file", 0, 1, clock)
    assert take(tmp_path / "gone", 0, 1, clock) is None  # another worker tidied up, since all is done


def test_what_dead_writers_left_is_removed_and_nothing_else(tmp_path):
    host = claims.this_host()
    names = {
        f"shard-00000.h5.{host}.{dead_pid()}.0a1b2c3d.tmp": False,
        f"shard-00001.h5.{host}.{os.getpid()}.0a1b2c3d.tmp": True,
        f"shard-00002.h5.elsewhere.{dead_pid()}.0a1b2c3d.tmp": True,
        "shard-00003.h5.elsewhere.1.0a1b2c3d.tmp": False,
        "mine.tmp": True,
        "shard-00004.h5": True,
    }
    for name in names:
        (tmp_path / name).write_text("")
    grow_old(tmp_path / "shard-00003.h5.elsewhere.1.0a1b2c3d.tmp")
    grow_old(tmp_path / "mine.tmp")
    grow_old(tmp_path / f"shard-00001.h5.{host}.{os.getpid()}.0a1b2c3d.tmp")
    remove_temporaries(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {name for name, stays in names.items() if stays}


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    """The file is always the whole of what one of them wrote."""
    path, contents = tmp_path / "file", [bytes([number]) * 100_000 for number in range(4)]

    def write(content):
        for _ in range(20):
            write_atomic(path, content)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if path.exists():
            assert path.read_bytes() in contents
    assert [item.name for item in tmp_path.iterdir()] == ["file"]
