"""Making samples of the Galaxy: with propmat's solver, or with the user's GALPROP."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from propmat.errors import FileError, InputError
from propmat.galaxy.local_spectra import LocalSpectra
from propmat.parameters import GALAXY, get_space
from propmat.samples.failures import ATTEMPTS
from propmat.samples.files import file_checksum
from propmat.samples.header import Model
from propmat.samples.listed import ListedSpectra
from propmat.samples.production import fill, provenance
from propmat.samples.spectra import Pairs, SpectraDesign, SpectraGrid, SpectraHeader, SpectraTable
from propmat.samples.store import HEADER_NAME, SpectraStore
from propmat.samples.worker import Tables
from propmat.species import FloatArray, get_species

if TYPE_CHECKING:
    from propmat.galaxy import Galaxy
    from propmat.galaxy.galprop_adapter import GalpropSettings

GALPROP: Final = "galprop"
"""``simulator`` of a store that GALPROP filled, here or elsewhere."""
_NO_PART_OF_THE_MODEL: Final = ("executable", "fits_folder", "work_folder", "template", "version", "timeout", "threads")


@dataclass(frozen=True)
class SpectraSimulator:
    """A simulator of the Galaxy whose model is chosen.

    Attributes:
        name, version, model: what identifies it in a store.
        solve: points (point, parameter) in the order of :data:`propmat.parameters.GALAXY` and the matrices that will
            be asked for -> the spectra of each point, in order; they must not depend on the other points.
        check_pairs: raises InputError for a pair that has no transfer matrix; None if it has no matrices.
    """

    name: str
    version: str
    model: Model
    solve: Callable[[FloatArray, Pairs], Iterator[LocalSpectra]]
    check_pairs: Callable[[Pairs], None] | None = None

    def check_matrices(self, matrices: Pairs) -> None:
        """Raise InputError if the simulator does not have one of these (injected, observed) transfer matrices."""
        if not matrices:
            return
        if self.check_pairs is None:
            raise InputError(f"matrices = {[list(pair) for pair in matrices]} must be empty: {self.name} tells none.")
        for species in (name for pair in matrices for name in pair):
            get_species(species)  # a misspelt one at once; what the model has may take seconds
        self.check_pairs(matrices)


def galaxy_simulator(galaxy: Galaxy, *, device: str = "cpu", threads: int | None = None) -> SpectraSimulator:
    """propmat's own solver.

    Args:
        galaxy: the model.
        device: see :meth:`propmat.galaxy.Galaxy.solve_many`.
        threads: that it uses; all cores by default.

    Raises:
        FileError: the file of tables cannot be read.
    """
    from propmat.galaxy import SIMULATOR_VERSION

    tables = file_checksum(Path(galaxy.tables)) if galaxy.tables else ""
    model = galaxy.as_dict() | {"tables": tables}
    return SpectraSimulator(
        GALAXY.name,
        SIMULATOR_VERSION,
        model,
        lambda points, matrices: galaxy.solve_many(points, matrices=matrices, workers=threads, device=device),
        galaxy.check_matrices,
    )


def galprop_simulator(settings: GalpropSettings) -> SpectraSimulator:
    """The user's GALPROP, one point after the other.

    Raises:
        FileError: the template cannot be read.
    """
    from propmat.galaxy.galprop_adapter import run_galprop

    @lru_cache(maxsize=1)  # the run that showed the axes of the store is its first sample
    def run(point: tuple[float, ...]) -> LocalSpectra:
        return run_galprop(settings, dict(zip(GALAXY.names, point, strict=True)))

    own = [item.name for item in fields(settings) if item.name not in _NO_PART_OF_THE_MODEL]
    template = "" if settings.template is None else file_checksum(settings.template)
    model = {"name": GALPROP, "template": template} | {name: getattr(settings, name) for name in own}
    return SpectraSimulator(
        GALPROP, settings.version, model, lambda points, matrices: map(run, map(tuple, points.tolist()))
    )


def create_spectra(
    folder: Path,
    simulator: SpectraSimulator,
    design: SpectraDesign | ListedSpectra,
    *,
    space: str = GALAXY.name,
    matrices: Pairs = (),
    command: Sequence[str] = (),
    resume: bool = False,
) -> SpectraStore:
    """A new store, or with ``resume`` the one that is there; the axes of a new one are those of its first point.

    Args:
        folder: where to.
        simulator: what will fill it.
        design: points and shards.
        space: name of the parameter space.
        matrices: (injected, observed) species whose transfer matrices are kept.
        command: the command line, for the provenance.
        resume: accept the same store.

    Raises:
        InputError: an unknown space, a matrix that the simulator does not have, a store that is there (without
            ``resume``), or a point that the simulator refuses.
        FileError: the folder cannot be used or holds other samples, or GALPROP failed.

    Warns:
        UserWarning: GALPROP's output holds species that propmat does not know.
    """
    if (folder / HEADER_NAME).exists():
        known = SpectraStore.open(folder).header.grid
        grid = SpectraGrid(known.kinetic_energy, known.species, known.parts, matrices)
    else:
        first = _first(simulator, design.sample_parameters(get_space(space))[0])
        grid = SpectraGrid(first.kinetic_energy, tuple(first.fluxes), tuple(first.parts), matrices)
    header = SpectraHeader(simulator.name, simulator.version, simulator.model, grid, space, design, provenance(command))
    return SpectraStore.create(folder, header, resume=resume)


def produce_spectra(
    store: SpectraStore,
    simulator: SpectraSimulator,
    *,
    progress: bool = True,
    shards: Sequence[int] | None = None,
    attempts: int = ATTEMPTS,
) -> None:
    """Make every shard of spectra that is missing or damaged: see :func:`propmat.samples.production.fill`.

    Raises:
        FileError: the folder cannot be written.
        UnitsFailed: shards whose simulation failed each time, with the number of the sample and its parameters; the
            others are finished.
        InputError: no such shard.
        KeyboardInterrupt: interrupted; the message says how to go on. Finished shards are kept.
    """
    fill(store, spectra_tables(store.header, simulator), progress=progress, shards=shards, attempts=attempts)


def spectra_tables(header: SpectraHeader, simulator: SpectraSimulator) -> Tables[SpectraTable]:
    """The samples of a store of spectra, one after the other; those of a shard are handed to the simulator together."""

    def tables(samples: Sequence[int]) -> Generator[SpectraTable, None, None]:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*left out, since propmat")  # told of the first sample
            found = simulator.solve(header.plan.parameters[list(samples)], header.grid.matrices)
            for sample, spectra in zip(samples, found, strict=True):
                yield header.grid.sample(header.plan.select([sample]), spectra)

    return tables


def _first(simulator: SpectraSimulator, point: FloatArray) -> LocalSpectra:
    """The spectra of one point; a failure names it."""
    try:
        return next(iter(simulator.solve(point[None], ())))
    except FileError as error:
        named = ", ".join(f"{name} = {value:g}" for name, value in zip(GALAXY.names, point.tolist(), strict=True))
        raise FileError(f"sample 0 ({named}): {error}") from error
