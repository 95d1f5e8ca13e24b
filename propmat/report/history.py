"""The training curve, as `propmat train` leaves it in metrics.csv."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from propmat.errors import FileError
from propmat.species import FloatArray

METRICS = "metrics.csv"


@dataclass(frozen=True)
class History:
    """Losses of a training.

    Attributes:
        epoch: (epoch,) its number.
        training, validation: (epoch,) losses.
        second_phase: first epoch of SGD, or None.
    """

    epoch: FloatArray
    training: FloatArray
    validation: FloatArray
    second_phase: int | None

    @classmethod
    def read(cls, folder: Path) -> History:
        """The history of a run folder.

        Raises:
            FileError: there is none, or it is damaged.
        """
        path = folder / METRICS
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            epoch, training, validation = (
                np.array([float(row[name]) for row in rows]) for name in ("epoch", "train_loss", "validation_loss")
            )
            second = [int(row["epoch"]) for row in rows if row["phase"] == "sgd"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FileError(f"{path} is missing, damaged or no training curve ({error}).") from error
        if not rows:
            raise FileError(f"{path} holds no finished epoch.")
        return cls(epoch, training, validation, second[0] if second else None)
