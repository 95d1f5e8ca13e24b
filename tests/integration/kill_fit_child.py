"""The fit that test_kill_fit.py kills: ``python kill_fit_child.py FOLDER STEPS``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "fit"))

from fit_toy_emulator import ToyEmulator

from propmat.fit import FitConfig, SamplerConfig, run_fit

if __name__ == "__main__":
    config = FitConfig(sampler=SamplerConfig(walkers=24, steps=int(sys.argv[2]), burn=10, chunk=5))
    run_fit(config, sys.argv[1], resume=True, emulator=ToyEmulator())
