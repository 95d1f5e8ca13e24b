"""A table that differs from its schema in any way is refused, with file, line, column and value."""

from pathlib import Path

import numpy as np
import pytest

from propmat.errors import FileError
from propmat.measurements.tables import Column, Schema, read_table

SCHEMA = Schema(
    columns=(
        Column("rotation", "integer"),
        Column("day", "date"),
        Column("low"),
        Column("high"),
        Column("part", includes_low=True),
        Column("whole", high=9.0),
        Column("certain", "flag"),
    ),
    group="rotation",
    increasing="low",
    ordered=(("part", "whole"),),
    bins=("low", "high"),
)
HEADER = "# title: t\n# reference: first\n# reference: second\n# units: GV\n# command: c\n"
NAMES = "rotation,day,low,high,part,whole,certain\n"
ROWS = (
    "1,2019-02-17,1,2,0,3,true\n",
    "1,2019-02-17,2,4,1,3,false\n",
    "3,2019-03-16,1,2,1,9,true\n",
)


def write(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_valid_table_is_read_into_typed_read_only_columns(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, HEADER + NAMES + "".join(ROWS)), SCHEMA)
    assert table.header["reference"] == "first\nsecond"
    assert table.columns["rotation"].dtype == np.int64
    assert table.columns["day"].dtype == np.dtype("M8[D]")
    assert table.columns["certain"].tolist() == [True, False, True]
    np.testing.assert_array_equal(table.numbers("low"), [1.0, 2.0, 1.0])
    assert not any(column.flags.writeable for column in table.columns.values())


@pytest.mark.parametrize(
    ("row", "replacement", "line", "column", "value"),
    [
        (0, "1,2019-02-17,nan,2,0,3,true\n", 7, "low", "nan"),
        (0, "1,2019-02-17,1,inf,0,3,true\n", 7, "high", "inf"),
        (0, "1,2019-02-17,0,2,0,3,true\n", 7, "low", "0"),
        (0, "1,2019-02-17,-1,2,0,3,true\n", 7, "low", "-1"),
        (0, "1,2019-02-17,1,2,-0.5,3,true\n", 7, "part", "-0.5"),
        (0, "1,2019-02-17,1,2,0,9.5,true\n", 7, "whole", "9.5"),
        (0, "1,2019-02-17,one,2,0,3,true\n", 7, "low", "one"),
        (0, "1,2019-02-17,,2,0,3,true\n", 7, "low", "''"),
        (0, "1.5,2019-02-17,1,2,0,3,true\n", 7, "rotation", "1.5"),
        (1, "1,17 Feb 2019,2,4,1,3,false\n", 8, "day", "17 Feb 2019"),
        (1, "1,2019-02-17,2,4,1,3,no\n", 8, "certain", "no"),
        (1, "1,2019-02-17,2,2,1,3,false\n", 8, "low", "2.0"),
        (1, "1,2019-02-17,1.5,4,1,3,false\n", 8, "low", "1.5"),
        (1, "1,2019-02-17,1,2,0,3,true\n", 8, "low", "1.0"),
        (1, "1,2019-02-17,2,4,3.5,3,false\n", 8, "part", "3.5"),
        (2, "0,2019-03-16,1,2,1,9,true\n", 9, "rotation", "0"),
        (2, "1,2019-03-16,1,2,1,9,true\n", 9, "low", "1.0"),
    ],
)
def test_a_bad_value_is_named(tmp_path: Path, row: int, replacement: str, line: int, column: str, value: str) -> None:
    rows = [replacement if i == row else text for i, text in enumerate(ROWS)]
    path = write(tmp_path, HEADER + NAMES + "".join(rows))
    with pytest.raises(FileError) as caught:
        read_table(path, SCHEMA)
    message = str(caught.value)
    assert str(path) in message and f"line {line}" in message and repr(column) in message and value in message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEADER + NAMES, "no rows"),
        (HEADER + NAMES.replace("low", "lo") + "".join(ROWS), "line 6: the columns are"),
        (HEADER + NAMES + "1,2019-02-17,1,2\n", "line 7: 4 values"),
        (HEADER + NAMES + ROWS[0] + "\n" + ROWS[1], "line 8: 0 values"),
        (HEADER.replace("# units: GV\n", "") + NAMES + "".join(ROWS), "lacks units"),
        (HEADER.replace("# units: GV", "# units GV") + NAMES + "".join(ROWS), "line 4: '# units GV'"),
        ("", "lacks title"),
    ],
)
def test_a_bad_layout_is_named(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(FileError, match=reason):
        read_table(write(tmp_path, text), SCHEMA)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="absent"):
        read_table(tmp_path / "absent.csv", SCHEMA)
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match="binary"):
        read_table(binary, SCHEMA)
