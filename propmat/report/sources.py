"""Where numbers come from: the measured tables that are shipped, with what to cite, and the versions in use."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from propmat import __version__
from propmat.resources import datasets_dir

_PACKAGES: Final = ("numpy", "scipy", "torch", "lightning", "schedulefree", "numba", "emcee", "h5py")


@dataclass(frozen=True)
class Source:
    """One shipped table of measurements.

    Attributes:
        name: its file name.
        header: what the table says of itself: title, reference, units, command.
    """

    name: str
    header: Mapping[str, str]


def measurement_sources() -> list[Source]:
    """The tables in datasets/measurements, by name (FileError if the folder is missing)."""
    return [
        Source(path.name, _header(path.read_text(encoding="utf-8")))
        for path in sorted((datasets_dir() / "measurements").glob("*.csv"))
    ]


def versions() -> dict[str, str]:
    """Versions of propmat, Python and the packages that its numbers depend on."""
    found = {"propmat": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _header(text: str) -> dict[str, str]:
    """The ``# key: value`` lines; repeated keys joined by semicolons."""
    header: dict[str, str] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        key, _, value = (part.strip() for part in line.lstrip("# ").partition(":"))
        header[key] = f"{header[key]}; {value}" if key in header else value
    return header
