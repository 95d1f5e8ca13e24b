"""How much memory is free, and the refusal of a run that needs more, before it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from propmat.errors import InputError

MEMINFO: Final = Path("/proc/meminfo")
CGROUPS: Final = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)
"""Limit and use of a container or batch job, in both layouts that Linux has."""
BYTES_A_TRAJECTORY: Final = 112
"""Peak of :func:`~propmat.heliosphere.simulate` for each trajectory: its results, and what converts them."""
BYTES_A_PARTICLE: Final = 96
"""Peak of :func:`~propmat.heliosphere.simulate_many` for each particle: copies of its input, and its results."""


def available_memory() -> int | None:
    """Bytes that may still be taken, of the machine and of the control group; None where nobody says."""
    found = [_machine()] + [_group(limit, used) for limit, used in CGROUPS]
    known = [value for value in found if value is not None]
    return min(known) if known else None


def check_memory(energies: int, particles: int) -> None:
    """Refuse a run whose trajectories do not fit.

    Raises:
        InputError: names the particles, the memory they need and the memory there is.
    """
    needed, there = energies * particles * BYTES_A_TRAJECTORY, available_memory()
    if there is not None and needed > there:
        raise InputError(
            f"particles = {particles} at {energies} energies need {_size(needed)} of memory, {_size(there)} are "
            f"available (at most particles = {there // (energies * BYTES_A_TRAJECTORY)}). simulate_counts keeps "
            "histograms and moments only and needs none of it."
        )


def check_memory_of_many(particles: int) -> None:
    """Refuse a run of particles that have their own parameters, if they do not fit.

    Raises:
        InputError: names the particles, the memory they need and the memory there is.
    """
    needed, there = particles * BYTES_A_PARTICLE, available_memory()
    if there is not None and needed > there:
        raise InputError(
            f"{particles} particles need {_size(needed)} of memory, {_size(there)} are available: simulate at most "
            f"{there // BYTES_A_PARTICLE} at a time (each draws the noise of its own number, so that cuts do not show)."
        )


def _machine() -> int | None:
    """MemAvailable: free, or freed at once when asked for."""
    for line in _text(MEMINFO).splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _group(limit: Path, used: Path) -> int | None:
    """What a control group leaves; "max" in the file, or no file, means no limit."""
    top, now = _text(limit).strip(), _text(used).strip()
    return max(0, int(top) - int(now)) if top.isdigit() and now.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""


def _size(count: int) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e8 else f"{count / 1e6:.3g} MB"
