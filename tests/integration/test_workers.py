"""The command line with several workers: the same bytes as one process, whoever is killed, whatever fails."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from propmat.samples import SampleStore
from propmat.samples.claims import Claim, read_claims, work_folder
from propmat.samples.status import finished_units

PROGRAM = Path(__file__).with_name("fake_propmat.py")
WORDS = ["simulate", "samples=heliosphere_tiny", "samples.count=12", "samples.shard_size=2"]
ONE, TWO = "production.workers=1", "production.workers=2"
PATIENCE = 120.0
"""Seconds; a worker needs three to start on an idle machine."""


class Command:
    """A production on its way."""

    def __init__(self, store: Path, *words: str, **fake: object) -> None:
        self.store = store
        environment = {**os.environ, "FAKE": json.dumps(fake | {"store": str(store)})}
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM, *WORDS, f"output={store}", *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self) -> tuple[int, str]:
        """Exit code and all that was said."""
        said, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said

    def claims(self, number: int) -> list[Claim]:
        """Who is at work, as soon as so many are, each with a unit."""
        return until(lambda: found if len(found := claims_of(self.store)) >= number else None)


def claims_of(store: Path) -> list[Claim]:
    return [seen.claim for seen in read_claims(work_folder(store)).values() if seen.claim]


def until(look: Callable[[], object]) -> object:
    """The first result that is true."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.02)
    pytest.fail("waited in vain")


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has asked for its exit code has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def contents(store: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (store / "shards").iterdir()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, bytes]]:
    """What one process makes."""
    store = tmp_path_factory.mktemp("whole") / "store"
    code, said = Command(store, ONE).end()
    assert code == 0 and "24 samples of 50 particles" in said
    yield contents(store)


def check_whole(store: Path, whole: dict[str, bytes]) -> None:
    assert contents(store) == whole
    assert sorted(path.name for path in store.iterdir()) == ["config.yaml", "shards", "store.json"]


def test_two_workers_and_one_more_by_hand_make_what_one_makes(tmp_path: Path, whole: dict[str, bytes]) -> None:
    command = Command(tmp_path / "store", TWO, seconds=0.4)
    until((tmp_path / "store" / "store.json").exists)
    more = Command(tmp_path / "store", "resume=true", "production=worker", seconds=0.4)
    workers: set[str] = set()
    while command.process.poll() is None:
        workers |= {claim.worker for claim in claims_of(command.store)}
        time.sleep(0.02)
    assert len(workers) == 3
    for each in (command, more):
        code, said = each.end()
        assert code == 0, said
    check_whole(tmp_path / "store", whole)
    code, said = Command(tmp_path / "store", "resume=true", fails=list(range(24))).end()
    assert code == 0, "finished shards are not made again"


def test_what_fails_or_kills_its_worker_is_left_out_and_tried_anew_by_resume(
    tmp_path: Path, whole: dict[str, bytes]
) -> None:
    store = tmp_path / "store"
    code, said = Command(store, TWO, fails=[3], kills=[8]).end()
    assert code == 2 and "2 of 12 shards" in said
    point = r"sample {} \(B0 = .*, tilt = .*, K0 = .*, a = .*, b = .*\): {}"
    assert re.search("shard 1, attempt 3 of 3: " + point.format(3, "ValueError: the sheet is torn"), said)
    assert re.search("shard 4, attempt 3 of 3: " + point.format(8, "its worker was ended by SIGKILL"), said)
    resume = shlex.join(["propmat", *WORDS, f"output={store}", TWO, "resume=true"])
    assert said.rstrip().endswith(resume)
    assert finished_units(store) == set(range(12)) - {1, 4} and not SampleStore.open(store).verify()
    code, said = Command(store, ONE, "resume=true").end()
    assert code == 0, said
    check_whole(store, whole)


def test_a_killed_worker_is_replaced(tmp_path: Path, whole: dict[str, bytes]) -> None:
    command = Command(tmp_path / "store", TWO, seconds=0.2)
    victim = command.claims(2)[0]
    os.kill(victim.pid, signal.SIGKILL)
    code, said = command.end()
    assert code == 0, said
    assert f"shard {victim.unit}, attempt 1 of 3" in said and "SIGKILL" in said
    check_whole(tmp_path / "store", whole)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_in_order(tmp_path: Path, whole: dict[str, bytes], number: signal.Signals) -> None:
    store = tmp_path / "store"
    command = Command(store, TWO, seconds=0.2)
    pids = [claim.pid for claim in command.claims(2)]
    command.process.send_signal(number)
    code, said = command.end()
    assert code == 128 + number
    assert shlex.join(["propmat", *WORDS, f"output={store}", TWO, "resume=true"]) in said and "Traceback" not in said
    assert all(map(gone, pids)) and not claims_of(store) and not SampleStore.open(store).verify()
    code, said = Command(store, ONE, "resume=true").end()
    assert code == 0 and "failed" not in said, said
    check_whole(store, whole)


def test_workers_end_when_their_parent_is_killed(tmp_path: Path, whole: dict[str, bytes]) -> None:
    store = tmp_path / "store"
    command = Command(store, TWO, seconds=0.5)
    pids = [claim.pid for claim in command.claims(2)]
    command.process.kill()
    command.end()
    until(lambda: all(map(gone, pids)))
    assert not claims_of(store) and not SampleStore.open(store).verify() and len(finished_units(store)) < 12
    code, said = Command(store, ONE, "resume=true").end()
    assert code == 0, said
    check_whole(store, whole)


def test_a_disk_that_goes_away_ends_all_workers(tmp_path: Path) -> None:
    command = Command(tmp_path / "store", TWO, seconds=0.2, breaks=[5])
    pids = [claim.pid for claim in command.claims(2)]
    code, said = command.end()
    assert code == 2 and "cannot write" in said and "Traceback" not in said, said
    assert all(map(gone, pids))


def test_workers_that_cannot_even_start_are_no_endless_loop(tmp_path: Path) -> None:
    """A setting that only fails in the worker: its own words are told."""
    code, said = Command(tmp_path / "store", TWO, dies_as_worker=True).end()
    assert code == 2 and "SIGKILL" in said and "workers die before they begin" in said, said


def test_a_damaged_shard_is_said_and_made_anew(tmp_path: Path, whole: dict[str, bytes]) -> None:
    store = tmp_path / "store"
    assert Command(store, ONE).end()[0] == 0
    path = store / "shards" / "shard-00005.h5"
    path.write_bytes(path.read_bytes()[:-7])
    code, said = Command(
        store, TWO, "resume=true", fails=[sample for sample in range(24) if sample not in (10, 11)]
    ).end()
    assert code == 0 and "making anew" in said and "shard-00005" in said, said
    check_whole(store, whole)
