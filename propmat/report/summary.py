"""The numbers of a fit in words: the same for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from propmat.fit.results import Contrast, Estimate, FitResult, Quality, RotationResult

Row = tuple[str, ...]


def parameter_rows(result: FitResult) -> list[Row]:
    """Header and one row a rotation: conditions, (K0, a, b) with errors, chi^2/dof, force field."""
    head = ("rotation", "B0 [nT]", "tilt [deg]", "polarity", "K0 [1e23 cm2/s]", "a", "b", "χ²/dof",
            "force field φ [GV]", "χ²/dof (force field)", "p̄ χ²/bins", "p̄ χ²/bins, LIS scaled",
            "p̄ χ²/bins (force field)")  # fmt: skip
    return [head, *(_parameter_row(item) for item in result.rotations)]


def quality_rows(result: FitResult) -> list[Row]:
    """Header and one row a model: the chi^2 of the joint fit and its parts."""
    head = ("joint fit", "χ²/dof", "AMS-02 protons", "shared systematics", "Voyager 1", "prior of the LIS")
    return [head, _quality_row("PropMat", result.propmat), _quality_row("force field", result.force_field)]


def contrast_rows(result: FitResult) -> list[Row]:
    """Header and one row a rigidity bin: flux of later rotations over the first, in percent."""
    edges = result.rigidity_edges
    head = ["R [GV]"]
    for item in result.contrasts:
        name = f"{item.species} {item.rotation}/{item.reference}"
        head += [f"{name}, AMS-02", "PropMat", "force field"]
    rows = [tuple(head)]
    for number, (low, high) in enumerate(pairwise(edges)):
        cells = [f"{low:.2f}-{high:.2f}"]
        for item in result.contrasts:
            cells += _contrast_cells(item, number)
        rows.append(tuple(cells))
    return rows


def fit_summary(result: FitResult) -> str:
    """Everything a reader of the terminal wants to know of a fit."""
    parts = [_aligned(_transposed(parameter_rows(result))), _aligned(quality_rows(result))]
    if result.contrasts:
        parts.append(_aligned(contrast_rows(result)))
    return "\n\n".join([*parts, sampler_text(result)])


def sampler_text(result: FitResult) -> str:
    """How well the posterior is sampled."""
    sampler = result.sampler
    return (
        f"sampler: {sampler.walkers} walkers, {sampler.steps} steps, {sampler.burn} of them burn-in; "
        f"acceptance {sampler.acceptance:.2f}, autocorrelation {sampler.autocorrelation:.0f} steps, "
        f"{sampler.effective_samples:.0f} independent samples"
    )


def estimate_text(estimate: Estimate) -> str:
    """Median with its 68 % interval; the best fit in brackets."""
    up, down = estimate.high - estimate.median, estimate.median - estimate.low
    return f"{estimate.median:.3f} +{up:.3f} -{down:.3f} (best {estimate.best:.3f})"


def _parameter_row(item: RotationResult) -> Row:
    bins = len(item.antiproton.flux)
    return (
        str(item.rotation), f"{item.B0:.2f}", f"{item.tilt:.1f}", f"{item.polarity:+d}",
        *(estimate_text(estimate) for estimate in (item.K0, item.a, item.b)),
        f"{item.proton.chi2:.1f}/{item.dof}",
        f"{item.potential:.3f} ± {item.potential_error:.3f}",
        f"{item.proton.chi2_force_field:.1f}/{item.dof_force_field}",
        f"{item.antiproton.chi2:.1f}/{bins}",
        f"{item.antiproton.chi2_free_normalisation:.1f}/{bins - 1} (x {item.antiproton.free_normalisation:.2f})",
        f"{item.antiproton.chi2_force_field:.1f}/{bins}",
    )  # fmt: skip


def _quality_row(name: str, quality: Quality) -> Row:
    parts = (quality.rotations, quality.nuisances, quality.voyager, quality.prior)
    return (name, f"{quality.chi2:.1f}/{quality.dof}", *(f"{part:.1f}" for part in parts))


def _contrast_cells(item: Contrast, number: int) -> list[str]:
    def percent(ratio: float) -> str:
        return f"{100 * (ratio - 1):+.1f} %"

    measured = f"{percent(item.data[number])} ± {100 * item.error[number]:.1f}"
    return [measured, percent(item.propmat.best[number]), percent(item.force_field[number])]


def _transposed(rows: Sequence[Row]) -> list[Row]:
    return [tuple(row) for row in zip(*rows, strict=True)]


def _aligned(rows: Sequence[Row]) -> str:
    """Rows as text in columns."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    padded = (("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip() for row in rows)
    return "\n".join(padded)
