"""What a user installs carries the configuration and the shipped data."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from propmat.resources import conf_dir, datasets_dir

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", str(folder)], cwd=ROOT, check=True)
    return folder


def shipped_files() -> set[tuple[str, str]]:
    """(folder, path below it) of every file that the checkout ships."""
    folders = {"conf": conf_dir(), "datasets": datasets_dir()}
    return {
        (name, path.relative_to(folder).as_posix())
        for name, folder in folders.items()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_wheel_holds_every_configuration_and_data_file(built: Path) -> None:
    (wheel,) = built.glob("propmat-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert shipped_files()
    assert {f"propmat/_{folder}/{path}" for folder, path in shipped_files()} <= names
    assert "propmat/py.typed" in names
    assert not any(name.startswith(("tests/", "conf/", "datasets/")) for name in names)


def test_the_source_archive_holds_them_too(built: Path) -> None:
    (archive,) = built.glob("propmat-*.tar.gz")
    with tarfile.open(archive) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    assert {f"{folder}/{path}" for folder, path in shipped_files()} <= names
    assert {"LICENSE", "README.md", "pyproject.toml", "propmat/__init__.py"} <= names


def test_the_unpacked_wheel_finds_its_own_folders(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("propmat-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "from propmat.resources import conf_dir, datasets_dir; print(conf_dir()); print(datasets_dir())"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.split() == [str(tmp_path / "propmat" / "_conf"), str(tmp_path / "propmat" / "_datasets")]
