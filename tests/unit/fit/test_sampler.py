"""The posterior of synthetic data covers the parameters they were drawn at."""

from pathlib import Path

import numpy as np
from fit_synthetic import TRUTH, synthetic

from propmat.fit import SamplerConfig
from propmat.fit.chains import ChainFile
from propmat.fit.profile import best_fit
from propmat.fit.sampler import sample


def test_posterior_covers_the_truth(tmp_path: Path) -> None:
    posterior = synthetic(np.random.default_rng(21))
    config = SamplerConfig(walkers=32, steps=500, burn=200, seed=2, chunk=250)
    file = ChainFile(tmp_path / "chain.h5", "digest", posterior.names, config.walkers)
    sample(posterior, best_fit(posterior, seed=1), config, file)
    flat = file.chain(discard=config.burn).reshape(-1, posterior.size)
    assert posterior.inside(flat).all()
    low, high = np.quantile(flat, (0.16, 0.84), axis=0)
    # 4.5 half-widths: 12 parameters, and a short chain knows its own width to some 20 %.
    assert np.all(np.abs(TRUTH - 0.5 * (low + high)) < 4.5 * 0.5 * (high - low))
    assert np.all(high - low > 0)
