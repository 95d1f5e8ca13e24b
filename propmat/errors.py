"""Errors a user can act on: each names the key, the value, what is allowed and the nearest valid name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class PropmatError(Exception):
    """Base class of every error that propmat raises on purpose."""


class InputError(PropmatError, ValueError):
    """The caller asked for something that does not exist or is out of range."""


class FileError(PropmatError):
    """A file or folder is damaged, foreign, of another version, or cannot be written."""


class TruncationWarning(UserWarning):
    """Trajectories were given up at the step cap: counted and reported, in no histogram or moment."""


def unknown_name(kind: str, name: object, valid: Iterable[str]) -> InputError:
    """An error for a misspelt ``name``, with the nearest of the ``valid`` names."""
    names = sorted(valid)
    folded = {candidate.casefold(): candidate for candidate in names}
    near = get_close_matches(str(name).casefold(), folded, n=1, cutoff=0.4)
    hint = f" Did you mean {folded[near[0]]!r}?" if near else ""
    return InputError(f"unknown {kind} {name!r}.{hint} Valid: {', '.join(names)}.")


def out_of_range(key: str, value: object, low: float, high: float, unit: str = "") -> InputError:
    """An error for a ``value`` of ``key`` outside [``low``, ``high``]."""
    suffix = f" {unit}" if unit else ""
    return InputError(f"{key} = {value}{suffix} is outside the allowed range [{low:g}, {high:g}]{suffix}.")
