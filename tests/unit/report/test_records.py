"""What the report reads back: the training curve and the score of an emulator."""

from __future__ import annotations

import numpy as np
import pytest

from propmat.emulator import Accuracy, BandAccuracy
from propmat.errors import FileError
from propmat.report.evaluation import Evaluation
from propmat.report.figures import emulator_error, encode, training
from propmat.report.history import METRICS, History

ACCURACY = Accuracy("a LIS", 4, (BandAccuracy(0.1, 1.0, 12, 0.01, 0.035, 0.05, 0.002),))
EVALUATION = Evaluation("b", "s", ACCURACY, (0.1, 1.0), (0.01, 0.02), (0.03, 0.04), (0.001, 0.002))


def test_evaluation_round_trip(tmp_path) -> None:
    EVALUATION.write(tmp_path / "evaluation.json")
    assert Evaluation.read(tmp_path / "evaluation.json") == EVALUATION


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"bundle": 1}', "\x00"])
def test_damaged_evaluation_is_named(tmp_path, content) -> None:
    (tmp_path / "evaluation.json").write_text(content)
    with pytest.raises(FileError, match=r"evaluation\.json"):
        Evaluation.read(tmp_path / "evaluation.json")


def test_table_is_in_percent() -> None:
    assert "1.00%" in EVALUATION.table() and "3.50%" in EVALUATION.table() and "0.1-1" in EVALUATION.table()


def test_history_knows_where_the_second_phase_begins(tmp_path) -> None:
    rows = ["epoch,phase,train_loss,validation_loss", "0,schedulefree,3,4", "1,schedulefree,2,3", "2,sgd,1,2"]
    (tmp_path / METRICS).write_text("\n".join(rows))
    history = History.read(tmp_path)
    assert history.second_phase == 2
    np.testing.assert_array_equal(history.validation, [4, 3, 2])
    assert encode(training(history), "svg") and encode(emulator_error(EVALUATION, 0.04), "svg")


@pytest.mark.parametrize("content", ["", "epoch,phase,train_loss,validation_loss\n", "epoch\n1\n", "a,b\n1,2\n"])
def test_damaged_history_is_named(tmp_path, content) -> None:
    (tmp_path / METRICS).write_text(content)
    with pytest.raises(FileError, match=METRICS):
        History.read(tmp_path)
