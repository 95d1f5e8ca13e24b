"""kill -9, SIGTERM and Ctrl-C at any moment, then resume: the same bytes as if nothing had happened, nothing lost."""

from __future__ import annotations

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from forked_propmat import Fork, Forks, gone

from propmat.samples import open_store
from propmat.samples.claims import read_claims, work_folder
from propmat.samples.status import read_status

KINDS = {
    "histograms": "simulate samples=heliosphere_tiny samples.row_step=4 samples.count=16 samples.shard_size=1",
    "spectra": "simulate simulator=galaxy samples=sobol_small samples.count=32 samples.shard_size=1 "
    "samples.matrices=[[proton,antiproton]]",
    "particles": "simulate samples=heliosphere_particles samples.count=3200 samples.shard_size=100",
}
UNITS = 32
"""Of each production."""
KILLS = 17
"""Of each kind of store, on this machine: 51 in all; those at every step of a production and of a merge come on top."""
SLURM_KILLS = 2
PATIENT = "production.attempts=1000"
PATIENCE = 240.0


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    with Forks(tmp_path_factory.mktemp("logs")) as forks:
        yield forks


@pytest.fixture(
    scope="module", params=["histograms", *(pytest.param(kind, marks=pytest.mark.slow) for kind in list(KINDS)[1:])]
)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def words(kind: str) -> list[str]:
    return KINDS[kind].split()


@pytest.fixture(scope="module")
def whole(forks: Forks, words: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a process makes that nobody disturbs."""
    return undisturbed(forks, words, tmp_path_factory.mktemp("whole") / "store")


def undisturbed(forks: Forks, words: list[str], store: Path, **how: bool) -> dict[str, bytes]:
    code, said = forks.run(*words, f"output={store}", "production.workers=1", **how)
    assert code == 0, said
    return contents(store)


def contents(store: Path) -> dict[str, bytes]:
    """Shards and checksums."""
    return {path.name: path.read_bytes() for path in (store / "shards").iterdir()}


def check_whole(store: Path, whole: dict[str, bytes]) -> None:
    """What was made is all that is left, to the byte."""
    assert contents(store) == whole
    assert sorted(path.name for path in store.iterdir()) == ["config.yaml", "shards", "store.json"]


def check_valid(store: Path, before: set[int]) -> set[int]:
    """What is there can be read, and holds all that was finished before; the finished shards."""
    if not (store / "store.json").exists():
        assert not before
        return before
    opened = open_store(store)
    assert not opened.verify()
    finished = set(range(opened.header.design.shards)) - set(opened.missing())
    assert finished >= before
    read_status(opened)
    return finished


def wait_for(look: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def strike(command: Fork, dice: random.Random, seen: set[int]) -> bool:
    """kill -9 a worker, or now and then, or where there is none, the command itself."""
    workers = command.workers()
    seen.update(workers)
    victim = dice.choice(workers) if workers and dice.random() < 0.75 else command.pid
    if gone(victim):
        return False
    os.kill(victim, signal.SIGKILL)
    return True


def test_killed_at_random_moments(forks: Forks, words: list[str], whole: dict[str, bytes], tmp_path: Path) -> None:
    assert len(whole) == 2 * UNITS
    dice, seen, kills, productions = random.Random(f"kill {words}"), set[int](), 0, 0
    while kills < KILLS:
        productions += 1
        store, finished = tmp_path / f"store-{productions}", set[int]()
        while kills < KILLS and len(finished) < UNITS:
            settings = (f"output={store}", "resume=true", f"production.workers={dice.choice((1, 2, 2))}", PATIENT)
            command = forks.start(*words, *settings, seconds=0.03)
            while kills < KILLS and command.is_running():
                time.sleep(dice.uniform(0.0, 0.6))
                kills += strike(command, dice, seen)
                finished = check_valid(store, finished)
            if not command.is_running():
                code, said = command.end()
                assert code in (0, -signal.SIGKILL), said
                finished = check_valid(store, finished)
        command.end()
        wait_for(lambda: all(map(gone, seen)))  # those of a killed command end by themselves
        code, said = forks.run(*words, f"output={store}", "resume=true", "production.workers=1")
        assert code == 0, said
        check_whole(store, whole)


def test_killed_at_every_step(forks: Forks, tmp_path: Path) -> None:
    """From before the first file of a store to after the last: each run comes one or two steps on disk further."""
    words = [*KINDS["histograms"].split(), "samples.count=1"]
    whole = undisturbed(forks, words, tmp_path / "whole")
    dice, store, finished, step = random.Random(43), tmp_path / "store", set[int](), 0
    while True:
        step += dice.choice((1, 2))
        how = {"die_at": step, "below": str(store)}
        code, said = forks.run(*words, f"output={store}", "resume=true", "production.workers=1", **how)
        if code == 0:
            break
        assert code == -signal.SIGKILL, said
        finished = check_valid(store, finished)
    assert step > 10
    check_whole(store, whole)


def test_the_real_simulator_killed(forks: Forks, tmp_path: Path) -> None:
    """A second process simulates what the first would have, to the bit."""
    words = [*KINDS["histograms"].split(), "samples.row_step=9", "samples.count=2", "samples.particles=20"]
    whole, store = undisturbed(forks, words, tmp_path / "whole", real=True), tmp_path / "store"
    finished = set[int]()
    for step in (35, 45, 45):
        how = {"die_at": step, "below": str(store), "real": True}
        code, said = forks.run(*words, f"output={store}", "resume=true", "production.workers=1", **how)
        assert code == -signal.SIGKILL, said
        finished = check_valid(store, finished)
    assert 0 < len(finished) < 4
    assert undisturbed(forks, [*words, "resume=true"], store, real=True) == whole
    check_whole(store, whole)


def test_a_merge_killed_at_any_step(forks: Forks, words: list[str], whole: dict[str, bytes], tmp_path: Path) -> None:
    count = next(int(word.removeprefix("samples.count=")) for word in words if word.startswith("samples.count="))
    half = f"samples.count={count // 2}"
    for part, start in (("first", 0), ("second", count // 2)):
        undisturbed(forks, [*words, half, f"samples.start={start}"], tmp_path / part)
    parts, store = f"stores=[{tmp_path / 'first'},{tmp_path / 'second'}]", tmp_path / "store"
    merge = ("data", "merge", parts, f"output={store}", "resume=true")
    dice, finished, step = random.Random(f"merge {words}"), set[int](), 0
    while True:
        step += dice.randint(10, 80)
        code, said = forks.run(*merge, die_at=step, below=str(store))
        if code == 0:
            break
        assert code == -signal.SIGKILL, said
        finished = check_valid(store, finished)
    assert finished
    check_whole(store, whole)


def test_stopped_at_random_moments(forks: Forks, words: list[str], whole: dict[str, bytes], tmp_path: Path) -> None:
    dice, finished, store = random.Random(f"stop {words}"), set[int](), tmp_path / "store"
    for number, workers in ((signal.SIGTERM, 1), (signal.SIGINT, 2), (signal.SIGTERM, 2), (signal.SIGINT, 1)):
        settings = (*words, f"output={store}", f"production.workers={workers}", *["resume=true"] * store.exists())
        command = forks.start(*settings, seconds=0.06)
        wait_for(work_folder(store).exists)
        time.sleep(dice.uniform(0.0, 0.8))
        started = set(command.workers())
        os.kill(command.pid, number)
        code, said = command.end()
        again = shlex.join(["propmat", *(word for word in settings if word != "resume=true"), "resume=true"])
        assert code == 128 + number and again in said and "Traceback" not in said, said
        assert all(map(gone, started))
        left = [path.name for path in store.rglob("*") if path.name.endswith((".tmp", ".aside", ".claim"))]
        assert not left, "half-written files, or units that are still taken"
        finished = check_valid(store, finished)
    code, said = forks.run(*words, f"output={store}", "resume=true", "production.workers=1")
    assert code == 0 and "failed" not in said, said
    check_whole(store, whole)


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skips where no Slurm answers."""
    pytest.importorskip("submitit")
    configuration = Path(os.environ.get("PROPMAT_SLURM_DIR", "/tmp/propmat-slurm-root")) / "slurm.conf"
    if "SLURM_CONF" not in os.environ and configuration.exists():
        monkeypatch.setenv("SLURM_CONF", str(configuration))
    try:
        answer = subprocess.run(["scontrol", "ping"], capture_output=True, text=True, check=False, timeout=60).stdout
    except (FileNotFoundError, PermissionError):
        answer = "there is no scontrol"
    if "UP" not in answer:
        pytest.skip(f'no Slurm answers ({answer.strip()}): eval "$(scripts/slurm/one_node.sh up)"')


@pytest.mark.slurm
def test_workers_of_slurm_killed_at_random_moments(forks: Forks, slurm: None, tmp_path: Path) -> None:
    """Real processes; each takes seconds to start, and Slurm minutes to start one again: two kills of four."""
    words, store = KINDS["histograms"].split(), tmp_path / "store"
    whole = undisturbed(forks, words, tmp_path / "whole")
    dice, kills, finished = random.Random(6), 0, set[int]()
    program = Path(__file__).with_name("fake_propmat.py")
    tasks = ("production=slurm", "production.tasks=4", "production.attempts=100")
    with subprocess.Popen(
        [sys.executable, program, *words, f"output={store}", *tasks],
        env={**os.environ, "FAKE": json.dumps({"seconds": 0.3})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as command:
        while kills < SLURM_KILLS and command.poll() is None:
            time.sleep(dice.uniform(0.0, 0.5))
            pids = [seen.claim.pid for seen in read_claims(work_folder(store)).values() if seen.claim]
            if pids and not gone(victim := dice.choice(pids)):
                os.kill(victim, signal.SIGKILL)
                kills += 1
            finished = check_valid(store, finished)
        said, _ = command.communicate(timeout=PATIENCE)
    assert command.returncode == 0 and kills == SLURM_KILLS, said
    check_whole(store, whole)
