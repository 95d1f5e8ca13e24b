"""`make demo` without its computing: every command in it exists and says what it means."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from propmat.cli.config import compose_config
from propmat.cli.main import COMMANDS

DEMO = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "demo.py"))


@pytest.mark.parametrize("command", DEMO["STAGES"])
def test_stages_are_valid_commands(command: str) -> None:
    assert command in COMMANDS and command in DEMO["WHAT"]
    config = compose_config(command, DEMO["STAGES"][command].split())
    assert str(config.values["output"]).startswith("runs/demo")


def test_only_a_demo_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "demo" / "fit").mkdir(parents=True)
    (tmp_path / "demo" / "thesis.tex").touch()
    with pytest.raises(SystemExit, match=r"thesis\.tex"):
        DEMO["clear"](tmp_path / "demo")
    (tmp_path / "demo" / "thesis.tex").unlink()
    DEMO["clear"](tmp_path / "demo")
    assert not (tmp_path / "demo").exists()
    DEMO["clear"](tmp_path / "demo")
