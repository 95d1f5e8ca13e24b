"""The score of an emulator on held-out samples, as a table, as JSON, and energy by energy for a figure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from propmat.emulator.metrics import Accuracy, folded_errors, summarise
from propmat.errors import FileError, InputError
from propmat.samples import SampleStore
from propmat.samples.files import write_atomic

if TYPE_CHECKING:
    from propmat.emulator import Emulator

EVALUATION = "evaluation.json"
Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Evaluation:
    """Relative errors |emulator / simulation - 1| of the folded flux at Earth.

    Attributes:
        bundle, store: what was scored, on what.
        accuracy: in energy bands.
        kinetic_energy: (energy,) [GeV/n].
        median, percentile_95: (energy,) over the samples.
        truth_standard_error: (energy,) median relative Monte-Carlo error of the simulated flux.
    """

    bundle: str
    store: str
    accuracy: Accuracy
    kinetic_energy: Numbers
    median: Numbers
    percentile_95: Numbers
    truth_standard_error: Numbers

    def table(self) -> str:
        """The bands as text, in percent."""
        return f"{self.bundle} on {self.store}\n{accuracy_table(self.accuracy)}"

    def write(self, path: Path) -> None:
        """Write JSON, whole or not at all (FileError if it cannot be written)."""
        write_atomic(path, json.dumps(asdict(self), indent=1).encode("utf-8"))

    @classmethod
    def read(cls, path: Path) -> Evaluation:
        """The inverse of :meth:`write`.

        Raises:
            FileError: the file is missing, damaged or no evaluation.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            curves = ("kinetic_energy", "median", "percentile_95", "truth_standard_error")
            return cls(
                str(values["bundle"]),
                str(values["store"]),
                Accuracy.from_dict(values["accuracy"]),
                *(tuple(float(value) for value in values[name]) for name in curves),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise FileError(f"{path} is missing, damaged or no evaluation ({error}).") from error


def evaluate(emulator: Emulator, samples: SampleStore, *, bundle: str, store: str) -> Evaluation:
    """Score an emulator on samples it has not seen.

    Args:
        emulator: has every row of the samples' grid.
        samples: held-out samples inside its domain.
        bundle: where the emulator came from, for the reader.
        store: where the samples came from.

    Raises:
        InputError: the samples it was trained on, or samples of another grid or outside the emulator's domain.
    """
    if samples.digest() == emulator.card.provenance.get("samples", {}).get("sha256"):
        raise InputError(f"{store}: {bundle} was trained on these samples; score it on others.")
    errors = folded_errors(emulator, samples.read(), samples.header.grid)
    absolute = np.abs(errors.relative_error)
    known = np.any(np.isfinite(absolute), axis=0)
    median, high = np.nanquantile(absolute[:, known], (0.5, 0.95), axis=0)
    truth = np.nanmedian(errors.truth_standard_error[:, known], axis=0)
    return Evaluation(
        bundle=bundle,
        store=store,
        accuracy=summarise(errors),
        kinetic_energy=tuple(errors.kinetic_energy[known].tolist()),
        median=tuple(median.tolist()),
        percentile_95=tuple(high.tolist()),
        truth_standard_error=tuple(truth.tolist()),
    )


def accuracy_table(accuracy: Accuracy) -> str:
    """Relative errors in energy bands as text, in percent."""
    lines = [
        f"{accuracy.samples} samples; LIS: {accuracy.lis}",
        f"{'band [GeV/n]':<14}{'median':>9}{'95 %':>9}{'99 %':>9}{'error of the truth':>21}",
    ]
    for band in accuracy.bands:
        columns = ((band.median, 8), (band.percentile_95, 8), (band.percentile_99, 8), (band.truth_standard_error, 20))
        percents = "".join(f"{100 * value:{width}.2f}%" for value, width in columns)
        lines.append(f"{band.low:g}-{band.high:g}".ljust(14) + percents)
    return "\n".join(lines)
