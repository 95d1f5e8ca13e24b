"""Let the tests here import ``fake_samples`` (fake_propmat.py of tests/integration does, too)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
