"""The progress bar of every long command: what, how far, how long so far, how long to go; on stderr."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


def progress_bar(*, show: bool = True, count: bool = True, transient: bool = False, memory: float = 30.0) -> Progress:
    """A bar to enter with ``with``; its tasks have a description and a total.

    Args:
        show: off: nothing is drawn.
        count: whether done and total are numbers that mean something to the user.
        transient: the bar goes when the work is done.
        memory: seconds over which the speed is averaged; at least a few steps should fall into them.
    """
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *([MofNCompleteColumn()] if count else []),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=transient,
        speed_estimate_period=memory,
        disable=not show,
    )
