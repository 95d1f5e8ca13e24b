"""The heliosphere: presets, the trajectory simulator, and the force-field baseline.

Names are resolved on first use, so that the force field and the presets do not pay for the compiler.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from propmat.heliosphere.forcefield import force_field
    from propmat.heliosphere.many import ManyRun, simulate_many
    from propmat.heliosphere.model import Heliosphere
    from propmat.heliosphere.reduce import HeliosphereCounts, simulate_counts
    from propmat.heliosphere.simulation import SIMULATOR_VERSION, HeliosphereRun, simulate

_HOMES = {
    "Heliosphere": "model",
    "HeliosphereCounts": "reduce",
    "HeliosphereRun": "simulation",
    "ManyRun": "many",
    "SIMULATOR_VERSION": "simulation",
    "force_field": "forcefield",
    "simulate": "simulation",
    "simulate_counts": "reduce",
    "simulate_many": "many",
}
__all__ = [
    "SIMULATOR_VERSION",
    "Heliosphere",
    "HeliosphereCounts",
    "HeliosphereRun",
    "ManyRun",
    "force_field",
    "simulate",
    "simulate_counts",
    "simulate_many",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
