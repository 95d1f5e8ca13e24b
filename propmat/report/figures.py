"""The figures of the report, one function each; every one returns a matplotlib Figure that needs no display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter
from numpy.typing import ArrayLike

from propmat.emulator.metrics import FoldedErrors
from propmat.fit.lis import LisModel
from propmat.fit.results import FitResult, Quality
from propmat.measurements import LocalFlux
from propmat.report.evaluation import Evaluation
from propmat.report.history import History
from propmat.species import FloatArray, kinetic_energy_from_rigidity, rigidity_from_kinetic_energy
from propmat.spectra import LogLogSpline, flux_per_rigidity, proton_lis
from propmat.transfer import TransferGrid

COLOURS = ("#1f5f8b", "#c8553d", "#4a7c59", "#8c5e9e", "#b8860b", "#4f4f4f")
_STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "svg.hashsalt": "propmat",
}
_LIS_ENERGY = np.geomspace(0.003, 60.0, 300)
_RIGIDITY = "rigidity R [GV]"
_WEIGHTED_FLUX = r"$R^2$ dJ/dR [GV m$^{-2}$ s$^{-1}$ sr$^{-1}$]"


def spectra(result: FitResult, voyager: LocalFlux) -> Figure:
    """The fitted interstellar spectrum with Voyager 1, and protons at Earth with AMS-02, times R^2.

    Points are drawn at the centre of their bin, moved along the slope that the fit has within it.
    """
    figure, grid = _axes(figsize=(7.8, 5.4))
    axes = grid[0, 0]
    for name, quality, style in (("PropMat", result.propmat, "-"), ("force-field", result.force_field, "--")):
        curve = _weighted(_LIS_ENERGY, fitted_lis(result, quality)(_LIS_ENERGY))
        axes.plot(*curve, style, color="black", linewidth=1.2, label=f"interstellar, {name} fit")
    rigidity, flux = _weighted(voyager.kinetic_energy, voyager.flux)
    error = flux * voyager.total / voyager.flux
    axes.errorbar(rigidity, flux, yerr=error, fmt="s", color="grey", markersize=4, label="Voyager 1")
    edges = np.array(result.rigidity_edges)
    centres = kinetic_energy_from_rigidity(_centres(edges), "proton")
    for number, (item, colour) in enumerate(zip(result.rotations, COLOURS, strict=False)):
        scale = 0.5**number
        name = f"rotation {item.rotation}" + (f" (× {scale:g})" if number else "")
        curves = item.curves
        at_centre = _weighted(centres, LogLogSpline(np.array(curves.kinetic_energy), np.array(curves.proton))(centres))[
            1
        ]
        corrected = scale * at_centre / np.array(item.proton.propmat.best)
        points = np.array(item.proton.flux) * corrected, np.array(item.proton.uncorrelated) * corrected
        _points(axes, edges, *points, color=colour, label=f"AMS-02, {name}")
        for label, style, values in (("PropMat", "-", curves.proton), ("force field", "--", curves.proton_force_field)):
            rigidity, flux = _weighted(curves.kinetic_energy, values)
            axes.plot(rigidity, scale * flux, style, color=colour, linewidth=1.2, label=f"{label}, {item.rotation}")
    axes.set(yscale="log", xlim=(0.07, 50), ylim=(10, 2e4), ylabel=_WEIGHTED_FLUX)
    _rigidity_axis(axes)
    axes.legend(fontsize=8, ncols=2, loc="lower right")
    return figure


def fitted_lis(result: FitResult, quality: Quality) -> LogLogSpline:
    """The interstellar proton spectrum of one of the two fits of a result."""
    model = LisModel(proton_lis(), float(result.config["lis_free_above"]))
    return model.spectrum(np.array([quality.lis[name] for name in model.names]))


def residuals(result: FitResult) -> Figure:
    """Measured over fitted protons minus one: PropMat and force field, the shared systematic error as a band."""
    figure, grid = _axes(len(result.rotations), figsize=(7.8, 0.9 + 2.3 * len(result.rotations)))
    edges = np.array(result.rigidity_edges)
    for axes, item, colour in zip(grid[:, 0], result.rotations, COLOURS, strict=False):
        proton = item.proton
        flux, model = np.array(proton.flux), np.array(proton.propmat.best)
        shared = 100 * np.array(proton.correlated) / flux
        axes.fill_between(
            edges, np.append(-shared, -shared[-1]), np.append(shared, shared[-1]), step="post", color="grey", alpha=0.2,
            linewidth=0, label="systematic error, the same in all rotations",
        )  # fmt: skip
        axes.axhline(0.0, color="black", linewidth=0.8)
        error = 100 * np.array(proton.uncorrelated) / model
        _points(axes, edges, 100 * (flux / model - 1), error, color=colour, label=f"PropMat, χ² = {proton.chi2:.1f}")
        axes.plot(
            _centres(edges), 100 * (flux / np.array(proton.force_field) - 1), "D--", color="black", markersize=4,
            markerfacecolor="white", linewidth=0.8, label=f"force field, χ² = {proton.chi2_force_field:.1f}",
        )  # fmt: skip
        axes.set(ylabel="data / model - 1 [%]", title=f"rotation {item.rotation}")
        axes.legend(fontsize=8, ncols=3)
    _rigidity_axis(grid[-1, 0])
    return figure


def posterior(samples: FloatArray, labels: Sequence[str], best: FloatArray) -> Figure:
    """Corner plot of posterior samples (sample, parameter), with the best fit (parameter,) as lines."""
    import corner

    count = samples.shape[1]
    with matplotlib.rc_context(_STYLE | {"axes.grid": False}):
        figure = Figure(figsize=(1.8 * count + 0.8, 1.8 * count + 0.8))
        corner.corner(
            samples, fig=figure, labels=list(labels), truths=list(best), truth_color=COLOURS[1], color=COLOURS[0],
            quantiles=(0.16, 0.5, 0.84), plot_datapoints=False, smooth=1.2, bins=25, show_titles=True,
            title_kwargs={"fontsize": 8}, label_kwargs={"fontsize": 9}, max_n_ticks=4, quiet=True,
        )  # fmt: skip
    return figure


def training(history: History) -> Figure:
    """Training and validation loss against epoch; a vertical line where the optimizer changes."""
    figure, grid = _axes(figsize=(7.8, 3.8))
    axes = grid[0, 0]
    axes.plot(history.epoch, history.training, color=COLOURS[0], label="training")
    axes.plot(history.epoch, history.validation, color=COLOURS[1], label="validation")
    if history.second_phase is not None:
        axes.axvline(history.second_phase, color="grey", linestyle=":", label="AdamWScheduleFree → SGD")
    late = np.concatenate([history.training[len(history.training) // 10 :], history.validation])
    low, high = float(np.min(late)), float(np.quantile(late, 0.98))
    margin = 0.08 * (high - low) or 0.01
    axes.set(xlabel="epoch", ylabel="loss per particle", ylim=(low - margin, high + margin))
    axes.legend(fontsize=8)
    return figure


def emulator_error(evaluation: Evaluation, target: float) -> Figure:
    """Relative error of the folded flux at Earth on held-out samples; ``target`` is aimed at for 95 % of them."""
    figure, grid = _axes(figsize=(7.8, 4.0))
    axes = grid[0, 0]
    energy = np.array(evaluation.kinetic_energy)
    curves = (("median", evaluation.median), ("95 % of the samples below", evaluation.percentile_95))
    for (name, values), colour in zip(curves, COLOURS, strict=False):
        axes.plot(energy, 100 * np.array(values), "o-", markersize=3, color=colour, label=name)
    truth = 100 * np.array(evaluation.truth_standard_error)
    axes.plot(energy, truth, ":", color="grey", label="Monte-Carlo error of the simulation itself (median)")
    axes.axhline(100 * target, color="black", linestyle="--", linewidth=1, label=f"target for 95 %: {100 * target:g} %")
    axes.set(xscale="log", yscale="log", xlabel="kinetic energy T [GeV/n]", ylabel="|emulator / simulation - 1| [%]")
    axes.legend(fontsize=8)
    return figure


def antiprotons(result: FitResult) -> Figure:
    """Antiprotons at Earth times R^2: measured, predicted with the parameters of the protons, force field."""
    figure, grid = _axes(1, len(result.rotations), figsize=(1 + 3.8 * len(result.rotations), 3.9), sharey=True)
    edges = np.array(result.rigidity_edges)
    square = _centres(edges) ** 2
    for axes, item, colour in zip(grid[0], result.rotations, COLOURS, strict=False):
        antiproton = item.antiproton
        error = np.hypot(antiproton.uncorrelated, antiproton.correlated)
        _points(axes, edges, np.array(antiproton.flux) * square, error * square, color="black", label="AMS-02")
        band = (np.array(values) * square for values in (antiproton.propmat.low, antiproton.propmat.high))
        axes.fill_between(_centres(edges), *band, color=colour, alpha=0.3, linewidth=0)
        model, plain = np.array(antiproton.propmat.best) * square, np.array(antiproton.force_field) * square
        axes.plot(_centres(edges), model, color=colour, label=f"PropMat, χ² = {antiproton.chi2:.1f}")
        axes.plot(
            _centres(edges), plain, "--", color="grey", label=f"force field, χ² = {antiproton.chi2_force_field:.1f}"
        )
        axes.set(title=f"rotation {item.rotation}", ylim=(0, None))
        _rigidity_axis(axes)
        axes.legend(fontsize=8, loc="upper left")
    grid[0, 0].set_ylabel(_WEIGHTED_FLUX)
    return figure


def contrast(result: FitResult) -> Figure:
    """Flux of later rotations over that of the first, protons and antiprotons: data, PropMat, force field."""
    figure, grid = _axes(figsize=(7.8, 4.4))
    axes = grid[0, 0]
    axes.axhline(1.0, color="black", linewidth=0.8)
    edges = np.array(result.rigidity_edges)
    for item, colour in zip(result.contrasts, COLOURS, strict=False):
        name = f"{item.species} {item.rotation} / {item.reference}"
        _points(axes, edges, np.array(item.data), np.array(item.error), color=colour, label=f"{name}, AMS-02")
        axes.fill_between(_centres(edges), item.propmat.low, item.propmat.high, color=colour, alpha=0.25, linewidth=0)
        axes.plot(_centres(edges), item.propmat.best, color=colour, label="PropMat")
        axes.plot(_centres(edges), item.force_field, "--", color=colour, linewidth=1, label="force field")
    axes.set(ylabel="ratio of fluxes between rotations")
    _rigidity_axis(axes)
    axes.legend(fontsize=8, ncols=2)
    return figure


def transfer_matrices(matrices: Mapping[str, FloatArray], grid: TransferGrid) -> Figure:
    """Where particles seen at Earth came from, one panel for each named matrix (toa, lis).

    The colour is the probability per ln T, divided by its largest value in each row: kernels at 40 GeV are a hundred
    times narrower than at 0.1 GeV.
    """
    figure, panels = _axes(1, len(matrices), figsize=(1 + 4.0 * len(matrices), 4.0))
    log_toa = np.log(grid.toa)
    middle = 0.5 * (log_toa[1:] + log_toa[:-1])
    rows = np.exp(np.concatenate([[2 * log_toa[0] - middle[0]], middle, [2 * log_toa[-1] - middle[-1]]]))
    widths = np.diff(np.log(grid.lis_edges), axis=1)
    for axes, (name, matrix) in zip(panels[0], matrices.items(), strict=True):
        axes.grid(visible=False)
        for row, edges in enumerate(grid.lis_edges):
            density = matrix[row] / widths[row]
            shown = np.where(density > 0.01 * density.max(), density / density.max(), np.nan)[None]
            image = axes.pcolormesh(
                edges, rows[row : row + 2], shown, cmap="magma_r", vmin=0.0, vmax=1.0, rasterized=True
            )
        axes.plot(rows[[0, -1]], rows[[0, -1]], color="grey", linewidth=0.8, linestyle="--")
        axes.set(xscale="log", yscale="log", xlim=(rows[0], 1.5 * rows[-1]), ylim=(rows[0], rows[-1]), title=name)
        axes.set_xlabel("interstellar kinetic energy [GeV/n]")
    panels[0, 0].set_ylabel("kinetic energy at Earth [GeV/n]")
    figure.colorbar(image, ax=list(panels[0]), label="probability per ln T, relative to the row's largest")
    return figure


def fresh_samples(errors: FoldedErrors) -> Figure:
    """Emulator over simulation minus one for samples simulated just now, with the simulation's own errors."""
    figure, grid = _axes(figsize=(7.8, 3.8))
    axes = grid[0, 0]
    axes.axhline(0.0, color="black", linewidth=0.8)
    count = len(errors.relative_error)
    for number, (values, noise) in enumerate(zip(errors.relative_error, errors.truth_standard_error, strict=True)):
        shifted = errors.kinetic_energy * 1.08 ** (number / count - 0.5)
        axes.errorbar(
            shifted, 100 * values, yerr=100 * noise, fmt="o", markersize=3, linewidth=0.8,
            color=COLOURS[number % len(COLOURS)], label=f"sample {number + 1}",
        )  # fmt: skip
    axes.set(xscale="log", xlabel="kinetic energy T [GeV/n]", ylabel="emulator / simulation - 1 [%]")
    if count <= 8:
        axes.legend(fontsize=8, ncols=4)
    return figure


def encode(figure: Figure, kind: Literal["svg", "png"]) -> bytes:
    """A figure as a file; the same figure gives the same bytes."""
    buffer = BytesIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(buffer, format=kind, dpi=130, metadata={"Date": None} if kind == "svg" else {})
    return buffer.getvalue()


def _axes(rows: int = 1, columns: int = 1, *, sharey: bool = False, **options: Any) -> tuple[Figure, Any]:
    """A styled figure and its axes as an array (rows, columns)."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(layout="constrained", **options)
        return figure, figure.subplots(rows, columns, squeeze=False, sharex=rows > 1, sharey=sharey)


def _centres(edges: FloatArray) -> FloatArray:
    """Geometric bin centres."""
    return np.asarray(np.sqrt(edges[1:] * edges[:-1]))


def _points(axes: Axes, edges: FloatArray, values: FloatArray, error: FloatArray, **options: Any) -> None:
    """Measured bins: vertical errors and bin widths."""
    centres = _centres(edges)
    widths = np.stack([centres - edges[:-1], edges[1:] - centres])
    axes.errorbar(centres, values, yerr=error, xerr=widths, fmt="o", markersize=3.5, linewidth=1, **options)


def _weighted(kinetic_energy: ArrayLike, flux: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """(rigidity [GV], R^2 dJ/dR) of a proton or antiproton flux per GeV."""
    energy = np.asarray(kinetic_energy, dtype=np.float64)
    rigidity = rigidity_from_kinetic_energy(energy, "proton")
    return rigidity, rigidity**2 * flux_per_rigidity(np.asarray(flux), energy, "proton")


def _rigidity_axis(axes: Axes) -> None:
    """A logarithmic axis with plain numbers."""
    axes.set(xscale="log", xlabel=_RIGIDITY)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
