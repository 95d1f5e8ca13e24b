"""What the section ``samples`` of a config describes: a design of a sequence, or of the points of a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from propmat.cli.convert import build, convert
from propmat.errors import InputError, unknown_name
from propmat.parameters import get_space
from propmat.samples.listed import LISTED
from propmat.samples.points import read_points

DesignT = TypeVar("DesignT")


def take(samples: dict[str, Any], key: str) -> Any:
    """The value of a key that some kinds of samples have, taken out of the section (InputError if it is not there)."""
    if key not in samples:
        raise InputError(
            f"samples.{key} is missing: the file chosen by samples=... is made for another kind of samples, or for "
            "another simulator, than samples.kind and simulator=... say."
        )
    return samples.pop(key)


def build_design(kinds: Mapping[str, type[DesignT]], samples: Mapping[str, Any], space: str) -> DesignT:
    """A design of one of some kinds.

    Args:
        kinds: ``samples.kind`` -> class of the design.
        samples: the keys of the design, and of listed points ``points``, the path of their file.
        space: name of the parameter space that the points must lie in.

    Raises:
        InputError: another kind, keys that are missing or do not belong to it, or values that make no design.
        FileError: the file of the points cannot be read.
    """
    kind = convert(samples["kind"], str, "samples.kind")
    if kind not in kinds:
        raise unknown_name("samples.kind", kind, kinds)
    if kind != LISTED:
        return build(kinds[kind], samples, "samples")
    if "points" not in samples:
        raise InputError("samples.kind = listed needs samples.points; choose samples=listed or samples=listed_galaxy.")
    values = {key: value for key, value in samples.items() if key not in ("kind", "points")}
    listed = read_points(convert(samples["points"], Path, "samples.points"), get_space(space))
    return build(kinds[kind], values | {"listed": listed}, "samples")
