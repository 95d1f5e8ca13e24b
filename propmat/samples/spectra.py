"""Samples of the Galaxy: the local interstellar spectra of a parameter point, and the transfer matrices behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from propmat.errors import InputError, unknown_name
from propmat.galaxy.local_spectra import LocalSpectra
from propmat.parameters import GALAXY, ParameterSpace
from propmat.samples.design import SobolPoints, without_start
from propmat.samples.header import Columns, float_array
from propmat.samples.imported import IMPORTED, Imported, ImportedPoint
from propmat.samples.keyed import KeyedHeader
from propmat.samples.listed import LISTED, ListedSpectra
from propmat.samples.table import SamplePlan
from propmat.species import FloatArray

Pairs = tuple[tuple[str, str], ...]
"""(injected, observed) species."""
KINDS: Final[dict[str, Any]] = {"fluxes": "<f8", "parts": "<f8", "injections": "<f8", "matrices": "<f4"}
"""The results of a sample in their order on disk; matrices, which are large, in single precision."""


@dataclass(frozen=True, eq=False)
class SpectraTable(SamplePlan):
    """n points of the Galaxy and their spectra at the Sun. Axes: see :class:`SpectraGrid`.

    Attributes:
        fluxes: (n, species, energy) totals [m^-2 s^-1 sr^-1 (GeV/n)^-1].
        parts: (n, part, energy) parts of totals, such as ``proton_primary``.
        injections: (n, injected, energy) injection at the Sun of each injected species [flux per s].
        matrices: (n, pair, observed energy, injected energy) transfer matrices [s].

    Raises:
        InputError: columns of different lengths, or a value that is not finite or, of a flux, negative.
    """

    fluxes: FloatArray
    parts: FloatArray
    injections: FloatArray
    matrices: NDArray[np.float32]

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in KINDS:
            values = getattr(self, name)
            if not np.all(np.isfinite(values)) or (name != "matrices" and np.any(values < 0.0)):
                raise InputError(f"{name} must be finite{'' if name == 'matrices' else ' and not negative'}.")


@dataclass(frozen=True, eq=False)
class SpectraGrid:
    """The axes of a sample.

    Attributes:
        kinetic_energy: (energy,) increasing [GeV/n].
        species: whose fluxes are kept.
        parts: parts of these totals that are kept too.
        matrices: (injected, observed) species whose transfer matrices are kept.

    Raises:
        InputError: energies not increasing and positive, names that come twice, or a pair of other species.
    """

    kinetic_energy: FloatArray
    species: tuple[str, ...]
    parts: tuple[str, ...] = ()
    matrices: Pairs = ()

    def __post_init__(self) -> None:
        energy = np.asarray(self.kinetic_energy, dtype=np.float64)
        if energy.ndim != 1 or energy.size < 2 or not (energy[0] > 0 and np.all(np.diff(energy) > 0)):
            raise InputError("kinetic_energy must be at least two positive increasing values [GeV/n].")
        object.__setattr__(self, "kinetic_energy", energy)
        for name, values in (("species", self.species), ("parts", self.parts), ("matrices", self.matrices)):
            if len(set(values)) < len(values) or (name == "species" and not values):
                raise InputError(f"{name} = {list(values)} must be different names{', at least one' * (not values)}.")
        for species in (name for pair in self.matrices for name in pair):
            if species not in self.species:
                raise unknown_name("species of matrices", species, self.species)

    @property
    def injected(self) -> tuple[str, ...]:
        """The injected species of :attr:`matrices`, each once."""
        return tuple(dict.fromkeys(injected for injected, _ in self.matrices))

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each result of a sample."""
        energy = self.kinetic_energy.size
        return {
            "fluxes": (len(self.species), energy),
            "parts": (len(self.parts), energy),
            "injections": (len(self.injected), energy),
            "matrices": (len(self.matrices), energy, energy),
        }

    def same(self, other: SpectraGrid) -> bool:
        """Whether the names are the same, and the energies but for rounding."""
        names = [(grid.species, grid.parts, grid.matrices) for grid in (self, other)]
        return names[0] == names[1] and self._same_energies(other.kinetic_energy)

    def sample(self, plan: SamplePlan, spectra: LocalSpectra) -> SpectraTable:
        """The table of one sample, planned as ``plan``, from what a simulator said.

        Raises:
            InputError: spectra on other energies, or without one of the species, parts or matrices.
        """
        if not self._same_energies(spectra.kinetic_energy):
            raise InputError("the energies of the spectra are not those of the store.")
        found: dict[str, Any] = {
            "fluxes": [spectra.flux(name) for name in self.species],
            "parts": [spectra.flux(name) for name in self.parts],
            "injections": [spectra.injection(name) for name in self.injected],
            "matrices": [spectra.green(*pair) for pair in self.matrices],
        }
        shapes = self.shapes
        return SpectraTable(
            **vars(plan),
            **{name: np.reshape(values, (1, *shapes[name])).astype(KINDS[name]) for name, values in found.items()},
        )

    def _same_energies(self, kinetic_energy: FloatArray) -> bool:
        own = self.kinetic_energy
        return kinetic_energy.shape == own.shape and np.allclose(kinetic_energy, own, rtol=1e-6, atol=0.0)


@dataclass(frozen=True)
class SpectraDesign(SobolPoints):
    """``count`` points of a Sobol sequence, one sample each.

    Attributes:
        count: points.
        seed: of the sequence.
        shard_size: samples a file.
        kind: how points are chosen; ``"sobol"``.
        start: number in the sequence of the first point.

    Raises:
        InputError: a value out of range, or an unknown kind.
    """

    count: int
    seed: int = 0
    shard_size: int = 64
    kind: str = "sobol"
    start: int = 0

    def __post_init__(self) -> None:
        self.check("count", "seed", "shard_size", "start")

    @property
    def samples(self) -> int:
        """Number of samples."""
        return self.count

    def sample_parameters(self, space: ParameterSpace) -> FloatArray:
        """(sample, parameter)."""
        return self.points(space)

    def seeds(self) -> NDArray[np.uint64]:
        """(sample,) zeros: a solver draws no random numbers."""
        return np.zeros(self.count, dtype=np.uint64)

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return without_start(asdict(self))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`as_dict` (InputError if the values make no design)."""
        if {*values, "start"} != {"count", "seed", "shard_size", "kind", "start"}:
            raise InputError(f"a design has the keys count, seed, shard_size and kind, not {sorted(map(str, values))}.")
        return cls(**values)


@dataclass(frozen=True)
class ImportedSpectra(Imported[ImportedPoint]):
    """One sample for each entry; two of one point are refused."""


DESIGNS: Final[dict[str, type[SpectraDesign | ImportedSpectra | ListedSpectra]]] = {
    IMPORTED: ImportedSpectra,
    LISTED: ListedSpectra,
}
"""``kind`` -> design; others are a :class:`SpectraDesign`, which knows its kinds."""


@dataclass(frozen=True, eq=False)
class SpectraHeader(KeyedHeader[SpectraTable]):
    """What a store of the Galaxy holds: local spectra on ``grid`` at the points of ``design``."""

    content: ClassVar[str] = "spectra"
    described: ClassVar[str] = "local interstellar spectra of the Galaxy"
    parameter_names: ClassVar[tuple[str, ...]] = GALAXY.names

    grid: SpectraGrid
    design: SpectraDesign | ImportedSpectra | ListedSpectra

    @cached_property
    def plan(self) -> SamplePlan:
        """Parameters, seed and key of every sample."""
        parameters, seeds = self.design.sample_parameters(self.parameter_space), self.design.seeds()
        return SamplePlan(self.keys(parameters, seeds, [{}] * len(seeds)), parameters, seeds)

    def columns(self, samples: int) -> Columns:
        """The datasets of a shard of ``samples`` samples, in their order on disk; what is not kept has none."""
        results = {name: (np.dtype(KINDS[name]), (samples, *shape)) for name, shape in self.grid.shapes.items()}
        return {
            "key": (np.dtype("S64"), (samples,)),
            "parameters": (np.dtype("<f8"), (samples, len(self.parameter_space.names))),
            "seed": (np.dtype("<u8"), (samples,)),
        } | {name: (kind, shape) for name, (kind, shape) in results.items() if shape[1]}

    def table(self, columns: Mapping[str, NDArray[Any]]) -> SpectraTable:
        """The samples in the datasets of :meth:`columns`."""
        absent = {
            name: np.zeros((len(columns["key"]), *shape), KINDS[name])
            for name, shape in self.grid.shapes.items()
            if not shape[0]
        }
        return SpectraTable(**{**absent, **columns})

    def grid_values(self) -> dict[str, object]:
        """Energies, and the names along the other axes."""
        return {
            "kinetic_energy": self.grid.kinetic_energy.tolist(),
            "species": list(self.grid.species),
            "parts": list(self.grid.parts),
            "matrices": [list(pair) for pair in self.grid.matrices],
        }

    @classmethod
    def from_parts(cls, grid: Mapping[str, Any], design: Mapping[str, Any], **rest: Any) -> Self:
        """A header from plain values of its grid and design, and the other attributes."""
        if set(grid) != {"kinetic_energy", "species", "parts", "matrices"}:
            raise InputError("the grid needs kinetic_energy, species, parts and matrices")
        return cls(
            grid=SpectraGrid(
                float_array(grid["kinetic_energy"]),
                _names(grid["species"]),
                _names(grid["parts"]),
                tuple(_pair(pair) for pair in _list(grid["matrices"])),
            ),
            design=DESIGNS.get(str(design.get("kind")), SpectraDesign).from_dict(design),
            **rest,
        )


def _list(values: object) -> list[Any]:
    if not isinstance(values, list):
        raise InputError("species, parts and matrices of the grid must be lists")
    return values


def _names(values: object) -> tuple[str, ...]:
    if not all(isinstance(name, str) for name in _list(values)):
        raise InputError("the grid must name species by strings")
    return tuple(_list(values))


def _pair(values: object) -> tuple[str, str]:
    names = _names(values)
    if len(names) != 2:
        raise InputError("matrices of the grid must be pairs of injected and observed species")
    return names[0], names[1]
