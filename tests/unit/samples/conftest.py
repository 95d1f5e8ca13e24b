"""Let the tests here import ``fake_samples`` (also the worker of tests/integration/test_kill_simulate.py does)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
