"""``propmat data status``: how far the production of a sample store is, wherever its workers are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from propmat.cli.config import Config
from propmat.cli.runs import shipped
from propmat.errors import InputError

if TYPE_CHECKING:
    from propmat.samples.status import Status

_REFRESH = 1.0


def status(config: Config) -> None:
    """Print a table; with ``follow`` again and again until nothing is left to do.

    Raises:
        InputError: no store is given or shipped under this name.
        FileError: there is no store, or its header is damaged.
    """
    from propmat.samples import open_store
    from propmat.samples.status import read_status

    name = config.get("store", str | None)
    if name is None:
        raise InputError("propmat data status needs store=..., a folder or a shipped name.")
    store = open_store(shipped("samples", name))
    if not config.get("follow", bool):
        print(described(read_status(store)))
        return
    from rich.live import Live
    from rich.text import Text

    found = read_status(store)
    with Live(Text(described(found)), auto_refresh=False) as live:
        while not found.is_over:
            time.sleep(_REFRESH)
            found = read_status(store)
            live.update(Text(described(found)), refresh=True)
    if not live.console.is_terminal:
        print()  # ends the only table that a file or a pipe gets


def described(found: Status) -> str:
    """The table of a status."""
    lines = [
        f"{found.path}",
        f"  shards       {found.finished} of {found.units} finished, {len(found.at_work)} in work, "
        f"{len(found.failed)} failed",
        f"  samples      {found.done} of {found.samples}",
    ]
    if not found.is_complete:
        lines.append(f"  rate         {_rate(found.rate)}")
        lines.append(f"  time left    {_duration(found.seconds_left)}")
    if found.at_work:
        lines += ["", f"  {'shard':>5}  {'samples':>15}  {'for':>9}  worker"]
        for item in found.at_work:
            silent = "  (silent: another worker will take over)" if item.silent else ""
            share = f"{item.done}/{item.total}"
            lines.append(f"  {item.unit:>5}  {share:>15}  {_duration(item.seconds):>9}  {item.worker or '?'}{silent}")
    if found.failed:
        lines += ["", *(f"  {failure}" for failure in found.failed)]
    return "\n".join(lines)


def _rate(rate: float | None) -> str:
    if rate is None:
        return "unknown"
    return f"{rate:.3g} samples a second" if rate >= 0.1 else f"{3600 * rate:.3g} samples an hour"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
