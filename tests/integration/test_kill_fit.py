"""A fit that is killed again and again ends with the chain of one that was not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from emcee.backends import HDFBackend

from propmat.fit import FitResult

CHILD = Path(__file__).with_name("kill_fit_child.py")
STEPS = 400
KILLS = 5


def start(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(CHILD), str(folder), str(STEPS)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment)


def steps_in(path: Path) -> int:
    """Steps in the file, which must be readable whenever it exists."""
    return int(HDFBackend(str(path), read_only=True).iteration) if path.exists() else 0


def wait_for_progress(process: subprocess.Popen[bytes], path: Path, steps: int) -> None:
    """Until the chain has grown to ``steps`` or the fit has ended."""
    deadline = time.monotonic() + 120.0
    while process.poll() is None and steps_in(path) < steps:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_killed_and_resumed_chain_equals_the_uninterrupted_one(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    reference = start(whole)
    delays = np.random.default_rng(5).uniform(0.0, 0.1, KILLS)
    reached = []
    for number, delay in enumerate(delays):
        process = start(killed)
        wait_for_progress(process, killed / "chain.h5", (number + 1) * STEPS // (2 * KILLS))
        time.sleep(delay)
        assert process.poll() is None, "the fit ended before it could be killed"
        process.send_signal(signal.SIGKILL)
        process.wait()
        reached.append(steps_in(killed / "chain.h5"))
    assert reached == sorted(reached)
    assert 0 < reached[0] < reached[-1] < STEPS
    last = start(killed)
    assert last.wait(timeout=300) == 0
    assert reference.wait(timeout=300) == 0
    chains = [HDFBackend(str(folder / "chain.h5"), read_only=True) for folder in (whole, killed)]
    assert chains[0].iteration == STEPS
    assert np.array_equal(chains[0].get_chain(), chains[1].get_chain())
    assert np.array_equal(chains[0].get_log_prob(), chains[1].get_log_prob())
    assert np.array_equal(chains[0].accepted, chains[1].accepted)
    assert FitResult.read(whole / "result.json") == FitResult.read(killed / "result.json")
