"""A chain file is emcee's, refuses what is not its own, and a resumed chain equals an uninterrupted one."""

from pathlib import Path

import numpy as np
import pytest
from emcee.backends import HDFBackend
from fit_toy_emulator import ToyEmulator

from propmat.errors import FileError
from propmat.fit import FitConfig, SamplerConfig
from propmat.fit.chains import ChainFile
from propmat.fit.posterior import Posterior
from propmat.fit.problem import build_problem
from propmat.fit.profile import BestFit, best_fit
from propmat.fit.sampler import integrated_time, sample


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return build_problem(FitConfig(), ToyEmulator()).posterior


@pytest.fixture(scope="module")
def best(posterior: Posterior) -> BestFit:
    return best_fit(posterior, seed=1)


def run(folder: Path, posterior: Posterior, best: BestFit, steps: int, chunk: int) -> ChainFile:
    file = ChainFile(folder / "chain.h5", "digest", posterior.names, 24)
    sample(posterior, best, SamplerConfig(walkers=24, steps=steps, burn=0, seed=3, chunk=chunk), file)
    return file


def test_chain_depends_neither_on_chunks_nor_on_interruptions(
    tmp_path: Path, posterior: Posterior, best: BestFit
) -> None:
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = run(tmp_path / "whole", posterior, best, steps=12, chunk=12)
    for steps in (5, 9, 12):
        parts = run(tmp_path / "parts", posterior, best, steps=steps, chunk=2)
    assert parts.iteration == 12
    assert np.array_equal(whole.chain(), parts.chain())
    assert np.array_equal(whole.acceptance(), parts.acceptance())
    assert np.unique(whole.chain()[:, 0, 0]).size > 1


def test_emcee_reads_the_file(tmp_path: Path, posterior: Posterior, best: BestFit) -> None:
    file = run(tmp_path, posterior, best, steps=6, chunk=4)
    backend = HDFBackend(str(file.path), read_only=True)
    assert np.array_equal(backend.get_chain(), file.chain())
    assert backend.get_chain().shape == (6, 24, posterior.size)
    last = backend.get_chain()[-1]
    assert np.allclose(backend.get_log_prob()[-1], posterior.log_probability(last), rtol=1e-12)


def test_walkers_start_inside_the_prior(tmp_path: Path, posterior: Posterior, best: BestFit) -> None:
    file = run(tmp_path, posterior, best, steps=1, chunk=1)
    assert posterior.inside(file.chain()[0]).all()


def test_foreign_and_damaged_files_are_refused(tmp_path: Path, posterior: Posterior, best: BestFit) -> None:
    file = run(tmp_path, posterior, best, steps=2, chunk=2)
    with pytest.raises(FileError, match="another problem"):
        ChainFile(file.path, "other digest", posterior.names, 24)
    with pytest.raises(FileError, match="another problem"):
        ChainFile(file.path, "digest", posterior.names, 26)
    file.path.write_bytes(file.path.read_bytes()[:1000])
    with pytest.raises(FileError, match=r"chain\.h5: not a chain of propmat, or damaged"):
        ChainFile(file.path, "digest", posterior.names, 24)


def test_autocorrelation_time_of_a_stuck_walker_is_the_length_of_the_chain() -> None:
    chain = np.random.default_rng(4).standard_normal((50, 6, 2))
    chain[:, 3, 1] = 1.0
    times = integrated_time(chain)
    assert times[0] < 10.0
    assert times[1] == 50.0
