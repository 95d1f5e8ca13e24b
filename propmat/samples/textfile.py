"""Numbers and ``# key = value`` lines of a text or CSV file, with the file and line in every error."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from propmat.errors import FileError, InputError
from propmat.samples.files import read_limited
from propmat.species import FloatArray

SIZE_LIMIT: Final = 2**30
"""Most bytes of a file."""
_SETTING: Final = re.compile(r"^#+\s*([A-Za-z]\w*)\s*[=:]\s*(.*?)\s*$")
_SPACES: Final = re.compile(r"\s+")


@dataclass(frozen=True)
class TextFile:
    """What a file holds.

    Attributes:
        path: of the file.
        sha256: of its bytes.
        settings: its ``# key = value`` lines.
        lines: the other lines that are not empty, each as (line number, cells).

    Raises:
        InputError: it holds no numbers at all.
    """

    path: Path
    sha256: str
    settings: dict[str, str]
    lines: tuple[tuple[int, tuple[str, ...]], ...]

    @classmethod
    def read(cls, path: Path) -> TextFile:
        """Read a file: cells are separated by commas, semicolons, tabs or spaces; what follows a ``#`` is a comment.

        Raises:
            FileError: it cannot be read or is too large.
            InputError: it is not text, or holds nothing but comments.
        """
        content = read_limited(path, SIZE_LIMIT)
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is not a text file ({error.reason} at byte {error.start}).") from None
        settings: dict[str, str] = {}
        lines = []
        for number, line in enumerate(text.splitlines(), start=1):
            if found := _SETTING.match(line.strip()):
                settings[found[1]] = found[2].partition("#")[0].strip("\"' ")
            elif cells := _cells(line.partition("#")[0].strip()):
                lines.append((number, cells))
        if not lines:
            raise InputError(f"{path} holds no numbers.")
        return cls(path, hashlib.sha256(content).hexdigest(), settings, tuple(lines))

    def where(self, line: int) -> str:
        """``file:line`` of an entry of ``lines``."""
        return f"{self.path}:{self.lines[line][0]}"

    def numbers(self, first: int = 0) -> FloatArray:
        """(line, cell) of the lines from number ``first`` on.

        Raises:
            InputError: lines of different length, or a cell that is no finite number.
        """
        width = len(self.lines[first][1])
        table = np.empty((len(self.lines) - first, width))
        for row, (_, cells) in enumerate(self.lines[first:]):
            if len(cells) != width:
                raise InputError(
                    f"{self.where(first + row)}: {len(cells)} cells, {width} in the line {self.lines[first][0]}."
                )
            table[row] = self.row(first + row)
        return table

    def row(self, line: int, start: int = 0) -> FloatArray:
        """(cell,) the numbers of a line, from cell ``start`` on; InputError names the cell that is none."""
        cells = self.lines[line][1][start:]
        try:
            values = np.array([float(cell) for cell in cells])
        except ValueError:
            values = np.array([_number(cell) for cell in cells])
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            column = start + int(bad[0])
            raise InputError(f"{self.where(line)}: cell {column + 1}, {cells[bad[0]]!r}, is not a finite number.")
        return values


def is_number(cell: str) -> bool:
    """Whether a cell holds a finite number."""
    return bool(np.isfinite(_number(cell)))


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _cells(line: str) -> tuple[str, ...]:
    """Cells of a line; an empty cell counts between commas or semicolons, except a last one."""
    for separator in (";", ","):
        if separator in line:
            cells = [cell.strip().strip("\"'") for cell in line.split(separator)]
            return tuple(cells[:-1] if cells[-1] == "" else cells)
    return tuple(cell.strip("\"'") for cell in _SPACES.split(line)) if line else ()


def read_csv(path: Path) -> list[tuple[str, dict[str, str]]]:
    """The rows of a CSV file with titles, each as (``file:line``, {title: cell}) without its empty cells.

    Raises:
        FileError: it cannot be read.
        InputError: it holds no row below its titles, or a row of another length.
    """
    if not path.is_file():
        raise FileError(f"{path} is missing or not a regular file.")
    file = TextFile.read(path)
    titles = file.lines[0][1]
    rows = []
    for line, (_, cells) in enumerate(file.lines[1:], start=1):
        if len(cells) > len(titles):
            raise InputError(f"{file.where(line)}: {len(cells)} cells under {len(titles)} titles.")
        pairs = zip(titles, cells, strict=False)
        rows.append((file.where(line), {title: cell for title, cell in pairs if cell}))
    if not rows:
        raise InputError(f"{path} holds titles and no rows.")
    return rows
