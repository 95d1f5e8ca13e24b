"""A galaxy: its geometry, sources, gas and cross sections, and the grids it is solved on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from propmat.errors import InputError, out_of_range, unknown_name
from propmat.galaxy.sources import NORMALISATION_ENERGY, SUN_RADIUS_KPC
from propmat.species import FloatArray

if TYPE_CHECKING:
    from propmat.galaxy.extra import ExtraSource
    from propmat.galaxy.interactions import Interactions
    from propmat.galaxy.local_spectra import LocalSpectra
    from propmat.parameters import Parameters

SIMULATOR_VERSION: Final = "1"
"""Version of the solver; spectra of two versions never mix in one sample store."""
SCHEMES: Final = ("fourth_order", "galprop")


@dataclass(frozen=True)
class Galaxy:
    """Everything that one model of the Galaxy fixes; what a fit varies are the ten parameters of papers/000, Table I.

    Attributes:
        name: of the preset it started from.
        scheme: of momentum: ``"fourth_order"``, or ``"galprop"``, the first-order one of that code.
        energy_low, energy_high: ends of the grid of kinetic energies [GeV/n].
        energies: points of it, uniform in the logarithm.
        radius: of the halo [kpc].
        radial_step: of the grid [kpc]; the Sun, at 8.5 kpc, must be on it.
        height_step: of a uniform grid in z [kpc]; 0: a graded one.
        height_first: first step of the graded grid [kpc].
        heights: nodes of the graded grid between the plane and z_h.
        radial_averages: gas and sources averaged over the cells in r; False: taken at the radial nodes, and the
            innermost cell of twice its volume, as GALPROP does.
        vertical_averages: sources averaged over the cells in z (gas always is); False: taken at the nodes.
        source_alpha, source_beta: exponents of the radial source distribution.
        source_height: its scale height [kpc].
        source_cutoff: radius beyond which there are no sources [kpc].
        proton_flux: primary protons at 100 GeV, to which all injections are scaled [m^-2 s^-1 sr^-1 GeV^-1].
        beryllium10_half_life: [Myr].
        heaviest: mass number of the heaviest isotope propagated.
        shapes: dimension of the reduced space.
        snapshots: dimension of the space it is selected from; there are 60, and 20 more with an extra source.
        tables: path of a file of gas and cross sections (:mod:`propmat.galaxy.tables`); empty: the shipped ones.
        antiprotons: shipped set of antiproton cross sections, unless ``tables`` is given.

    Raises:
        InputError: a value out of range.
    """

    name: str = "converged"
    scheme: str = "fourth_order"
    energy_low: float = 1.0e-3
    energy_high: float = 1.0e6
    energies: int = 225
    radius: float = 20.0
    radial_step: float = 0.25
    height_step: float = 0.0
    height_first: float = 0.03
    heights: int = 40
    radial_averages: bool = True
    vertical_averages: bool = True
    source_alpha: float = 1.09
    source_beta: float = 3.87
    source_height: float = 0.2
    source_cutoff: float = 20.0
    proton_flux: float = 0.044
    beryllium10_half_life: float = 1.387
    heaviest: int = 56
    shapes: int = 28
    snapshots: int = 60
    tables: str = ""
    antiprotons: str = "winkler"

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise unknown_name("scheme", self.scheme, SCHEMES)
        for key, low, high in _RANGES:
            value = getattr(self, key)
            if isinstance(getattr(type(self), key), int) and not isinstance(value, int | np.integer):
                raise InputError(f"{key} = {value!r} must be a whole number.")
            if not isinstance(value, int | float | np.integer):
                raise InputError(f"{key} = {value!r} must be a number.")
            if not low <= value <= high:
                raise out_of_range(key, value, low, high)
        if not self.energy_low < NORMALISATION_ENERGY < self.energy_high:
            raise InputError(
                f"energy_low = {self.energy_low} and energy_high = {self.energy_high} must lie below and above "
                "100 GeV/n, where the proton flux is normalised."
            )
        node = SUN_RADIUS_KPC / self.radial_step
        if abs(node - round(node)) > 1.0e-6:
            raise InputError(f"radial_step = {self.radial_step} must divide 8.5 kpc, the place of the Sun.")
        if self.shapes > self.snapshots:
            raise InputError(f"shapes = {self.shapes} must not exceed snapshots = {self.snapshots}.")

    @classmethod
    def preset(cls, name: str, tables: str | Path | None = None) -> Self:
        """A model by name: ``"converged"``, or ``"galprop_grid"`` with GALPROP's grid, scheme and nuclei up to A = 18.

        Args:
            name: of the preset.
            tables: file of gas and cross sections to use instead of the shipped ones.

        Raises:
            InputError: no such preset.
        """
        if name not in PRESETS:
            raise unknown_name("preset", name, PRESETS)
        return cls(**PRESETS[name] | {"name": name, "tables": "" if tables is None else str(tables)})

    def replace(self, **changes: Any) -> Self:
        """A variant with some attributes changed.

        Raises:
            InputError: no such attribute, or a value out of range.
        """
        known = [field.name for field in fields(self)]
        for key in changes:
            if key not in known:
                raise unknown_name("attribute of Galaxy", key, known)
        return replace(self, **changes)

    def as_dict(self) -> dict[str, float | int | bool | str]:
        """All attributes as plain values."""
        return asdict(self)

    @property
    def kinetic_energy(self) -> FloatArray:
        """(energy,) grid [GeV/n]."""
        return np.geomspace(self.energy_low, self.energy_high, self.energies)

    @property
    def species(self) -> tuple[str, ...]:
        """Names of the species whose fluxes :meth:`solve` gives."""
        from propmat.galaxy.prepared import prepare

        return prepare(self).species

    def solve(
        self,
        parameters: Parameters,
        *,
        species: Sequence[str] | None = None,
        extra_source: ExtraSource | None = None,
        interactions: Interactions | None = None,
    ) -> LocalSpectra:
        """Spectra at the Sun for one parameter point.

        Args:
            parameters: nu1, nu2, nu3, R_br1, R_br2, D0, eta, delta, v_A, z_h (papers/000, Table I).
            species: only these, and what they are made from (faster); all by default.
            extra_source: a further source of one species, such as dark matter; its contribution to every flux is in
                the totals, and by itself under ``"antiproton_extra"`` (say).
            interactions: gas and cross sections of your own in place of those of the model
                (:mod:`propmat.galaxy.interactions`).

        Raises:
            InputError: a parameter that is missing, unknown or out of range; an unknown species.
            FileError: the file of tables is missing or damaged.
        """
        from propmat.galaxy.solver import solve

        return solve(self, parameters, species=species, extra_source=extra_source, interactions=interactions)

    def check_matrices(self, matrices: Sequence[tuple[str, str]]) -> None:
        """Raise InputError for an (injected, observed) pair without transfer matrix; it names the nearest species."""
        from propmat.galaxy.prepared import prepare
        from propmat.galaxy.solver import check_pairs

        check_pairs(prepare(self), self.species, matrices)

    def solve_many(
        self,
        points: FloatArray,
        *,
        species: Sequence[str] | None = None,
        matrices: Sequence[tuple[str, str]] = (),
        workers: int | None = None,
        device: str = "cpu",
        interactions: Interactions | None = None,
    ) -> Iterator[LocalSpectra]:
        """Spectra at many points on all cores, in their order.

        Args:
            points: (point, 10) in the order of :data:`propmat.parameters.GALAXY`.
            species: as in :meth:`solve`.
            matrices: (injected, observed) pairs whose :meth:`LocalSpectra.green` is worked out along with the fluxes.
            workers: threads; as many as cores by default. Until the last point is handed over, BLAS libraries of the
                process use one thread each.
            device: ``"cpu"``, or an accelerator as torch names it (``"cuda"``), which solves hundreds of points
                together; transfer matrices are still worked out on the cores.
            interactions: as in :meth:`solve`.

        Returns:
            The spectra one by one; their :meth:`LocalSpectra.green` knows the ``matrices`` only.

        Raises:
            InputError: a value out of range, or no such device; checked before any work starts.
        """
        from propmat.galaxy.batch import solve_many

        return solve_many(
            self,
            points,
            species=species,
            matrices=matrices,
            workers=workers,
            device=device,
            interactions=interactions,
        )


_RANGES: Final = (
    ("energy_low", 1.0e-4, 0.05),
    ("energy_high", 1.0e3, 1.0e7),
    ("energies", 40, 2000),
    ("radius", 10.0, 50.0),
    ("radial_step", 0.05, 2.0),
    ("height_step", 0.0, 0.5),
    ("height_first", 1.0e-3, 0.5),
    ("heights", 10, 1000),
    ("source_alpha", 0.0, 10.0),
    ("source_beta", 0.0, 20.0),
    ("source_height", 0.01, 2.0),
    ("source_cutoff", 1.0, 50.0),
    ("proton_flux", 1.0e-6, 10.0),
    ("beryllium10_half_life", 0.1, 10.0),
    ("heaviest", 1, 56),
    ("shapes", 4, 200),
    ("snapshots", 4, 200),
)
PRESETS: Final[dict[str, dict[str, Any]]] = {
    "converged": {},
    "galprop_grid": {
        "scheme": "galprop",
        "energies": 104,
        "energy_high": 1.0e5,
        "radius": 19.975,
        "radial_step": 0.425,
        "height_step": 0.1,
        "radial_averages": False,
        "vertical_averages": False,
        "beryllium10_half_life": 1.6,
        "heaviest": 18,
    },
}
