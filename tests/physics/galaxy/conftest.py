"""Let the tests here import ``toy_tables`` of tests/unit/galaxy and ``direct``; the toy file, written once."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "galaxy"))

from toy_tables import write_tables


@pytest.fixture(scope="session")
def toy_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of invented gas and cross sections."""
    return write_tables(tmp_path_factory.mktemp("tables") / "toy.h5")


@pytest.fixture(scope="session")
def thin_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a millionth of the gas: no losses, destruction or secondaries to speak of."""
    return write_tables(tmp_path_factory.mktemp("tables") / "thin.h5", gas=1.0e-6)
