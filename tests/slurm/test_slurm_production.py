"""Production on a real Slurm: whatever happens to tasks, workers and nodes, the shards are those of a quiet run.

``scripts/slurm/one_node.sh up`` gives this machine a Slurm of one node.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from propmat.samples.claims import Clock, take
from propmat.samples.slurm import submit
from propmat.samples.slurm_settings import SlurmSettings
from propmat.samples.status import finished_units

pytestmark = pytest.mark.slurm
pytest.importorskip("submitit")

ONE_NODE = Path(__file__).parents[2] / "scripts" / "slurm" / "one_node.sh"
UNITS = 16
WORDS = (  # a unit takes about half a second on a core
    "experiment=heliosphere_tiny", f"samples.count={UNITS // 2}", "samples.shard_size=1", "samples.row_step=9",
    "samples.particles=60",
)  # fmt: skip
NAME = "propmat-test"
ON_SLURM = ("production=slurm", f"production.name={NAME}")
PATIENCE = 300.0


@pytest.fixture(scope="module", autouse=True)
def slurm():
    """The folder of the cluster's configuration; skips where no cluster answers."""
    home = os.environ.get("PROPMAT_SLURM_DIR", "/tmp/propmat-slurm-root")
    with pytest.MonkeyPatch.context() as patch:
        configuration = Path(os.environ.get("SLURM_CONF", f"{home}/slurm.conf"))
        try:
            if configuration.exists():
                patch.setenv("SLURM_CONF", str(configuration))
            answer = call("scontrol", "ping")
        except (FileNotFoundError, PermissionError):
            answer = "no scontrol"
        if "UP" not in answer:
            pytest.skip(f'no Slurm answers ({answer.strip()}): eval "$(scripts/slurm/one_node.sh up)"')
        yield configuration.parent


@pytest.fixture(scope="module")
def quiet(slurm, tmp_path_factory):
    """The shards of a run that nothing disturbs, without Slurm."""
    store = tmp_path_factory.mktemp("quiet") / "store"
    simulate(f"output={store}", "production=local", "production.workers=2").wait(PATIENCE)
    assert len(finished_units(store)) == UNITS
    return shards(store)


@pytest.fixture(autouse=True)
def empty_queue():
    """No job of a test is left to the next."""
    yield
    call("scancel", f"--name={NAME}")
    wait_for(lambda: not call("squeue", "-h", f"--name={NAME}").strip())


@pytest.fixture
def production(slurm, tmp_path):
    """A production on four tasks, in full swing, which cannot end before ``end``: the test itself holds a unit."""
    with simulate(f"output={tmp_path / 'store'}", *ON_SLURM, "production.attempts=100") as process, ExitStack() as held:
        try:
            found = Production.watched_by(process, tmp_path / "store", held)
            hold = take(found.store / "work", UNITS - 1, 1, Clock(found.store / "work"))
            assert hold, "a worker was faster"
            held.enter_context(hold)
            wait_for(lambda: process.poll() is not None or (len(found.finished()) > 1 and found.workers()))
            yield found
        finally:
            process.kill()


@dataclass(frozen=True)
class Production:
    store: Path
    process: subprocess.Popen
    job: int
    held: ExitStack

    @classmethod
    def watched_by(cls, process, store, held):
        note = store / "work" / "slurm" / "array.json"
        wait_for(lambda: note.exists() or process.poll() is not None)
        assert note.exists(), process.communicate()[0]
        return cls(store, process, json.loads(note.read_text())["job"], held)

    def workers(self):
        """Process ids of the workers."""
        return [int(pid) for pid in call("pgrep", "--full", rf"^\S+ -m propmat.cli .*{self.store}.*=worker").split()]

    def finished(self):
        return finished_units(self.store)

    def logs(self):
        return "".join(path.read_text() for path in (self.store / "work" / "slurm").glob("*_log.out"))

    def restarts(self):
        return restarts(self.job)

    def end(self):
        """What it says when it ends by itself, all done."""
        self.held.close()
        said, _ = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0, said
        assert not (self.store / "work").exists()
        return said


def call(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


def simulate(*words):
    command = [sys.executable, "-m", "propmat.cli", "simulate", *WORDS, *words]
    unbuffered = os.environ | {"PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=unbuffered)


def restarts(job):
    """How often Slurm started the tasks of an array again, altogether."""
    return sum(map(int, re.findall(r"Restarts=(\d+)", call("scontrol", "show", "job", str(job)))))


def shards(store):
    return {path.name: path.read_bytes() for path in sorted((store / "shards").iterdir())}


def wait_for(condition):
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.05)


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def test_four_tasks_fill_a_store(quiet, production):
    wait_for(lambda: len(production.workers()) == 4)
    assert "of 4 workers is submitted" in production.end()
    assert shards(production.store) == quiet


def test_tasks_that_slurm_stops_go_on(quiet, production):
    """One is requeued by hand, one is told to stop as before the end of its time, all give way to an urgent job."""
    call("scontrol", "requeue", f"{production.job}_0")
    wait_for(lambda: production.restarts() == 1)
    call("scancel", "--signal=TERM", f"{production.job}_1")
    wait_for(lambda: production.restarts() == 2 and len(production.workers()) == 4)
    call("sbatch", "--partition=high", "--exclusive", "--output=/dev/null", f"--job-name={NAME}", "--wrap=sleep 1")
    wait_for(lambda: production.restarts() == 6)
    assert "propmat: interrupted; what is finished is kept" in production.logs()
    production.end()
    assert shards(production.store) == quiet


def test_killed_workers_lose_nothing(quiet, production):
    dice = random.Random(20)
    for _ in range(8):
        wait_for(production.workers)
        time.sleep(dice.uniform(0.0, 1.0))
        kill(dice.choice(production.workers()))
    wait_for(lambda: production.restarts() > 0)
    production.end()
    assert shards(production.store) == quiet


@pytest.mark.parametrize("lost", ["daemon", "node"])
def test_a_killed_node_daemon_loses_nothing(quiet, production, slurm, lost):
    """Alone, or with all that ran on the node, as when its power fails."""
    if not (slurm / "slurmd.pid").exists():
        pytest.skip("only with a node that one_node.sh has made may we do that")
    kill(int((slurm / "slurmd.pid").read_text()))
    if lost == "node":
        jobs = "|".join(call("squeue", "-h", "-r", "-o", "%A", "-j", str(production.job)).split())
        steps = call("pgrep", "--full", rf"^slurmstepd: .({jobs})\.")
        for pid in [*map(int, steps.split()), *production.workers()]:
            kill(pid)
    time.sleep(1.0)
    home = os.environ | {"PROPMAT_SLURM_DIR": str(slurm)}
    subprocess.run([ONE_NODE, "up"], check=True, capture_output=True, timeout=60, env=home)
    production.end()
    assert shards(production.store) == quiet


def test_a_production_that_nobody_watches_is_found_again(quiet, tmp_path):
    store = tmp_path / "store"
    words = (f"output={store}", *ON_SLURM)
    said, _ = simulate(*words, "production.wait=false").communicate(timeout=PATIENCE)
    assert "resume=true watches them again" in said
    with simulate(*words, "resume=true") as process:
        assert "no other is submitted" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 130
    assert "the workers go on" in said
    assert simulate(*words, "resume=true").wait(PATIENCE) == 0
    assert shards(store) == quiet


def test_a_task_whose_time_is_up_joins_the_queue_again(tmp_path):
    """A worker that would sleep for ever is told to stop (Slurm does so up to a minute early) and started again."""
    code = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)); time.sleep(1000)"
    settings = SlurmSettings(name=NAME, tasks=2, time=1, grace=55, requeues=1)
    array = submit([sys.executable, "-c", code], tmp_path, settings)
    wait_for(lambda: restarts(array.job) > 0)
    assert array.states()
