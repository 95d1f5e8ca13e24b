"""Shows the measurements that propmat ships; checks, watches, merges, exports sample stores; imports your own runs.

Stores made apart become one by `merge`: ranges of one sequence of points (samples.start, samples.count), parts
of one production, lists of points. `export` writes a NetCDF file, for xarray and other programs.

An import of HELPROP runs takes text or CSV files, each of one parameter point and one species in one polarity. A file
holds a transfer matrix (first row: interstellar energy bins; first column: energies at Earth; entries: shares or
counts) or two columns (energy at Earth, energy at the boundary; one line a particle), in GeV per nucleon. What it is of
stands in lines `# B0 = 5` of the file, in a manifest (path,B0,tilt,K0,a,b,polarity,species,particles), or on the
command line, which goes before both.

An import of GALPROP runs (format=galprop) takes its nuclei files, nuclei_56_<run>.gz. The ten parameters stand in a
manifest (path,nu1,nu2,nu3,R_br1,R_br2,D0,eta,delta,v_A,z_h) or in the file galdef_56_<run> beside; the manifest goes
first. docs/samples.md shows examples.

Examples:
  propmat data list                          the tables of published figures, their references and their rotations
  propmat data verify store=runs/my_samples  checks every file of a store against its checksum and its plan
  propmat data status store=runs/my_samples  how far its production is: who works on what, what failed, the time left
  propmat data status store=runs/my_samples follow=true           the same, anew every second until all is done
  propmat data merge stores=[runs/here,runs/there] output=runs/both
  propmat data export store=runs/my_samples file=my_samples.nc
  propmat data import files=my_runs output=runs/imported          every .txt, .csv and .dat file of a folder
  propmat data import files=[one.csv] B0=5 tilt=15 K0=0.1 a=0.5 b=2 polarity=1 species=proton particles=2000
  propmat data import manifest=my_runs/list.csv output=runs/imported
  propmat data import format=galprop files=my_galprop/FITS output=runs/imported
  propmat data import format=galprop manifest=my_galprop/list.csv output=runs/imported
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from propmat.cli.config import Config
from propmat.cli.runs import check_output, save_config, shipped, told_warnings, warn_truncated
from propmat.errors import FileError, InputError, unknown_name

if TYPE_CHECKING:
    from propmat.samples.importing import Source, SourceFormat

ACTIONS = ("list", "verify", "status", "merge", "export", "import")
FORMATS = ("helprop", "galprop")
NUMBERS = ("B0", "tilt", "K0", "a", "b")
NAMES = ("species", "content", "columns")


def run(config: Config) -> None:
    """Do what ``action`` says.

    Raises:
        InputError: no such action or store, stores that do not go together, or files that cannot be imported.
        FileError: a shard is damaged, or a folder that cannot be written.
    """
    action = config.get("action", str)
    if action not in ACTIONS:
        raise unknown_name("action", action, ACTIONS)
    if action == "list":
        _list()
    elif action == "verify":
        _verify(config.get("store", str | None))
    elif action == "status":
        from propmat.cli.data_status import status

        status(config)
    elif action in ("merge", "export"):
        from propmat.cli import data_stores

        (data_stores.merge if action == "merge" else data_stores.export)(config)
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
    from propmat.samples import open_store
    from propmat.samples.status import finished_units

    if name is None:
        raise InputError("propmat data verify needs store=..., a folder or a shipped name.")
    store = open_store(shipped("samples", name))
    damaged = store.verify()
    if damaged:
        raise FileError("\n  ".join([f"{len(damaged)} damaged shard(s):", *damaged.values()]))
    missing = set(range(store.header.design.shards)) - finished_units(store.path)
    state = f"{len(missing)} not made yet" if missing else "complete"
    print(f"{store.path}: {store.header.design.shards} shards, none damaged, {state}")


def _import(config: Config) -> None:
    """Make a store of a user's files; whatever is wrong with them is found before anything is written."""
    form = config.get("format", str)
    if form not in FORMATS:
        raise unknown_name("format", form, FORMATS)
    if form == "galprop":
        _import_galprop(config)
    else:
        _import_helprop(config)


def _import_helprop(config: Config) -> None:
    """A store of text files."""
    from propmat.samples import TEXT_FILES, plan_import

    given = dict(_given(config))
    planned = plan_import(
        _sources(config, TEXT_FILES),
        overrides=given,
        space=config.get("space", str | None) or "heliosphere",
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


def _import_galprop(config: Config) -> None:
    """A store of GALPROP's nuclei files."""
    from propmat.samples import NUCLEI_FILES, plan_galprop_import

    given = dict(_given(config))
    version = given.pop("version", None)
    if given:
        raise InputError(f"{', '.join(given)}: not for format=galprop; a manifest or galdef files hold the parameters.")
    with told_warnings():
        planned = plan_galprop_import(
            _sources(config, NUCLEI_FILES),
            version=version,
            space=config.get("space", str | None) or "galaxy",
            shard_size=config.get("shard_size", int),
            command=("propmat", "data", *config.overrides),
        )
    output = check_output(config)
    store = planned.write(output, resume=config.get("resume", bool))
    save_config(config, output)
    print(f"{store.header.design.samples} samples of {len(store.header.grid.species)} species in {output}")


def _sources(config: Config, form: SourceFormat) -> tuple[Source, ...]:
    """The files of ``files`` or of ``manifest``."""
    from propmat.samples import find_sources, read_manifest

    files, manifest = config.get("files", tuple[str, ...] | str | None), config.get("manifest", Path | None)
    if (files is None) == (manifest is None):
        raise InputError("propmat data import needs files=... or manifest=..., one of them.")
    if manifest is not None:
        return read_manifest(manifest, form)
    return find_sources([files] if isinstance(files, str) else files, form)


def _given(config: Config) -> Iterable[tuple[str, str]]:
    """The settings on the command line that are not null, as text."""
    kinds: dict[str, Any] = {name: float | None for name in NUMBERS} | {name: str | None for name in NAMES}
    kinds |= {"polarity": int | None, "particles": int | None, "version": str | int | float | None}
    for name, kind in kinds.items():
        value = config.get(name, kind)
        if value is not None:
            yield name, str(value)
