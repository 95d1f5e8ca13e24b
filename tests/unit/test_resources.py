"""The shipped folders are found in a checkout and in a wheel; the package itself loads nothing heavy."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import propmat
from propmat import resources
from propmat.errors import FileError

ROOT = Path(__file__).parents[2]


def test_the_folders_exist() -> None:
    assert resources.conf_dir().is_dir()
    assert resources.datasets_dir().is_dir()


def test_a_checkout_uses_its_own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "propmat")
    (tmp_path / "conf").mkdir()
    assert resources.conf_dir() == tmp_path / "conf"


def test_a_wheel_prefers_the_folders_inside_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "propmat")
    (tmp_path / "conf").mkdir()
    (tmp_path / "propmat" / "_conf").mkdir(parents=True)
    assert resources.conf_dir() == tmp_path / "propmat" / "_conf"


def test_a_broken_installation_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "propmat")
    with pytest.raises(FileError, match=r"datasets folder is missing.*_datasets"):
        resources.datasets_dir()


def test_importing_propmat_and_its_ground_floor_loads_nothing_heavy() -> None:
    code = (
        "import sys, propmat, propmat.resources, propmat.parameters, propmat.transfer, propmat.grids\n"
        "print(sorted({'torch', 'h5py', 'numba', 'hydra', 'lightning', 'emcee', 'matplotlib'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_unknown_attributes_of_the_package_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        _ = propmat.lod


def test_the_citation_names_this_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.+)$", citation, re.MULTILINE).group(1) == propmat.__version__
