"""From a parameter point to spectra: its reduced space, its network, its fluxes and its transfer matrices."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from propmat.errors import InputError, unknown_name
from propmat.galaxy.domain import build_domain
from propmat.galaxy.extra import ExtraSource
from propmat.galaxy.interactions import Interactions
from propmat.galaxy.local_spectra import LocalSpectra
from propmat.galaxy.model import Galaxy
from propmat.galaxy.network import PART_NAMES, TOTALS, TRANSPORT, System
from propmat.galaxy.prepared import Prepared, prepare
from propmat.galaxy.reduction import adapted_basis
from propmat.galaxy.sources import ABUNDANCES, NORMALISATION_ENERGY, injection
from propmat.galaxy.space import Basis, radial_shapes, spatial_basis
from propmat.galaxy.threads import one_blas_thread
from propmat.parameters import GALAXY, Parameters
from propmat.species import FloatArray, Species, get_species

COARSE_ENERGIES: Final = 16
"""Energies on which the reduced space of a point is selected."""
TRUSTED: Final = (30.0, 0.05)
"""Lowest and highest energy that the ends of the grid are not felt at, over the energy of each end."""


def solve(
    galaxy: Galaxy,
    parameters: Parameters,
    *,
    species: Sequence[str] | None = None,
    extra_source: ExtraSource | None = None,
    interactions: Interactions | None = None,
) -> LocalSpectra:
    """See :meth:`Galaxy.solve`."""
    values = GALAXY.stack(parameters)
    if values.ndim != 1:
        raise InputError(f"solve takes one parameter point, got arrays of shape {values.shape[:-1]}; see solve_many.")
    point = dict(zip(GALAXY.names, values.tolist(), strict=True))
    prepared = prepare(galaxy, interactions)
    if extra_source is not None and extra_source.species not in prepared.species:
        raise unknown_name("species of the extra source", extra_source.species, prepared.species)
    names = wanted_species(prepared, species)
    check_point(galaxy, point)
    with one_blas_thread():
        found = Point(prepared, point, names, extra_source)
        return found.spectra(found.system.propagate(found.sources()))


def check_point(galaxy: Galaxy, point: Mapping[str, float]) -> None:
    """Raise InputError where a parameter contradicts the model."""
    if point["z_h"] <= galaxy.source_height:
        raise InputError(f"z_h = {point['z_h']} kpc must be larger than source_height = {galaxy.source_height} kpc.")


def check_pairs(prepared: Prepared, names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> None:
    """Raise InputError for a pair of injected and observed species that has no transfer matrix."""
    sources = sorted(name for name in prepared.ancestors([*names, "proton"]) if name not in TRANSPORT)
    for injected, observed in pairs:
        if injected not in sources:
            raise unknown_name("injected species", injected, sources)
        if observed not in names:
            raise unknown_name("observed species", observed, names)


def wanted_species(prepared: Prepared, species: Sequence[str] | None) -> tuple[str, ...]:
    """The species asked for, all by default (InputError: an unknown one)."""
    for name in species or ():
        if name not in prepared.species:
            raise unknown_name("species", name, prepared.species)
    return prepared.species if species is None else tuple(species)


class Point:
    """One parameter point being solved.

    Attributes:
        system: its network in its reduced space.
        injected: component -> (energy,) injection per unit momentum, before normalisation.
    """

    def __init__(
        self, prepared: Prepared, point: Mapping[str, float], names: Sequence[str], extra: ExtraSource | None = None
    ) -> None:
        self.prepared, self.point, self.names, self.extra = prepared, point, names, extra
        components = prepared.ancestors([*names, "proton", *([extra.species] if extra else [])])
        moving = {TRANSPORT.get(name, name) for name in components}
        self.system = System(
            self._basis(moving),
            {name: prepared.coefficients(get_species(name), prepared.energy, point) for name in moving},
            {name: made.among(components) for name, made in prepared.reactions.items() if name in components},
        )
        self.injected = {
            name: injection(get_species(name), prepared.energy, point)
            for name in self.system.reactions
            if ABUNDANCES.get(name, 0.0) > 0.0
        }
        self.matrices: dict[tuple[str, str], FloatArray] = {}

    def _basis(self, moving: set[str]) -> Basis:
        galaxy = self.prepared.galaxy
        profiles = [] if self.extra is None else [self.extra.profile]
        domain = build_domain(galaxy, self.prepared.interactions.gas, self.point["z_h"], profiles)
        # A further source has its own shapes, which no halo without it shows.
        radial = self.prepared.radial if self.extra is None else radial_shapes([domain])
        count = galaxy.shapes if self.extra is None else max(galaxy.shapes, galaxy.snapshots)
        full = spatial_basis(domain, radial, galaxy.snapshots)
        energy = np.geomspace(galaxy.energy_low, galaxy.energy_high, COARSE_ENERGIES)
        shape = injection(get_species("proton"), energy, self.point)
        operators = [self.prepared.coefficients(species, energy, self.point) for species in _representatives(moving)]
        return adapted_basis(full, operators, shape, count)

    def sources(self) -> dict[str, FloatArray]:
        """Component -> (energy, shape, column): cosmic rays, then the extra source if there is one."""
        basis, columns = self.system.basis, 1 if self.extra is None else 2
        found = {}
        for name in [*self.injected, *([self.extra.species] if self.extra else [])]:
            values = np.zeros((self.prepared.energy.size, basis.sun.size, columns))
            if name in self.injected:
                values[..., 0] = np.outer(self.injected[name], basis.sources[0])
            if self.extra is not None and name == self.extra.species:
                strength = self.extra.injection(self.prepared.energy) / _nucleons(name)
                values[..., 1] = np.outer(strength, basis.sources[1])
            found[name] = values
        return found

    def spectra(self, densities: Mapping[str, FloatArray]) -> LocalSpectra:
        """Fluxes of everything asked for.

        Args:
            densities: component -> (energy, shape, column), what :meth:`sources` lead to.
        """
        sun, energy = self.system.basis.sun, self.prepared.energy
        flux = {name: _nucleons(name) * np.einsum("m,emk->ek", sun, density) for name, density in densities.items()}
        scale = self.prepared.galaxy.proton_flux / _at(NORMALISATION_ENERGY, energy, flux["proton"][:, 0])
        zero = np.zeros_like(energy)
        own = {name: _positive(name, values[:, 0] * scale, energy) for name, values in flux.items()}
        fluxes: dict[str, FloatArray] = {}
        parts: dict[str, FloatArray] = {}
        for name in self.names:
            components = TOTALS.get(name, (name,))
            fluxes[name] = sum((own.get(part, zero) for part in components), zero)
            parts |= {PART_NAMES.get(part, part): own.get(part, zero) for part in TOTALS.get(name, ())}
            if self.extra is not None:
                added = sum((flux[part][:, 1] for part in components if part in flux), zero)
                parts[f"{name}_extra"] = _positive(f"{name}_extra", added, energy)
                fluxes[name] = fluxes[name] + parts[f"{name}_extra"]
        injections = {
            name: _nucleons(name) * scale * self.injected.get(name, zero)
            for name in self.system.reactions
            if name not in TRANSPORT
        }
        return LocalSpectra(energy, fluxes, parts, injections, self.green)

    def green(self, injected: str, observed: str) -> FloatArray:
        """See :meth:`LocalSpectra.green`."""
        check_pairs(self.prepared, self.names, [(injected, observed)])
        with one_blas_thread():
            self.work_out([(injected, observed)])
        return self.matrices[injected, observed]

    def work_out(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Make and keep the matrices of some (injected, observed) pairs that :func:`check_pairs` has passed.

        One adjoint solution an observed species; one that is asked for again gets its matrices from all injected ones.
        """
        sources = [name for name in self.system.reactions if name not in TRANSPORT]
        wanted: dict[str, set[str]] = {}
        for injected, observed in pairs:
            if (injected, observed) not in self.matrices:
                asked_before = any(other == observed for _, other in self.matrices)
                wanted.setdefault(observed, set()).update(sources if asked_before else [injected])
        for observed, found in wanted.items():
            self._rows(observed, found)

    def _rows(self, observed: str, injected: set[str]) -> None:
        basis, count = self.system.basis, self.prepared.energy.size
        start = np.einsum("eo,m->emo", np.eye(count), basis.sun)
        targets = {part: start * _nucleons(part) for part in TOTALS.get(observed, (observed,))}
        rows = self.system.propagate_adjoint(targets, basis.sources[:1], self.system.descendants(injected))
        for name in injected:
            found = rows[name][:, 0].T / _nucleons(name) if name in rows else np.zeros((count, count))
            self.matrices[name, observed] = found


def _representatives(moving: set[str]) -> list[Species]:
    """The lightest, a middle and the heaviest of the nuclei that move, and the one that decays."""
    nuclei = sorted(moving - {"antiproton"}, key=lambda name: (get_species(name).mass_number, name))
    chosen = {nuclei[0], nuclei[len(nuclei) // 2], nuclei[-1], *({"beryllium10"} & moving)}
    return [get_species(name) for name in nuclei if name in chosen]


def _nucleons(component: str) -> int:
    return get_species(TRANSPORT.get(component, component)).nucleons


def _positive(name: str, flux: FloatArray, energy: FloatArray) -> FloatArray:
    """The flux with 0 in place of what is below.

    Warns:
        UserWarning: there is such at :data:`TRUSTED` energies: the grid is too coarse.
    """
    trusted = (energy > TRUSTED[0] * energy[0]) & (energy < TRUSTED[1] * energy[-1])
    if np.any(flux[trusted] < 0.0):
        warnings.warn(
            f"the flux of {name} is below 0 at some energies and set to 0 there: the grid of {energy.size} energies is "
            "too coarse for these parameters.",
            stacklevel=2,
        )
    return np.maximum(flux, 0.0)


def _at(wanted: float, energy: FloatArray, flux: FloatArray) -> float:
    """The flux at an energy, by interpolation in log-log."""
    return float(np.exp(np.interp(np.log(wanted), np.log(energy), np.log(np.maximum(flux, 1e-300)))))
