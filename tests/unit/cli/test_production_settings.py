"""How production settings become workers, threads and devices; wrong ones are refused by name."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from propmat.cli import production
from propmat.cli.config import compose_config
from propmat.cli.production import Job, choose_device, read_backend, resume_command
from propmat.errors import InputError


def job(kind="heliosphere", trajectories=10**6, own_threads=1, path="store", overrides=()):
    store = SimpleNamespace(path=Path(path))
    return Job(store, lambda: None, lambda: None, kind, trajectories, own_threads, tuple(overrides))


def backend(*words):
    return read_backend(compose_config("simulate", list(words)))


@pytest.mark.parametrize(
    ("words", "given", "units", "expected"),
    [
        ((), {}, 100, (16, 1)),
        ((), {}, 5, (5, 3)),
        ((), {}, 1, (1, 16)),
        ((), {"trajectories": 5600}, 100, (1, 16)),
        (("production.workers=3",), {"trajectories": 5600}, 100, (3, 5)),
        (("production.threads=4",), {}, 100, (4, 4)),
        (("production.workers=2", "production.threads=3"), {}, 100, (2, 3)),
        ((), {"kind": "galaxy", "trajectories": 0}, 100, (1, 16)),
        (("production.workers=4",), {"kind": "galaxy", "trajectories": 0}, 100, (4, 4)),
        ((), {"kind": "galprop", "trajectories": 0, "own_threads": 5}, 100, (3, 1)),
        ((), {"kind": "galprop", "trajectories": 0, "own_threads": 64}, 100, (1, 1)),
    ],
)
def test_cores_are_shared_among_workers(monkeypatch, words, given, units, expected):
    monkeypatch.setattr("propmat.samples.local.cores", lambda: 16)
    assert backend(*words).shares(job(**given), units) == expected


def test_a_limit_on_threads_is_a_limit_on_cores(monkeypatch):
    from propmat.samples.local import cores

    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    for setting, expected in (("3", 3), ("64", 8), ("", 8), ("many", 8), ("0", 8)):
        monkeypatch.setenv("NUMBA_NUM_THREADS", setting)
        assert cores() == expected


@pytest.mark.parametrize("path", ["store", "a folder, (mine)", 'say "no"', "a=b", "50 %{x} $y", "a\\b", "ends\\"])
def test_a_worker_finds_the_store_whatever_its_folder_is_called(tmp_path, path):
    words = ["samples=heliosphere_tiny", f"output={tmp_path}/other", "resume=false", "production.workers=3"]
    _, *program, command = (given := job(path=tmp_path / path, overrides=words).worker_command(threads=2))[:4]
    assert [*program, command] == ["-m", "propmat.cli", "simulate"]
    config = compose_config("simulate", given[4:])
    assert Path(config.values["output"]) == tmp_path / path and config.values["resume"] is True
    assert config.choices["samples"] == "heliosphere_tiny"
    worker = read_backend(config)
    assert isinstance(worker, production.Worker) and worker.threads == 2 and not worker.verify


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("production.workers=0", r"production\.workers = 0 is outside the allowed range \[1, 4096\]"),
        ("production.threads=-1", r"production\.threads = -1"),
        ("production.attempts=0", r"production\.attempts = 0"),
        ("production.attempts=often", r"production\.attempts = 'often' must be a whole number"),
        ("production.device=cudo", "Did you mean 'cuda'"),
        ("production.kind=lokal", "Did you mean 'local'"),
        ("production=lokal", "Did you mean 'local'"),
    ],
)
def test_wrong_settings_are_refused(word, message):
    with pytest.raises(InputError, match=message):
        backend(word)


def test_a_device_must_be_one_of_the_simulator():
    assert choose_device("heliosphere", "auto") == choose_device("galprop", "cpu") == "cpu"
    with pytest.raises(InputError, match="the galprop simulator runs on cpu only"):
        choose_device("galprop", "cuda")


def test_the_heliosphere_takes_an_accelerator_when_told_to(monkeypatch):
    monkeypatch.setattr("propmat.heliosphere.kernels.cuda.check_cuda", lambda: None)
    assert choose_device("heliosphere", "cuda") == "cuda" and choose_device("heliosphere", "auto") == "cpu"


def test_auto_takes_an_accelerator_that_works(monkeypatch, tmp_path):
    monkeypatch.setattr(production, "_ACCELERATORS", (str(tmp_path),))
    monkeypatch.setattr("propmat.galaxy.device.check_device", lambda device: None)
    assert choose_device("galaxy", "auto") == "cuda" and choose_device("galaxy", "cpu") == "cpu"

    def broken(device):
        raise InputError(f"device = {device!r} cannot be used")

    monkeypatch.setattr("propmat.galaxy.device.check_device", broken)
    assert choose_device("galaxy", "auto") == "cpu"
    with pytest.raises(InputError, match="cannot be used"):
        choose_device("galaxy", "cuda")


def test_what_to_type_after_failures():
    assert resume_command(["a=1", "resume=true"]) == "propmat simulate a=1 resume=true"
    by_hand = ["a=1", "resume=true", "production=worker", "production.threads=2"]
    assert resume_command(by_hand) == "propmat simulate a=1 resume=true"
    assert resume_command(["production.workers=2"]) == "propmat simulate production.workers=2 resume=true"
