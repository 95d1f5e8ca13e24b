"""What a merge makes of the headers of its stores: the design of all their points, or what keeps them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from propmat.errors import InputError
from propmat.samples.design import SobolPoints
from propmat.samples.header import Header
from propmat.samples.imported import Imported
from propmat.samples.listed import ListedPoints
from propmat.samples.particle_design import ParticleDesign
from propmat.samples.production import provenance
from propmat.samples.store import Store

SOURCES: Final = "merged from"
"""Key of the provenance of a merged store: folder, command and date of every store in it."""
MOST_NAMED: Final = 6
"""Most differences that a message names."""
_POINTS: Final[tuple[tuple[Any, tuple[str, ...]], ...]] = (
    (SobolPoints | ParticleDesign, ("count", "start")),
    (ListedPoints, ("points",)),
    (Imported, ("entries",)),
)
"""What says which points a design has: in this, and in shard_size, stores that are merged may differ."""


def merged_header(stores: Sequence[Store[Any]], *, shard_size: int | None = None, command: Sequence[str] = ()) -> Any:
    """The header of the merged store.

    Raises:
        InputError: the stores differ in more than their points, or these make no design.
    """
    first = stores[0]
    for other in stores[1:]:
        if type(other.header) is not type(first.header):
            raise InputError(f"{first.path} holds {first.header.described}, {other.path} {other.header.described}.")
        if changed := _conflicts(first.header, other.header):
            raise InputError(
                f"{other.path} cannot be merged with {first.path}, since it differs in {', '.join(changed)}. "
                "Stores of one merge may differ in their points and in shard_size only."
            )
    size = first.header.design.shard_size if shard_size is None else shard_size
    design = union([store.header.design for store in stores], size)
    sources = {SOURCES: "; ".join(_source(store) for store in stores)}
    return replace(first.header, design=design, provenance=provenance(command) | sources)


def union(designs: Sequence[Any], shard_size: int) -> Any:
    """The design of all points of some that differ in their points only.

    Ranges of a Sobol sequence are put in their order; of lists, a point that was there before is left out.

    Raises:
        InputError: ranges that leave a gap, files of one point that differ, or more samples than a design can have.
    """
    first = designs[0]
    if isinstance(first, SobolPoints | ParticleDesign):
        return _joined(sorted(designs, key=lambda design: design.start), shard_size)
    if isinstance(first, ListedPoints):
        points = dict.fromkeys(point for design in designs for point in design.listed)
        return replace(first, listed=tuple(points), shard_size=shard_size)
    entries: dict[object, Any] = {}
    for entry in (entry for design in designs for entry in design.entries):
        entries.setdefault((entry.identity, entry.sha256), entry)
    return replace(first, entries=tuple(entries.values()), shard_size=shard_size)


def _joined(designs: Sequence[Any], shard_size: int) -> Any:
    """The range over ranges that come in the order of their starts."""
    start = end = designs[0].start
    for design in designs:
        if design.start > end:
            raise InputError(
                f"numbers {end} to {design.start - 1} of the sequence are in none of these stores: make them with "
                f"samples.start={end} samples.count={design.start - end}, or merge the ranges on either side alone."
            )
        end = max(end, design.start + design.count)
    return replace(designs[0], start=start, count=end - start, shard_size=shard_size)


def _conflicts(first: Header[Any], other: Header[Any]) -> tuple[str, ...]:
    """What keeps two stores apart, with both values where they are short."""
    names = next((keys for kind, keys in _POINTS if isinstance(first.design, kind)), ())
    allowed = {f"design.{name}" for name in (*names, "shard_size")}
    if type(first.design) is not type(other.design):
        return (f"design.kind ({other.design.as_dict()['kind']}, not {first.design.as_dict()['kind']})",)
    changed = [name for name in first.differences(other) if name not in allowed]
    named = [f"{name}{_values(first, other, name)}" for name in changed[:MOST_NAMED]]
    return (*named, *([f"{len(changed) - MOST_NAMED} more"] if len(changed) > MOST_NAMED else []))


def _values(first: Header[Any], other: Header[Any], name: str) -> str:
    if name == "grid":
        return ""
    found: list[Any] = [first.identity(), other.identity()]
    for part in name.split("."):
        found = [values.get(part) for values in found]
    return f" ({found[1]}, not {found[0]})"


def _source(store: Store[Any]) -> str:
    """Where the samples of a store come from; of a merged one, where those that were merged come from."""
    known = store.header.provenance
    return known.get(SOURCES) or f"{store.path.name} ({known.get('command', '?')}, {known.get('date', '?')})"
