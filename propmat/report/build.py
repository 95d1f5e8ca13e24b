"""Builds the report page from run folders."""

from __future__ import annotations

import json
from pathlib import Path

import emcee
import h5py
import numpy as np

import propmat
from propmat.emulator import Emulator
from propmat.emulator.metrics import folded_errors
from propmat.errors import FileError
from propmat.fit import FitResult
from propmat.measurements import voyager_proton_lis
from propmat.report import figures, summary
from propmat.report.evaluation import EVALUATION, Evaluation
from propmat.report.history import History
from propmat.report.html import Page
from propmat.report.sources import measurement_sources, versions
from propmat.samples import SampleStore
from propmat.species import FloatArray

TARGET = 0.04
"""Relative error aimed at for 95 % of the folded fluxes."""


def build_report(
    fit: Path, *, train: Path | None = None, evaluation: Path | None = None, samples: Path | None = None
) -> Page:
    """The page of a fit, and of the emulator behind it where its run folders are given.

    Args:
        fit: folder with result.json and chain.h5.
        train: folder with metrics.csv.
        evaluation: folder with evaluation.json.
        samples: store of samples to compare with the emulator.

    Raises:
        FileError: something is missing or damaged.
        InputError: the emulator of the fit is gone, or does not cover the samples.
    """
    result = FitResult.read(fit / "result.json")
    emulator = propmat.load(str(result.config["emulator"]))
    rotations = ", ".join(str(item.rotation) for item in result.rotations)
    page = Page(f"propmat: cosmic rays of Bartels rotations {rotations}")
    _fit_part(page, result)
    _posterior_part(page, result, fit / "chain.h5")
    _antiproton_part(page, result)
    _emulator_part(page, result, emulator, train, evaluation, samples)
    _sources_part(page, result)
    return page


def _fit_part(page: Page, result: FitResult) -> None:
    page.heading("Protons: diffusion in each rotation")
    page.text(
        "K0, a and b are fitted to the AMS-02 proton fluxes of each rotation, at the magnetic field, tilt and polarity "
        "observed in it. The interstellar spectrum is fitted along, the same for all rotations; systematic errors that "
        "do not change in time are one nuisance per rigidity bin, shared by the rotations. Intervals hold 68 % of the "
        "posterior. The force field has one potential per rotation and the same freedom of the interstellar spectrum. "
        "The χ² of PropMat contains the emulator's error, that of the force field does not. It stands "
        "over bins - 3 (force field: bins - 1); the shared spectrum and the shared nuisances make it smaller still."
    )
    head, *rows = summary.parameter_rows(result)
    page.table(("", *(row[0] for row in rows)), list(zip(head[1:], *(row[1:] for row in rows), strict=True)))
    head, *rows = summary.quality_rows(result)
    page.table(head, rows)
    page.figure(
        figures.spectra(result, voyager_proton_lis()),
        "Proton spectra, interstellar and at Earth, times rigidity squared. Solid: PropMat; dashed: force field.",
    )
    page.figure(
        figures.residuals(result),
        "Measured over fitted proton fluxes. Error bars: statistical and time-dependent systematic errors.",
    )


def _posterior_part(page: Page, result: FitResult, chain: Path) -> None:
    page.heading("Posterior")
    samples, names = _chain(chain, result.sampler.burn)
    labels, columns, best = [], [], []
    for item in result.rotations:
        for name in ("ln_K0", "a", "b"):
            values = samples[:, names.index(f"{name}_{item.rotation}")]
            columns.append(np.exp(values) if name == "ln_K0" else values)
            labels.append(f"{name.removeprefix('ln_')} ({item.rotation})")
        best += [item.K0.best, item.a.best, item.b.best]
    page.figure(
        figures.posterior(np.stack(columns, axis=1), labels, np.array(best)),
        "Posterior of the diffusion parameters (K0 in 1e23 cm2/s), marginalised over the interstellar spectrum. "
        "Lines: best fit.",
        "png",
    )
    page.text(summary.sampler_text(result) + ".")


def _antiproton_part(page: Page, result: FitResult) -> None:
    page.heading("Antiprotons: a prediction")
    page.text(
        "The antiprotons are not fitted. They are predicted with K0, a and b of the protons and an interstellar "
        "spectrum from GALPROP that was not fitted to them either; only the sign of the drift is opposite. "
        "Their χ² stands in the table above."
    )
    for item in result.rotations:
        antiproton = item.antiproton
        page.text(
            f"Rotation {item.rotation}: χ² = {antiproton.chi2:.1f} for {len(antiproton.flux)} bins (force field "
            f"{antiproton.chi2_force_field:.1f}); scaled by {antiproton.free_normalisation:.3f}, "
            f"χ² = {antiproton.chi2_free_normalisation:.1f}."
        )
    page.figure(
        figures.antiprotons(result), "Antiprotons at Earth, times rigidity squared. Bands: 68 % of the posterior."
    )
    if result.contrasts:
        page.heading("Contrast between the rotations")
        page.text(
            "Ratio of fluxes between rotations: errors that both share cancel. The force field knows no sign of "
            "charge; the difference between protons and antiprotons is the work of drifts."
        )
        head, *rows = summary.contrast_rows(result)
        page.table(head, rows)
        page.figure(figures.contrast(result), "Fluxes of a rotation over those of the first, measured and modelled.")


def _emulator_part(
    page: Page,
    result: FitResult,
    emulator: Emulator,
    train: Path | None,
    evaluation: Path | None,
    samples: Path | None,
) -> None:
    page.heading("The emulator")
    if train is not None:
        caption = "Loss of the training: the mean negative log-likelihood (or squared error) a particle."
        page.figure(figures.training(History.read(train)), caption)
    if evaluation is not None:
        score = Evaluation.read(evaluation / EVALUATION)
        page.code(score.table())
        page.figure(
            figures.emulator_error(score, TARGET),
            "Relative error of the emulated proton flux at Earth on held-out samples, by kinetic energy.",
        )
    page.figure(
        figures.transfer_matrices(_matrices(result, emulator), emulator.grid),
        f"Emulated transfer matrices of rotation {result.rotations[0].rotation}: where a particle seen at Earth "
        "came from in interstellar energy. Left and right differ by the sign of the drift only.",
    )
    if samples is not None:
        store = SampleStore.open(samples)
        table = store.read()
        page.figure(
            figures.fresh_samples(folded_errors(emulator, table, store.header.grid)),
            f"The emulator against {len(table)} fresh samples of {int(table.particles[0])} particles an energy; "
            "error bars: Monte-Carlo errors of the samples.",
        )


def _sources_part(page: Page, result: FitResult) -> None:
    page.heading("Data: please cite")
    page.items(
        [f"{item.header.get('title', item.name)}: {item.header.get('reference', '')}" for item in measurement_sources()]
    )
    page.heading("How this was made")
    page.code(json.dumps(result.config, indent=1))
    page.code("\n".join(f"{package} {version}" for package, version in versions().items()))


def _matrices(result: FitResult, emulator: Emulator) -> dict[str, FloatArray]:
    """Best-fit matrices of the first rotation for both trained drift signs."""
    item = result.rotations[0]
    parameters = {"B0": item.B0, "tilt": item.tilt, "K0": item.K0.best, "a": item.a.best, "b": item.b.best}
    return {
        f"{species}, drift sign {sign:+d}": emulator.matrix(parameters, species=species, polarity=item.polarity)
        for species, sign in (("proton", item.polarity), ("antiproton", -item.polarity))
        if sign in emulator.card.drift_signs
    }


def _chain(path: Path, burn: int) -> tuple[FloatArray, list[str]]:
    """Flat samples (sample, parameter) after ``burn`` steps, and the names of the parameters."""
    try:
        with h5py.File(path, "r") as file:
            names = json.loads(file.attrs["names"])
        samples = emcee.backends.HDFBackend(str(path), read_only=True).get_chain(discard=burn, flat=True)
    except (OSError, KeyError, ValueError, AttributeError) as error:
        raise FileError(f"{path} is missing, damaged or no chain ({error}).") from error
    return np.asarray(samples, dtype=np.float64), names
