"""A run that does not fit says so before it starts."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from propmat.errors import InputError
from propmat.heliosphere import Heliosphere, memory, simulate, tracing

QUICK = Heliosphere.preset("paper").replace(r_hp=1.5)
ARGUMENTS: dict[str, Any] = {
    "species": "proton",
    "polarity": 1,
    "kinetic_energy": [10.0, 30.0],
    "parameters": {"B0": 5.0, "tilt": 15.0, "K0": 1.0, "a": 0.5, "b": 2.0},
    "seed": 1,
    "threads": 1,
}


def say(monkeypatch: pytest.MonkeyPatch, folder: Path, machine: str, limit: str, used: str) -> None:
    """Files of a machine with so much memory and a control group of such a limit."""
    for name, text in (("meminfo", machine), ("limit", limit), ("used", used)):
        (folder / name).write_text(text)
    monkeypatch.setattr(memory, "MEMINFO", folder / "meminfo")
    monkeypatch.setattr(memory, "CGROUPS", ((folder / "limit", folder / "used"),))


@pytest.mark.parametrize(
    ("machine", "limit", "used", "expected"),
    [
        ("MemTotal: 9 kB\nMemAvailable:   4000 kB\n", "max\n", "77\n", 4_096_000),
        ("MemAvailable:   4000 kB\n", "5000\n", "2000\n", 3000),
        ("MemAvailable:   4000 kB\n", "1000\n", "2000\n", 0),
        ("MemAvailable:   4000 kB\n", "9223372036854771712\n", "0\n", 4_096_000),
        ("", "5000", "2000", 3000),
        ("", "max", "2000", None),
    ],
)
def test_the_tightest_limit_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, machine: str, limit: str, used: str, expected: int | None
) -> None:
    say(monkeypatch, tmp_path, machine, limit, used)
    assert memory.available_memory() == expected


def test_a_machine_that_says_nothing_is_not_in_the_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "none")
    monkeypatch.setattr(memory, "CGROUPS", ())
    assert memory.available_memory() is None
    memory.check_memory(10, 10**12)


def test_a_run_that_does_not_fit_is_refused_before_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    say(monkeypatch, tmp_path, "MemAvailable: 1000000 kB", "max", "0")

    def no_work(*_: object) -> None:
        raise AssertionError("work has begun")

    monkeypatch.setattr(tracing, "tracer", no_work)
    with pytest.raises(InputError, match=r"particles = 10000000 at 2 energies need 2.24 GB .*1.02 GB.*simulate_counts"):
        simulate(QUICK, particles=10_000_000, **ARGUMENTS)


def test_the_estimate_bounds_the_peak_and_is_not_far_above() -> None:
    """numpy reports its arrays to tracemalloc."""
    simulate(QUICK, particles=1, **ARGUMENTS)
    particles = 200_000
    tracemalloc.start()
    simulate(QUICK, particles=particles, **ARGUMENTS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.6 < peak / (2 * particles * memory.BYTES_A_TRAJECTORY) <= 1.0
