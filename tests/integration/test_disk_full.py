"""A disk that is full, or may only be read: said with place and remedy, nothing is spoilt, and what was begun is ended.

The disk is a small file system in memory, which only root may mount.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from forked_propmat import Forks

from propmat.samples import open_store

SIMULATE = (
    "simulate", "samples=heliosphere_tiny", "samples.row_step=9", "samples.count=16", "samples.shard_size=2",
    "production.workers=1",
)  # fmt: skip
NOBODY = 65534
POWERLESS = ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override")
FREE_PAGES = (0, 1, 2, 5, 8)
"""With so many free ones a command comes less or more far."""


REMEDY = "Free some space or choose a folder you may write to"


class Disk:
    """A file system of one MiB; leave it (``with``) and it is gone."""

    def __init__(self, path: Path) -> None:
        self.path, self._ballast = path, path / "ballast"

    def __enter__(self) -> Disk:
        self.path.mkdir()
        try:
            done = self._mount("-t", "tmpfs", "-o", "size=1m", "tmpfs")
        except (FileNotFoundError, PermissionError) as error:
            pytest.skip(f"cannot mount a small disk: {error}")
        if done.returncode != 0:
            pytest.skip(f"cannot mount a small disk: {done.stderr.strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", self.path], check=True)

    def fill(self, pages: int = 0) -> None:
        """Leave so many pages free."""
        self.clear()
        space = os.statvfs(self.path)
        with self._ballast.open("wb") as file:
            file.write(bytes((space.f_bavail - pages) * space.f_bsize))
        assert os.statvfs(self.path).f_bavail == pages

    def clear(self) -> None:
        """Free the space."""
        self._ballast.unlink(missing_ok=True)

    def only_read(self, only: bool = True) -> None:
        """Forbid writing, or allow it again."""
        assert self._mount("-o", f"remount,{'ro' if only else 'rw'}").returncode == 0

    def _mount(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["mount", *words, self.path], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    with Forks(tmp_path_factory.mktemp("logs")) as forks:
        yield forks


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with Disk(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture(scope="module")
def road(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with stores ``whole``, ``first`` and ``second`` half, ``imported``, and the file that was imported."""
    folder = tmp_path_factory.mktemp("road")
    for name, start, count in (("whole", 0, 16), ("first", 0, 8), ("second", 8, 8)):
        words = (*SIMULATE, f"output={folder / name}", f"samples.start={start}", f"samples.count={count}")
        succeed(forks, words)
    (folder / "run.csv").write_text(exits())
    succeed(forks, (*imported(folder), f"output={folder / 'imported'}"))
    return folder


def exits() -> str:
    """Energies at Earth and at the boundary of some particles."""
    gain = np.random.default_rng(1).gamma(4.0, 0.1, (2, 100))
    lines = [
        f"{energy} {energy + more!r}" for energy, row in zip((0.5, 2.0), gain.tolist(), strict=True) for more in row
    ]
    return "\n".join(lines)


def imported(road: Path) -> tuple[str, ...]:
    point = ("B0=5", "tilt=15", "K0=0.2", "a=0.5", "b=2", "polarity=1", "species=proton")
    return ("data", "import", f"files=[{road / 'run.csv'}]", *point)


def commands(road: Path) -> dict[str, tuple[tuple[str, ...], Path]]:
    """Command lines that write a store, and the store that they should make."""
    return {
        "one worker": (SIMULATE, road / "whole"),
        "two workers": ((*SIMULATE, "production.workers=2"), road / "whole"),
        "merge": (("data", "merge", f"stores=[{road / 'first'},{road / 'second'}]"), road / "whole"),
        "import": (imported(road), road / "imported"),
    }


def contents(store: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (store / "shards").iterdir()}


def check_whole(store: Path, whole: Path) -> None:
    """What was made is all that is left, to the byte."""
    assert contents(store) == contents(whole)
    assert sorted(path.name for path in store.iterdir()) == ["config.yaml", "shards", "store.json"]


def succeed(forks: Forks, words: tuple[object, ...]) -> str:
    code, said = forks.run(*words)
    assert code == 0, said
    return said


def refuse(forks: Forks, words: tuple[object, ...], place: str, remedy: str) -> None:
    """The command ends in order: exit code 2, what it cannot write, and what to do."""
    code, said = forks.run(*words)
    assert code == 2 and "Traceback" not in said, said
    assert place in said and remedy in said, said


def check_valid(store: Path) -> None:
    if (store / "store.json").exists():
        assert not open_store(store).verify()


def without_rights(*words: str) -> tuple[int, str]:
    """Exit code of a command line that may write only what is its own, and what it said."""
    program = [sys.executable, str(Path(__file__).with_name("fake_propmat.py")), *words]
    done = subprocess.run([*POWERLESS, *program], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["one worker", pytest.param("two workers", marks=pytest.mark.slow), "merge", "import"])
def test_a_full_disk(forks: Forks, road: Path, disk: Disk, name: str) -> None:
    words, whole = commands(road)[name]
    store = disk.path / "store"
    words = (*words, f"output={store}", "resume=true")
    for pages in FREE_PAGES if name != "import" else FREE_PAGES[:3]:
        disk.fill(pages)
        refuse(forks, words, f"cannot write {store}", REMEDY)
        check_valid(store)
    disk.clear()
    succeed(forks, words)
    check_whole(store, whole)


def test_an_export_to_a_full_disk(forks: Forks, road: Path, disk: Disk) -> None:
    """HDF5 is never let near the end of a disk, where it crashes."""
    pytest.importorskip("h5netcdf")
    file = disk.path / "samples.nc"
    refuse(
        forks, ("data", "export", f"store={road / 'whole'}", f"file={file}"), f"cannot write {file}", "free some space"
    )
    assert not list(disk.path.iterdir())


def test_a_disk_that_may_only_be_read(forks: Forks, road: Path, disk: Disk) -> None:
    """Nothing can be written, begun before or not; all that is there can be looked at."""
    pytest.importorskip("h5netcdf")
    half, whole = disk.path / "half", disk.path / "whole"
    shutil.copytree(road / "whole", whole)
    shutil.copytree(road / "whole", half)
    for path in (half / "shards").glob("shard-0000[4-7]*"):
        path.unlink()
    disk.only_read()
    for name, (words, _) in commands(road).items():
        refuse(forks, (*words, f"output={disk.path / name}"), f"output = {disk.path / name}", REMEDY)
    for workers in (1, 2):
        begun = (*SIMULATE, f"output={half}", "resume=true", f"production.workers={workers}")
        refuse(forks, begun, f"output = {half}", REMEDY)
    refuse(
        forks, ("data", "export", f"store={whole}", f"file={disk.path / 'a.nc'}"), f"cannot write {disk.path}", "space"
    )
    assert "none damaged, 4 not made yet" in succeed(forks, ("data", "verify", f"store={half}"))
    assert "12 of 16 finished" in succeed(forks, ("data", "status", f"store={half}"))
    assert "12 of 16 finished" in succeed(forks, ("info", half))
    succeed(forks, ("data", "export", f"store={whole}", f"file={road / 'a.nc'}"))
    disk.only_read(False)
    succeed(forks, (*SIMULATE, f"output={half}", "resume=true"))
    check_whole(half, road / "whole")


def test_a_folder_of_another_user(forks: Forks, road: Path, tmp_path: Path) -> None:
    """A disk that may be written, by others."""
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root, to give a folder away, and setpriv, to be refused as others are")
    store = tmp_path / "store"
    shutil.copytree(road / "whole", store)
    (store / "shards" / "shard-00003.sha256").unlink()
    for path in (store, *store.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    words = (*SIMULATE, f"output={store}", "resume=true")
    code, said = without_rights(*words)
    assert code == 2 and f"output = {store}" in said and REMEDY in said and "Traceback" not in said, said
    assert "15 of 16 finished" in without_rights("data", "status", f"store={store}")[1]
    succeed(forks, words)
    check_whole(store, road / "whole")
