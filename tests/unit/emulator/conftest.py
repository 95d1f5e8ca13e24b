from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from toy_heliosphere import toy_config, toy_samples

from propmat.emulator import Emulator, load
from propmat.emulator.training import train_on_table


@pytest.fixture(scope="session")
def bundle_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An emulator trained on the toy heliosphere."""
    header, table = toy_samples(points=192, particles=500, seed=1)
    return train_on_table(
        toy_config(60, 15), table, header.grid, header.parameter_space, tmp_path_factory.mktemp("run"), progress=False
    )


@pytest.fixture(scope="session")
def emulator(bundle_path: Path) -> Emulator:
    return load(bundle_path)
