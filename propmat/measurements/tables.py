"""The one format of our measured tables, and a reader that refuses anything else.

A table is a CSV file. It begins with lines ``# key: value`` (``title``, ``reference``, ``units`` and ``command`` are
required, a key may repeat), then the row of column names, then the values. A reader states what it expects as a
:class:`Schema`; whatever differs is a :class:`~propmat.errors.FileError` naming file, line, column and value.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from propmat.errors import FileError
from propmat.species import FloatArray

Kind = Literal["number", "integer", "date", "flag"]
_DTYPES: Final[dict[Kind, str]] = {"number": "f8", "integer": "i8", "date": "M8[D]", "flag": "?"}
_REQUIRED_HEADER: Final = ("title", "reference", "units", "command")


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: as in the file.
        kind: ``number``, ``integer``, ``date`` (ISO 8601) or ``flag`` (``true`` or ``false``).
        low, high: allowed range of numbers and integers; ``high`` is included.
        includes_low: ``low`` is allowed too.
    """

    name: str
    kind: Kind = "number"
    low: float = 0.0
    high: float = np.inf
    includes_low: bool = False

    def parse(self, text: str) -> float | int | bool | date:
        """The value of one cell.

        Raises:
            ValueError: with the reason, when the text is not of this kind or out of range.
        """
        if self.kind == "flag":
            if text not in ("true", "false"):
                raise ValueError("must be true or false")
            return text == "true"
        if self.kind == "date":
            try:
                return date.fromisoformat(text)
            except ValueError:
                raise ValueError("is not a date YYYY-MM-DD") from None
        try:
            value = int(text) if self.kind == "integer" else float(text)
        except ValueError:
            raise ValueError(f"is not a valid {self.kind}") from None
        if not np.isfinite(value):
            raise ValueError("is not finite")
        if not (self.low < value <= self.high or (self.includes_low and value == self.low)):
            raise ValueError(f"is outside {'[' if self.includes_low else '('}{self.low:g}, {self.high:g}]")
        return value


@dataclass(frozen=True)
class Schema:
    """What a table must look like.

    Attributes:
        columns: all columns, in the order of the file.
        increasing: column whose values increase strictly (within a group).
        group: column that never decreases; rows with the same value are one group. ``None``: the table is one group.
        ordered: pairs (smaller, larger) of columns with smaller <= larger in every row.
        bins: pair (low, high) of columns with low < high in every row and no overlap within a group.
    """

    columns: tuple[Column, ...]
    increasing: str
    group: str | None = None
    ordered: tuple[tuple[str, str], ...] = ()
    bins: tuple[str, str] | None = None


@dataclass(frozen=True)
class Table:
    """A validated table.

    Attributes:
        path: the file.
        header: its ``# key: value`` lines; the values of a repeated key are joined by newlines.
        columns: name -> (row,) read-only array (float64, int64, datetime64[D] or bool).
    """

    path: Path
    header: Mapping[str, str]
    columns: Mapping[str, NDArray[Any]]

    def numbers(self, name: str) -> FloatArray:
        """A ``number`` column, (row,) float64, read-only."""
        column: FloatArray = self.columns[name]
        return column


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """The same array, made non-writeable, since cached results are shared by all callers."""
    array.setflags(write=False)
    return array


def read_table(path: Path, schema: Schema) -> Table:
    """Read and validate one table.

    Raises:
        FileError: the file is missing, unreadable, or anything in it differs from the schema.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"cannot read the table {path}: {error}") from error
    start = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    header = _parse_header(path, lines[:start])
    cells = csv.reader(lines[start:])
    names = [column.name for column in schema.columns]
    found = next(cells, [])
    if found != names:
        raise FileError(f"{path}, line {start + 1}: the columns are {found}, expected {names}.")
    rows = list(_parse_rows(path, start + 2, cells, schema.columns))
    if not rows:
        raise FileError(f"{path}: the table has no rows.")
    columns = {
        column.name: read_only(np.array([row[i] for row in rows], dtype=_DTYPES[column.kind]))
        for i, column in enumerate(schema.columns)
    }
    table = Table(path, MappingProxyType(header), MappingProxyType(columns))
    _check_rows(table, start + 2, schema)
    return table


def _parse_header(path: Path, lines: Sequence[str]) -> dict[str, str]:
    """The ``# key: value`` lines as a dictionary."""
    header: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        key, colon, value = (part.strip() for part in line.lstrip("#").partition(":"))
        if not colon or not key or not value:
            raise FileError(f"{path}, line {number}: {line!r} is not of the form '# key: value'.")
        header[key] = f"{header[key]}\n{value}" if key in header else value
    missing = [key for key in _REQUIRED_HEADER if key not in header]
    if missing:
        raise FileError(f"{path}: the header lacks {', '.join(missing)}.")
    return header


def _parse_rows(
    path: Path, first_line: int, cells: Iterator[list[str]], columns: tuple[Column, ...]
) -> Iterator[list[float | int | bool | date]]:
    """The values of each row."""
    for number, row in enumerate(cells, start=first_line):
        if len(row) != len(columns):
            raise FileError(f"{path}, line {number}: {len(row)} values in {row}, expected {len(columns)}.")
        values = []
        for column, text in zip(columns, row, strict=True):
            try:
                values.append(column.parse(text))
            except ValueError as error:
                raise FileError(f"{path}, line {number}, column {column.name!r}: {text!r} {error}.") from None
        yield values


def _check_rows(table: Table, first_line: int, schema: Schema) -> None:
    """Order within rows, order of rows, overlap of bins."""
    columns = table.columns

    def refuse(bad: NDArray[np.bool_], name: str, reason: str) -> None:
        if np.any(bad):
            row = int(np.argmax(bad))
            value = columns[name][row]
            raise FileError(f"{table.path}, line {first_line + row}, column {name!r}: {value} {reason}.")

    for smaller, larger in schema.ordered:
        refuse(columns[smaller] > columns[larger], smaller, f"is above {larger!r} of the same row")
    new_group = np.zeros(columns[schema.increasing].size, dtype=np.bool_)
    if schema.group is not None:
        group = columns[schema.group]
        refuse(np.append(False, group[1:] < group[:-1]), schema.group, "is below that of the row above")
        new_group[1:] = group[1:] != group[:-1]
    values = columns[schema.increasing]
    repeated = np.append(False, values[1:] <= values[:-1]) & ~new_group
    refuse(repeated, schema.increasing, "is not above that of the row above")
    if schema.bins is not None:
        low, high = schema.bins
        refuse(columns[low] >= columns[high], low, f"is not below {high!r} of the same row")
        overlap = np.append(False, columns[low][1:] < columns[high][:-1]) & ~new_group
        refuse(overlap, low, "lies inside the bin of the row above")
