"""kill -9 at any moment, resume: the same bytes as if nothing had happened."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from propmat.samples import open_store

WORKER = Path(__file__).with_name("kill_simulate_worker.py")


def start(simulator: str, path: Path) -> subprocess.Popen[str]:
    """A worker that has done its imports and is about to create or resume the store."""
    process = subprocess.Popen([sys.executable, WORKER, simulator, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def contents(path: Path) -> dict[str, bytes]:
    """Every file below a folder except the header, whose provenance holds a date."""
    files = (item for item in path.rglob("*") if item.is_file() and item.name != "store.json")
    return {str(item.relative_to(path)): item.read_bytes() for item in files}


def duration(simulator: str, path: Path) -> float:
    """Seconds of an uninterrupted production."""
    process = start(simulator, path)
    begin = time.monotonic()
    assert process.wait(timeout=300) == 0
    return time.monotonic() - begin


@pytest.mark.parametrize(("simulator", "kills"), [("fake", 10), ("spectra", 10), ("real", 2)])
def test_killed_and_resumed_is_as_uninterrupted(tmp_path, simulator, kills):
    seconds = duration(simulator, tmp_path / "whole")
    generator = np.random.default_rng(5)
    finished, interrupted = 0, 0
    for _ in range(kills):
        process = start(simulator, tmp_path / "killed")
        time.sleep(generator.uniform(0.0, 2.0 * seconds / kills))
        interrupted += process.poll() is None
        process.kill()
        process.wait()
        if (tmp_path / "killed" / "store.json").exists():
            store = open_store(tmp_path / "killed")
            assert not store.verify()
            assert store.header.design.shards - len(store.missing()) >= finished
            finished = store.header.design.shards - len(store.missing())
    assert interrupted
    duration(simulator, tmp_path / "killed")
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert open_store(tmp_path / "killed").digest() == open_store(tmp_path / "whole").digest()
