"""The fit from beginning to end: read, minimise, sample, predict antiprotons, write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from propmat.emulator.inference import load
from propmat.fit.chains import ChainFile
from propmat.fit.config import FitConfig
from propmat.fit.prediction import MatrixEmulator
from propmat.fit.problem import build_problem
from propmat.fit.profile import best_fit, fit_force_field
from propmat.fit.results import FitResult
from propmat.fit.sampler import sample
from propmat.fit.summary import summarise
from propmat.samples.files import prepare_folder


def run_fit(
    config: FitConfig, out_dir: str | Path, *, resume: bool = False, emulator: MatrixEmulator | None = None
) -> FitResult:
    """Fit the rotations of ``config`` and write ``chain.h5`` and ``result.json`` into ``out_dir``.

    Args:
        config: what to fit.
        out_dir: created if missing; must be empty unless ``resume``.
        resume: continue the chain in ``out_dir``; it ends up equal to that of an uninterrupted run.
        emulator: used instead of loading ``config.emulator``.

    Returns:
        What is in ``result.json``.

    Raises:
        InputError: wrong input, named before any work starts, or a non-empty folder without ``resume``.
        FileError: a folder that cannot be written, or a chain that is damaged or of another problem.
    """
    folder = Path(out_dir)
    prepare_folder(folder, resume=resume)
    with _one_thread():
        return _fit(config, folder, emulator)


def _fit(config: FitConfig, folder: Path, emulator: MatrixEmulator | None) -> FitResult:
    problem = build_problem(config, load(config.emulator) if emulator is None else emulator)
    posterior = problem.posterior
    chain = ChainFile(folder / "chain.h5", problem.digest, posterior.names, config.sampler.walkers)
    best = best_fit(posterior, config.sampler.seed)
    force_field = fit_force_field(
        problem.protons.edges, len(config.rotations), problem.lis, problem.force_field_errors, posterior.constraint
    )
    sample(posterior, best, config.sampler, chain)
    result = summarise(problem, best, force_field, chain)
    result.write(folder / "result.json")
    return result


@contextmanager
def _one_thread() -> Iterator[None]:
    """One torch thread: sums in one order, so that a chain does not depend on the number of cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
