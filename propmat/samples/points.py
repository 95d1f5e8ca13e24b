"""Points of a parameter space in a CSV file: for designs of listed points, and what makes such lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from propmat.errors import InputError, unknown_name
from propmat.parameters import ParameterSpace
from propmat.samples.design import SIGNIFICANT_DIGITS
from propmat.samples.files import write_atomic
from propmat.samples.listed import Points, first_twins, rounded_points
from propmat.samples.textfile import TextFile


def read_points(path: str | Path, space: ParameterSpace) -> Points:
    """The points of a CSV file whose first line names the parameters, in any order; ``#`` starts a comment.

    Args:
        path: of the file.
        space: what the points must lie in.

    Returns:
        The points in the order of the file, each in the order of the space's names, to nine significant digits.

    Raises:
        FileError: the file cannot be read.
        InputError: other titles than the parameters, a line that is no point of the space, or one that comes twice;
            the message names file and line.
    """
    file = TextFile.read(Path(path))
    titles = file.lines[0][1]
    for title in titles:
        if title not in space.names:
            raise InputError(f"{file.where(0)}: {unknown_name('parameter', title, space.names)}")
    if len(titles) != len(space.names) or set(titles) != set(space.names):
        raise InputError(f"{file.where(0)}: the titles must be {', '.join(space.names)}, each once.")
    if len(file.lines) == 1:
        raise InputError(f"{path} holds titles and no points.")
    table = file.numbers(1)
    if table.shape[1] != len(titles):
        raise InputError(f"{file.where(1)}: {table.shape[1]} cells under {len(titles)} titles.")
    points = rounded_points(table[:, [titles.index(name) for name in space.names]].tolist())
    _check_rows(points, space, lambda row: file.where(row + 1))
    if twins := first_twins(points):
        first, second = (file.where(row + 1) for row in twins)
        raise InputError(f"{second}: the same point as {first}, to {SIGNIFICANT_DIGITS} digits; leave one out.")
    return points


def write_points(path: str | Path, space: ParameterSpace, points: ArrayLike, header_lines: Iterable[str] = ()) -> int:
    """Write points as :func:`read_points` takes them; one that comes again, as in a chain, is written once.

    Args:
        path: of the CSV file; one that is there is replaced.
        space: what the points must lie in.
        points: (point, parameter) in the order of the space's names.
        header_lines: what the points are, for the comments at the top.

    Returns:
        The number of points written: those that differ in nine significant digits.

    Raises:
        InputError: no points, or one that is not in the space.
        FileError: the file cannot be written.
    """
    values = np.asarray(points, dtype=np.float64)
    if values.ndim != 2 or values.shape[1:] != (len(space.names),) or not len(values):
        raise InputError(f"points must be (point, {len(space.names)}), at least one, not {values.shape}.")
    rows = rounded_points(values.tolist())
    _check_rows(rows, space, lambda row: f"point {row + 1}")
    unique = list(dict.fromkeys(rows))
    comments = [f"# {line}" for text in header_lines for line in text.splitlines()]
    lines = [",".join(f"{value:.{SIGNIFICANT_DIGITS}g}" for value in row) for row in unique]
    write_atomic(Path(path), "\n".join([*comments, ",".join(space.names), *lines, ""]).encode())
    return len(unique)


def _check_rows(points: Points, space: ParameterSpace, where: Callable[[int], str]) -> None:
    """Raise InputError at the first point outside the space, saying ``where(row)`` it is."""
    try:
        space.check(np.array(points))
    except InputError:
        for row, point in enumerate(points):
            try:
                space.check(np.array(point))
            except InputError as error:
                raise InputError(f"{where(row)}: {error}") from None
        raise
