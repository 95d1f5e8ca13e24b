"""From a user's own text files to a sample store: everything is checked before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import numpy as np

from propmat.errors import FileError, InputError, out_of_range, unknown_name
from propmat.parameters import HELIOSPHERE, get_space
from propmat.samples.helprop import Run
from propmat.samples.histograms import StoreHeader
from propmat.samples.imported import ImportedDesign, ImportedSample
from propmat.samples.production import provenance
from propmat.samples.store import SampleStore
from propmat.samples.table import SampleTable
from propmat.samples.textfile import TextFile, read_csv
from propmat.species import FloatArray
from propmat.transfer import TransferGrid

SIMULATOR: Final = "helprop"
"""``simulator`` of a store of imported samples."""
MARKS: Final = ("polarity", "species", "particles", "version", "content", "columns")
"""What is known of a run beside its parameters."""


@dataclass(frozen=True)
class SourceFormat:
    """The files of a program.

    Attributes:
        patterns: names of files that are taken from a folder, in lower case.
        titles: what a manifest may say of each.
    """

    patterns: tuple[str, ...]
    titles: tuple[str, ...]


TEXT_FILES: Final = SourceFormat(("*.txt", "*.csv", "*.dat"), (*HELIOSPHERE.names, *MARKS))
"""Of HELPROP."""


@dataclass(frozen=True)
class Source:
    """A file to import and what is known of it from elsewhere.

    Attributes:
        path: of the file.
        settings: name -> text, of a manifest; they go before those in the file.
        origin: where they stand, for messages.
    """

    path: Path
    settings: Mapping[str, str]
    origin: str = ""


@dataclass(frozen=True)
class Import:
    """A checked import: its header, and the file of each sample.

    Attributes:
        header: of the store to make.
        sources: of each sample, in its order.
        overrides, tolerance: see :func:`plan_import`.
    """

    header: StoreHeader
    sources: tuple[Source, ...]
    overrides: Mapping[str, str]
    tolerance: float

    def write(self, folder: Path, *, resume: bool = False) -> SampleStore:
        """Make the store; with ``resume`` only the shards that are missing or damaged.

        Raises:
            FileError: a file has changed since it was checked, or the folder cannot be written.
            InputError: a store is there and ``resume`` is not set.
        """
        store = SampleStore.create(folder, self.header, resume=resume)
        for shard in store.missing():
            tables = [self._sample(sample) for sample in self.header.design.shard_range(shard)]
            store.write_shard(shard, SampleTable.concatenate(tables))
        return store

    def _sample(self, sample: int) -> SampleTable:
        plan = self.header.plan.select(slice(sample, sample + 1))
        source = self.sources[sample]
        file = TextFile.read(source.path)
        design = self.header.design
        if not isinstance(design, ImportedDesign) or file.sha256 != design.entries[sample].sha256:
            raise FileError(f"{source.path} has changed while it was imported; import again.")
        settings = _merged(file, source, self.overrides)
        run = Run.of(file, content=settings.get("content"), columns=settings.get("columns"))
        counts, missing = run.histograms(self.header.grid, int(plan.particles[0]), self.tolerance)
        return SampleTable(
            **vars(plan),
            counts=counts.astype(np.uint32)[None],
            truncated=missing.astype(np.uint32)[None],
            propagation_time_mean=np.zeros((1, len(missing)), dtype=np.float32),
        )


def find_sources(files: Sequence[str | Path], form: SourceFormat = TEXT_FILES) -> tuple[Source, ...]:
    """The sources of paths: files, or folders of files of a format.

    Raises:
        FileError: a path that does not exist, or a folder without such a file.
    """
    return tuple(Source(path, {}) for name in files for path in _expand(Path(name), form.patterns))


def read_manifest(path: Path, form: SourceFormat = TEXT_FILES) -> tuple[Source, ...]:
    """The sources in a CSV file with the title ``path`` and any of the format's; paths count from its folder.

    Raises:
        FileError: it cannot be read.
        InputError: no title ``path``, or a row without one.
    """
    sources = []
    for origin, row in read_csv(path):
        for name in row:
            if name not in (*form.titles, "path"):
                raise unknown_name(f"title in {path}", name, (*form.titles, "path"))
        if "path" not in row:
            raise InputError(f"{origin}: no path; a manifest has the titles path, {', '.join(form.titles)}.")
        settings = {key: value for key, value in row.items() if key != "path"}
        sources.append(Source(path.parent / row["path"], settings, origin))
    return tuple(sources)


def plan_import(
    sources: Sequence[Source],
    *,
    overrides: Mapping[str, str] | None = None,
    space: str = "heliosphere",
    tolerance: float = 0.01,
    shard_size: int = 64,
    command: Sequence[str] = (),
) -> Import:
    """Read and check every file; nothing is written.

    Args:
        sources: the files.
        overrides: settings that go before those of manifest and files.
        space: of the parameters, which must lie in it.
        tolerance: by what share the sum of a row may miss its particles.
        shard_size: samples a file of the store.
        command: the command line, for the provenance.

    Raises:
        FileError: a file that cannot be read.
        InputError: a setting that is missing, no number or out of range, a cell that is no number, a row that does
            not sum to its particles, files of different rows or versions, or two of one point and channel.
    """
    if not 0.0 <= tolerance <= 0.5:
        raise out_of_range("tolerance", tolerance, 0.0, 0.5)
    names, given = get_space(space).names, dict(overrides or {})
    entries: list[ImportedSample] = []
    versions: dict[str, str] = {}
    grid: TransferGrid | None = None
    for source in sources:
        file = TextFile.read(source.path)
        settings = _merged(file, source, given)
        where = str(source.path) + (f" ({source.origin})" if source.origin else "")
        run = Run.of(file, content=settings.get("content"), columns=settings.get("columns"))
        entry = _entry(file, run, settings, names, where)
        grid = _grid(run.toa, where) if grid is None else grid
        _check_rows(run.toa, grid, where, sources[0])
        try:
            get_space(space).check(np.array(entry.parameters))
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        run.histograms(grid, entry.particles, tolerance)
        entries.append(entry)
        versions.setdefault(settings.get("version", "unknown"), where)
    if grid is None:
        raise InputError("no files to import.")
    if len(versions) > 1:
        (one, first), (other, second) = list(versions.items())[:2]
        raise InputError(f"{first} is of version {one}, {second} of version {other}; make a store of each.")
    header = StoreHeader(
        simulator=SIMULATOR,
        simulator_version=next(iter(versions)),
        model={"name": f"{SIMULATOR} (imported)"},
        grid=grid,
        space=space,
        design=ImportedDesign(tuple(entries), shard_size),
        provenance=provenance(command),
    )
    return Import(header, tuple(sources), given, tolerance)


def _expand(path: Path, patterns: Sequence[str]) -> Iterator[Path]:
    if path.is_dir():
        files = sorted(item for item in path.iterdir() if item.is_file())
        found = [item for item in files if any(fnmatchcase(item.name.lower(), pattern) for pattern in patterns)]
        if not found:
            raise FileError(f"{path} holds no {', '.join(patterns)} file.")
        yield from found
    elif path.exists():
        yield path
    else:
        raise FileError(f"{path} does not exist.")


def _merged(file: TextFile, source: Source, overrides: Mapping[str, str]) -> dict[str, str]:
    """Settings of the command line before those of the manifest before those of the file, which may be in any case."""
    known = {name.casefold(): name for name in (*HELIOSPHERE.names, *MARKS)}
    own = {known.get(name.casefold(), name): value for name, value in file.settings.items()}
    return {**own, **source.settings, **overrides}


def _entry(file: TextFile, run: Run, settings: Mapping[str, str], names: Sequence[str], where: str) -> ImportedSample:
    """What the settings say a file is."""
    missing = [name for name in (*names, "polarity", "species") if not settings.get(name)]
    counted = run.particles()
    if counted is None and not settings.get("particles"):
        missing.append("particles")
    if missing:
        raise InputError(
            f"{where}: missing {', '.join(missing)}. Give each as a line '# {missing[0]} = value' in the file, as a "
            f"column of a manifest, or as {missing[0]}=value on the command line."
        )
    try:
        return ImportedSample(
            file=file.path.name,
            sha256=file.sha256,
            parameters=tuple(_number(settings, name, where, HELIOSPHERE[name].unit) for name in names),
            species=settings["species"],
            polarity=_whole(settings, "polarity", where),
            particles=_whole(settings, "particles", where) if settings.get("particles") else counted or 0,
        )
    except InputError as error:
        raise error if str(error).startswith(where) else InputError(f"{where}: {error}") from None


def _number(settings: Mapping[str, str], name: str, where: str, unit: str = "") -> float:
    """A number, which may be followed by its unit and by no other."""
    value, _, behind = settings[name].partition(" ")
    if behind.strip(" []()") not in ("", unit):
        raise InputError(f"{where}: {name} = {settings[name]!r} must be a number in {unit or 'no unit'}.")
    try:
        return float(value)
    except ValueError:
        raise InputError(f"{where}: {name} = {settings[name]!r} is not a number.") from None


def _whole(settings: Mapping[str, str], name: str, where: str) -> int:
    value = _number(settings, name, where)
    if not value.is_integer():
        raise InputError(f"{where}: {name} = {settings[name]!r} is not a whole number.")
    return int(value)


def _grid(toa: FloatArray, where: str) -> TransferGrid:
    """The default columns on the rows of a run."""
    if toa.size < 2:
        raise InputError(f"{where}: one energy at Earth; a sample needs at least two.")
    return TransferGrid.default(toa)


def _check_rows(toa: FloatArray, grid: TransferGrid, where: str, first: Source) -> None:
    if not np.array_equal(toa, grid.toa):
        raise InputError(
            f"{where} has {toa.size} energies at Earth from {toa[0]:g} to {toa[-1]:g} GeV/n, {first.path} has "
            f"{grid.toa.size} from {grid.toa[0]:g} to {grid.toa[-1]:g}: all samples of a store share their rows."
        )
