"""From a user's own GALPROP outputs to a sample store: everything is checked before anything is written."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from propmat.errors import FileError, InputError
from propmat.galaxy.galprop_adapter import galdef_keys, read_nuclei
from propmat.parameters import GALAXY, get_space
from propmat.progress import progress_bar
from propmat.samples.files import file_checksum, read_limited
from propmat.samples.galactic import GALPROP
from propmat.samples.imported import ImportedPoint
from propmat.samples.importing import Source, SourceFormat
from propmat.samples.production import provenance
from propmat.samples.spectra import ImportedSpectra, SpectraGrid, SpectraHeader, SpectraTable
from propmat.samples.store import SpectraStore

NUCLEI_FILES: Final = SourceFormat(("nuclei_*",), GALAXY.names)
"""Of GALPROP."""
_NAME: Final = re.compile(r"nuclei_(?:full_)?(?P<run>(?P<version>\d+)_.+?)(?:\.gz)?")
"""Name of an output of GALPROP; its input is ``galdef_<run>``."""
_GALDEF_LIMIT: Final = 2**24
_GALDEF_KEYS: Final = {
    "nu1": ("nuc_g_0", 1.0),
    "nu2": ("nuc_g_1", 1.0),
    "nu3": ("nuc_g_2", 1.0),
    "R_br1": ("nuc_rigid_br0", 1e-3),
    "R_br2": ("nuc_rigid_br", 1e-3),
    "D0": ("D0_xx", 1e-28),
    "eta": ("D_eta", 1.0),
    "delta": ("D_g_1", 1.0),
    "v_A": ("v_Alfven", 1.0),
    "z_h": ("z_max", 1.0),
}
"""Parameter -> key of a galdef, and its unit (MV, cm2/s) in ours."""
_NEEDED: Final = {"inj_spectrum_type": "rigidity", "diff_reacc": "1", "convection": "0", "p_Ekin_grid": "Ekin"}
"""Settings of a galdef that the parameters take for granted."""
_REFERENCE_MV: Final = 4e3
"""Rigidity at which D0 is given."""


@dataclass(frozen=True)
class GalpropImport:
    """A checked import.

    Attributes:
        header: of the store to make.
        files: path and sha256 of the file of each sample.
    """

    header: SpectraHeader
    files: tuple[tuple[Path, str], ...]

    def write(self, folder: Path, *, resume: bool = False, progress: bool = True) -> SpectraStore:
        """Make the store; with ``resume`` only the shards that are missing or damaged.

        Raises:
            FileError: a file has changed since it was checked, or the folder cannot be written.
            InputError: a store is there and ``resume`` is not set.
        """
        store = SpectraStore.create(folder, self.header, resume=resume)
        todo = {shard: self.header.design.shard_range(shard) for shard in store.missing()}
        with progress_bar(show=progress) as bar:
            task = bar.add_task("samples", total=sum(map(len, todo.values())))
            for shard, samples in todo.items():
                tables = []
                for sample in samples:
                    tables.append(self._sample(sample))
                    bar.advance(task)
                store.write_shard(shard, SpectraTable.concatenate(tables))
        return store

    def _sample(self, sample: int) -> SpectraTable:
        path, sha256 = self.files[sample]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # plan_galprop_import has shown them
            spectra = read_nuclei(path)
        if file_checksum(path) != sha256:
            raise FileError(f"{path} has changed while it was imported; import again.")
        return self.header.grid.sample(self.header.plan.select([sample]), spectra)


def plan_galprop_import(
    sources: Sequence[Source],
    *,
    version: str | None = None,
    space: str = GALAXY.name,
    shard_size: int = 64,
    command: Sequence[str] = (),
) -> GalpropImport:
    """Read and check every file; nothing is written.

    Parameters are those of the manifest, else those of a file ``galdef_<run>`` beside ``nuclei_<run>``.

    Args:
        sources: nuclei files of GALPROP.
        version: of the program; None: the one in the names of the files.
        space: of the parameters, which must lie in it.
        shard_size: samples a file of the store.
        command: the command line, for the provenance.

    Raises:
        FileError: a file that cannot be read or is no nuclei file.
        InputError: a parameter that is missing, no number or out of range, files of different energies, species or
            versions, or two of one point.
    """
    entries: list[ImportedPoint] = []
    grids: list[SpectraGrid] = []
    versions: dict[str, str] = {}
    for source in sources:
        where = str(source.path) + (f" ({source.origin})" if source.origin else "")
        entry = ImportedPoint(source.path.name, file_checksum(source.path), _parameters(source, where))
        try:
            get_space(space).check(np.array(entry.parameters))
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        spectra = read_nuclei(source.path)
        grids.append(SpectraGrid(spectra.kinetic_energy, tuple(spectra.fluxes), tuple(spectra.parts)))
        if not grids[0].same(grids[-1]):
            raise InputError(f"{where} has other energies or species than {sources[0].path}.")
        entries.append(entry)
        named = _NAME.fullmatch(source.path.name)
        versions.setdefault(version or (named["version"] if named else "unknown"), where)
    if not grids:
        raise InputError("no files to import.")
    if len(versions) > 1:
        (one, first), (other, second) = list(versions.items())[:2]
        raise InputError(f"{first} is of version {one}, {second} of version {other}; make a store of each.")
    header = SpectraHeader(
        simulator=GALPROP,
        simulator_version=next(iter(versions)),
        model={"name": f"{GALPROP} (imported)"},
        grid=grids[0],
        space=space,
        design=ImportedSpectra(tuple(entries), shard_size),
        provenance=provenance(command),
    )
    files = zip(sources, entries, strict=True)
    return GalpropImport(header, tuple((source.path, entry.sha256) for source, entry in files))


def galdef_parameters(path: Path) -> dict[str, float]:
    """The parameters of the Galaxy that a galdef sets.

    Raises:
        FileError: it cannot be read.
        InputError: a value that is no number, or a diffusion or injection that the parameters cannot express.
    """
    keys = galdef_keys(read_limited(path, _GALDEF_LIMIT).decode(errors="replace"))
    for key, needed in _NEEDED.items():
        if keys.get(key, needed) != needed:
            raise InputError(f"{path}: {key} = {keys[key]} must be {needed}, which the parameters take for granted.")
    found = {name: _number(keys, key, path) * unit for name, (key, unit) in _GALDEF_KEYS.items() if key in keys}
    if "D_g_2" in keys and _number(keys, "D_g_2", path) != found.get("delta"):
        raise InputError(f"{path}: D_g_1 and D_g_2 differ, but delta is one slope.")
    reference = next((key for key in ("D_rigid_ref", "D_rigid_br") if key in keys), None)
    if reference and "D0" in found and _number(keys, reference, path) != _REFERENCE_MV:
        if "delta" not in found:
            raise InputError(f"{path}: D0 at {keys[reference]} MV needs D_g_1 beside it.")
        found["D0"] *= (_REFERENCE_MV / _number(keys, reference, path)) ** found["delta"]
    return found


def _parameters(source: Source, where: str) -> tuple[float, ...]:
    """The point of a source: what its manifest says goes before what its galdef says."""
    named = _NAME.fullmatch(source.path.name)
    galdef = source.path.with_name(f"galdef_{named['run']}") if named else None
    found = galdef_parameters(galdef) if galdef is not None and galdef.is_file() else {}
    found |= {name: _number(source.settings, name, where) for name in source.settings}
    if missing := [name for name in GALAXY.names if name not in found]:
        beside = f", or put {galdef.name} beside it" if galdef is not None else ""
        raise InputError(f"{where}: missing {', '.join(missing)}. Give each as a column of a manifest{beside}.")
    return tuple(found[name] for name in GALAXY.names)


def _number(values: Mapping[str, str], key: str, where: object) -> float:
    try:
        return float(values[key])
    except ValueError:
        raise InputError(f"{where}: {key} = {values[key]!r} is not a number.") from None
