"""Whatever is in the files of a store, of any kind: our error or the right samples, soon and in little memory."""

from __future__ import annotations

import json
import resource
import shutil
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from fake_particles import fake_simulate_many, tiny_particles
from fake_samples import fake_simulate, tiny_header
from fake_spectra import PAIRS, fake_simulator, tiny_design
from hostile import changed, mutate, safe_digest, sign, structures

from propmat.cli.config import compose_config
from propmat.errors import FileError, PropmatError
from propmat.samples import ParticleStore, SampleStore, create_spectra, open_store, produce, produce_spectra
from propmat.samples.claims import Claim, is_stale, read_claims, work_folder
from propmat.samples.failures import note_failure, read_failures
from propmat.samples.production import fill, particle_tables
from propmat.samples.status import open_units, read_status

# The fake simulation loses some particles on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::propmat.errors.TruncationWarning")

SECONDS = 10.0
"""Of a core that the worst file may cost."""
MEMORY = 200.0
"""MB that all hostile files together may add to this process."""
MANIFESTS = 80


def histograms(path: Path) -> None:
    produce(SampleStore.create(path, tiny_header()), simulate=fake_simulate, progress=False)


def spectra(path: Path) -> None:
    galaxy = fake_simulator()
    produce_spectra(create_spectra(path, galaxy, tiny_design(), matrices=PAIRS), galaxy, progress=False)


def particles(path: Path) -> None:
    header = tiny_particles()
    fill(ParticleStore.create(path, header), particle_tables(header, fake_simulate_many), progress=False)


KINDS: dict[str, Callable[[Path], None]] = {"histograms": histograms, "spectra": spectra, "particles": particles}


@pytest.fixture(scope="module", params=KINDS)
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store, and what is noted in it while it is made."""
    path = tmp_path_factory.mktemp("fuzz") / "store"
    KINDS[request.param](path)
    work_folder(path).mkdir()
    (work_folder(path) / "shard-00001.claim").write_text(json.dumps(vars(Claim(1, "a-1", "a", 1, 1.0, 2, 4))))
    note_failure(open_store(path), 1, done=1, error="it failed", limit=3)
    return path


@pytest.fixture
def store(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture(scope="module")
def right(finished: Path) -> dict[str, Any]:
    return vars(open_store(finished).read())


@pytest.fixture(autouse=True, scope="module")
def little_memory() -> Any:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1000.0 * MEMORY


def read(path: Path, right: dict[str, Any], forged: tuple[str, ...] = (), *, fewer: bool = False) -> bool:
    """Whether a store is refused; else it holds the right samples, but for ``forged``, which no one can tell.

    With ``fewer`` it may have only the first of them: they are right, and a header may be of fewer.
    """
    begin = time.process_time()
    try:
        found = vars(open_store(path).read())
    except FileError as error:
        assert str(path) in str(error) and len(str(error)) < 10_000
        return True
    finally:
        assert time.process_time() - begin < SECONDS
    for name, values in found.items():
        expected = right[name][: len(values)] if fewer else right[name]
        if name in forged:
            assert values.shape == expected.shape and values.dtype == expected.dtype
        else:
            np.testing.assert_array_equal(values, expected, err_msg=name)
    return False


def forgeable(right: dict[str, Any]) -> tuple[str, ...]:
    """What a shard with the right checksum may say as it likes: the results, not whose they are."""
    return tuple(set(right) - {"key", "parameters", "seed", "drift_sign", "nucleons_per_charge", "kinetic_energy"})


@pytest.mark.parametrize("name", ["store.json", "shards/shard-00000.h5", "shards/shard-00001.sha256"])
def test_accidents(store: Path, right: dict[str, Any], name: str) -> None:
    dice, original = np.random.default_rng(1), (store / name).read_bytes()
    for _ in range(40):
        (store / name).write_bytes(mutate(original, dice))
        read(store, right)


def test_shards_with_a_forged_checksum(store: Path, right: dict[str, Any]) -> None:
    path = store / "shards" / "shard-00000.h5"
    dice, original = np.random.default_rng(2), path.read_bytes()
    refused = 0
    for _ in range(80):
        path.write_bytes(mutate(original, dice))
        sign(path)
        refused += read(store, right, forgeable(right))
    assert refused > 25


def test_notes_of_workers(store: Path) -> None:
    """A claim or a failure that cannot be read is none; neither stops anybody."""
    dice, folder = np.random.default_rng(4), work_folder(store)
    opened = open_store(store)
    for path in (folder / "shard-00001.claim", folder / "shard-00001.failed"):
        original = path.read_bytes()
        for number in range(60):
            content = mutate(original, dice) if number % 2 else json.dumps(changed(json.loads(original), dice)).encode()
            path.write_bytes(content)
            opened.shard_path(1).with_suffix(".sha256").unlink(missing_ok=True)
            found = read_status(opened)
            assert str(found.failed) and 0 <= found.finished <= found.units
            open_units(opened)
            for seen in read_claims(folder).values():
                is_stale(seen, 0.0)
            assert all(isinstance(str(failure), str) for failure in read_failures(store).values())


HARMLESS = {"attribute", "zeros", "ones", "bytes"}
"""What may stay unnoticed: attributes are for people, and results of other numbers are results."""


def test_shards_of_another_structure(store: Path, right: dict[str, Any]) -> None:
    dice, path = np.random.default_rng(5), store / "shards" / "shard-00000.h5"
    original = path.read_bytes()
    with h5py.File(path) as file:
        names = dice.permutation(list(file))[:3].tolist()
    for kind, change in structures(dice).items():
        for name in names:
            path.write_bytes(original)
            with h5py.File(path, "a") as file:
                old = file[name]
                del file[name]
                change(file, name, old)
            sign(path)
            assert read(store, right, forgeable(right)) or kind in HARMLESS, (kind, name)


def test_nan_is_no_result(store: Path, right: dict[str, Any]) -> None:
    """Of floating-point results; what is stored as integers has no NaN."""
    path = store / "shards" / "shard-00000.h5"
    original = path.read_bytes()
    with h5py.File(path) as file:
        names = [name for name in file if file[name].dtype.kind == "f"]
    for name in names:
        for value in (np.nan, np.inf, -np.inf):
            path.write_bytes(original)
            with h5py.File(path, "a") as file:
                file[name][...] = value
            sign(path)
            assert read(store, right), name


@pytest.fixture
def look(store: Path, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[], list[int]]:
    """Runs every command that looks at the store, and gives their exit codes; nothing but our own errors come out."""
    output = tmp_path / "merged"
    words = [
        ("data", "action=status", f"store={store}"),
        ("data", "action=verify", f"store={store}"),
        ("data", "action=merge", f"stores=[{store},{finished}]", f"output={output}"),
        ("info", f"target={store}"),
    ]
    configs = [compose_config(command, list(rest)) for command, *rest in words]

    def look() -> list[int]:
        codes = []
        for config in configs:
            shutil.rmtree(output, ignore_errors=True)
            try:
                import_module(f"propmat.cli.{config.command}").run(config)
                codes.append(0)
            except PropmatError as error:
                assert len(str(error)) < 10_000
                codes.append(2)
        capsys.readouterr()
        return codes

    return look


def test_commands_take_any_store(store: Path, look: Callable[[], list[int]]) -> None:
    """status, verify, merge and info, whichever file is damaged, forged or none at all."""
    dice = np.random.default_rng(6)
    assert look() == [0, 0, 0, 0]
    for name in ("store.json", "shards/shard-00000.h5", "shards/shard-00000.sha256", "work/shard-00001.failed"):
        path = store / name
        original = path.read_bytes()
        for number in range(5):
            if name == "store.json" and number % 5:
                content = changed({key: value for key, value in json.loads(original).items() if key != "sha256"}, dice)
                if isinstance(content, dict):
                    content["sha256"] = safe_digest(content)
                path.write_text(json.dumps(content))
            else:
                path.write_bytes(mutate(original, dice))
            if name.endswith(".h5") and number % 2:
                sign(path)
            look()
        path.unlink()
        look()
        path.mkdir()
        look()
        path.rmdir()
        path.symlink_to("/dev/zero")
        look()
        path.unlink()
        path.write_bytes(original)
        if name.endswith(".h5"):
            sign(path)
    assert look() == [0, 0, 0, 0]


def test_manifests_with_a_forged_checksum(store: Path, right: dict[str, Any], look: Callable[[], list[int]]) -> None:
    """Any value of store.json replaced: the header is refused, or it is of other samples than those that are there."""
    dice, path = np.random.default_rng(3), store / "store.json"
    original = json.loads(path.read_text())
    del original["sha256"]
    accepted = 0
    for _ in range(MANIFESTS):
        content = changed(original, dice)
        if isinstance(content, dict):
            content["sha256"] = safe_digest(content)
        path.write_text(json.dumps(content))
        read(store, right, fewer=True)
        if look()[0] == 0:
            accepted += 1
    assert 0 < accepted < MANIFESTS
