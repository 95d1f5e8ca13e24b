"""propmat: simulators make samples, samples train emulators, emulators drive fits."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from propmat.emulator import load

__version__ = "0.1.0"
__all__ = ["__version__", "load"]

# Read once, when OpenMP starts: torch's idle threads would else spin on the cores that numba computes on.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def __getattr__(name: str) -> Any:
    """Resolve ``propmat.load`` on first use (PEP 562), so that ``import propmat`` imports no torch."""
    if name == "load":
        return import_module("propmat.emulator").load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
