"""Let the tests here, and those of tests/physics/galaxy, import ``toy_tables``; the toy file, written once."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from toy_tables import write_tables


@pytest.fixture(scope="session")
def toy_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of invented gas and cross sections."""
    return write_tables(tmp_path_factory.mktemp("tables") / "toy.h5")
