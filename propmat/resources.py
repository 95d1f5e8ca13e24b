"""Where the configuration files and the shipped data are: inside an installed wheel, or in a checkout."""

from __future__ import annotations

from pathlib import Path

from propmat.errors import FileError

_PACKAGE = Path(__file__).resolve().parent


def conf_dir() -> Path:
    """The folder of hydra's configuration groups.

    Raises:
        FileError: the installation carries no such folder.
    """
    return _find("conf")


def datasets_dir() -> Path:
    """The folder of measurements, sample sets and emulator bundles that come with propmat.

    Raises:
        FileError: the installation carries no such folder.
    """
    return _find("datasets")


def _find(name: str) -> Path:
    """``_name`` in the package (a wheel), else ``name`` beside it (a checkout)."""
    places = (_PACKAGE / f"_{name}", _PACKAGE.parent / name)
    for place in places:
        if place.is_dir():
            return place
    raise FileError(f"propmat's {name} folder is missing: neither {places[0]} nor {places[1]} exists. Install again.")
