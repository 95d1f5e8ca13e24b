"""Fits of heliosphere parameters to measured rotations, the interstellar spectrum free within what is known.

Names are resolved on first use (PEP 562), so that a configuration can be checked without torch and emcee.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from propmat.fit.config import FitConfig, SamplerConfig
    from propmat.fit.results import FitResult
    from propmat.fit.run import run_fit

_HOMES = {"FitConfig": "config", "FitResult": "results", "SamplerConfig": "config", "run_fit": "run"}
__all__ = ["FitConfig", "FitResult", "SamplerConfig", "run_fit"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
