"""Shows the measurements that propmat ships, checks a sample store, or makes one of your own HELPROP runs.

An import takes text or CSV files, each of one parameter point and one species in one polarity. A file holds a
transfer matrix (first row: interstellar energy bins; first column: energies at Earth; entries: shares or counts) or
two columns (energy at Earth, energy at the boundary; one line a particle), in GeV per nucleon. What it is of stands
in lines `# B0 = 5` of the file, in a manifest (path,B0,tilt,K0,a,b,polarity,species,particles), or on the command
line, which goes before both. docs/samples.md shows examples.

Examples:
  propmat data list                          the tables of published figures, their references and their rotations
  propmat data verify store=runs/my_samples  checks every file of a store against its checksum and its plan
  propmat data import files=my_runs output=runs/imported          every .txt, .csv and .dat file of a folder
  propmat data import files=[one.csv] B0=5 tilt=15 K0=0.1 a=0.5 b=2 polarity=1 species=proton particles=2000
  propmat data import manifest=my_runs/list.csv output=runs/imported
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from propmat.cli.config import Config
from propmat.cli.runs import check_output, save_config, shipped, warn_truncated
from propmat.errors import FileError, InputError, unknown_name

ACTIONS = ("list", "verify", "import")
NUMBERS = ("B0", "tilt", "K0", "a", "b")
NAMES = ("species", "content", "columns")


def run(config: Config) -> None:
    """List, verify or import.

    Raises:
        InputError: no such action or store, or files that cannot be imported.
        FileError: a shard is damaged, or a folder that cannot be written.
    """
    action = config.get("action", str)
    if action not in ACTIONS:
        raise unknown_name("action", action, ACTIONS)
    if action == "list":
        _list()
    elif action == "verify":
        _verify(config.get("store", str | None))
    else:
        _import(config)


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


def _import(config: Config) -> None:
    """Make a store of text files; whatever is wrong with them is found before anything is written."""
    from propmat.samples import find_sources, plan_import, read_manifest

    files, manifest = config.get("files", tuple[str, ...] | str | None), config.get("manifest", Path | None)
    overrides = dict(_given(config))
    if (files is None) == (manifest is None):
        raise InputError("propmat data import needs files=... or manifest=..., one of them.")
    if manifest is not None:
        sources = read_manifest(manifest)
    else:
        sources = find_sources([files] if isinstance(files, str) else files)
    planned = plan_import(
        sources,
        overrides=overrides,
        space=config.get("space", str),
        tolerance=config.get("tolerance", float),
        shard_size=config.get("shard_size", int),
        command=("propmat", "data", *config.overrides),
    )
    output = check_output(config)
    store = planned.write(output, resume=config.get("resume", bool))
    save_config(config, output)
    warn_truncated(store)
    design = store.header.design
    print(f"{design.samples} samples of {design.count} points in {len(design.channels)} channels in {output}")


def _given(config: Config) -> Iterable[tuple[str, str]]:
    """The settings on the command line that are not null, as text."""
    kinds: dict[str, Any] = {name: float | None for name in NUMBERS} | {name: str | None for name in NAMES}
    kinds |= {"polarity": int | None, "particles": int | None, "version": str | int | float | None}
    for name, kind in kinds.items():
        value = config.get(name, kind)
        if value is not None:
            yield name, str(value)
