"""Shows the measurements that propmat ships, with what to cite, or checks a sample store.

Examples:
  propmat data list                          the tables of published figures, their references and their rotations
  propmat data verify store=runs/my_samples  checks every file of a store against its checksum and its plan
"""

from __future__ import annotations

from propmat.cli.config import Config
from propmat.cli.runs import shipped
from propmat.errors import FileError, InputError, unknown_name

ACTIONS = ("list", "verify")


def run(config: Config) -> None:
    """List or verify.

    Raises:
        InputError: no such action or store.
        FileError: a shard is damaged.
    """
    action = config.get("action", str)
    if action not in ACTIONS:
        raise unknown_name("action", action, ACTIONS)
    if action == "list":
        _list()
    else:
        _verify(config.get("store", str | None))


def _list() -> None:
    """One block a table."""
    from propmat.measurements import rotations
    from propmat.report.sources import measurement_sources

    for source in measurement_sources():
        print(f"{source.name}\n  {source.header.get('title', '')}")
        for key in ("reference", "units"):
            print(f"  {key}: {source.header.get(key, '')}")
        print()
    for species in ("proton", "antiproton"):
        known = rotations(species)
        print(f"Bartels rotations with {species} data: {len(known)} from {known[0]} to {known[-1]}")


def _verify(name: str | None) -> None:
    """Check every shard of a store."""
    from propmat.samples import SampleStore

    if name is None:
        raise InputError("propmat data verify needs store=..., a folder or a shipped name.")
    store = SampleStore.open(shipped("samples", name))
    damaged = store.verify()
    if damaged:
        raise FileError("\n  ".join([f"{len(damaged)} damaged shard(s):", *damaged.values()]))
    missing = store.missing()
    state = f"{len(missing)} not made yet" if missing else "complete"
    print(f"{store.path}: {store.header.design.shards} shards, none damaged, {state}")
