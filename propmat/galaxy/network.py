"""The network of species: who is made from whom, solved forwards from the sources or backwards from the Sun."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from propmat.constants import SPEED_OF_LIGHT_CM_S
from propmat.galaxy import blocks
from propmat.galaxy.momentum import MILLIBARN_CM2
from propmat.galaxy.schemes import Coefficients
from propmat.galaxy.space import Basis
from propmat.species import FloatArray, Species, beta_from_kinetic_energy

TRANSPORT: Final[dict[str, str]] = {
    "proton_secondary": "proton",
    "antiproton": "antiproton",
    "antiproton_tertiary": "antiproton",
}
"""Components that move as another species does."""
TOTALS: Final[dict[str, tuple[str, ...]]] = {
    "proton": ("proton", "proton_secondary"),
    "antiproton": ("antiproton", "antiproton_tertiary"),
}
"""Components that add up to a species."""
PART_NAMES: Final = {
    "proton": "proton_primary",
    "antiproton": "antiproton_secondary",
}
"""Public names of components that share the name of their species."""


@dataclass(frozen=True, eq=False)
class Reactions:
    """What makes one component out of others.

    The source of the component at energy i is n (sum_a local[a]_i N_a,i + sum_a kernel[a]_ij N_a,j) plus
    decay[a]_i N_a,i; n is the density of hydrogen nuclei.

    Attributes:
        local: parent -> (energy,) at equal energy per nucleon [per s, per cm^-3].
        decay: parent -> (energy,) [1/s].
        kernel: parent -> (energy, parent energy) [per s, per cm^-3].
    """

    local: Mapping[str, FloatArray]
    decay: Mapping[str, FloatArray]
    kernel: Mapping[str, FloatArray]

    def among(self, components: Collection[str]) -> Reactions:
        """Without the parents that are not among some components."""
        local, decay, kernel = (
            {parent: rate for parent, rate in rates.items() if parent in components}
            for rates in (self.local, self.decay, self.kernel)
        )
        return Reactions(local, decay, kernel)


def fragmentation(parent: Species, daughter: Species, kinetic_energy: FloatArray, production: FloatArray) -> FloatArray:
    """(energy,) source of a daughter per parent and gas density, at equal energy per nucleon [per s, per cm^-3].

    Args:
        parent: a nucleus.
        daughter: a lighter one.
        kinetic_energy: (energy,) [GeV/n].
        production: (energy,) [mb per H atom].
    """
    rate = beta_from_kinetic_energy(kinetic_energy, parent) * SPEED_OF_LIGHT_CM_S * MILLIBARN_CM2 * production
    return np.asarray(rate * parent.nucleons / daughter.nucleons)


def inclusive_kernel(projectile: Species, kinetic_energy: FloatArray, spectrum: FloatArray) -> FloatArray:
    """(antiproton energy, projectile energy) source of antiprotons by the trapezoidal rule in ln T.

    Args:
        projectile: a nucleus.
        kinetic_energy: (energy,) of both [GeV/n], uniform in the logarithm.
        spectrum: (projectile energy, antiproton energy) d sigma / dT [mb/GeV per H atom].
    """
    step = np.log(kinetic_energy[1] / kinetic_energy[0])
    beta = beta_from_kinetic_energy(kinetic_energy, "antiproton")
    weight = SPEED_OF_LIGHT_CM_S * MILLIBARN_CM2 * projectile.nucleons * step * kinetic_energy
    return np.asarray(beta[:, None] * (spectrum * weight[:, None]).T)


def survival_kernel(kinetic_energy: FloatArray, inelastic: FloatArray, *, end_weight: float) -> FloatArray:
    """(final energy, initial energy) source of nucleons that survive inelastic collisions, dN/dE = 1/E below E.

    Args:
        kinetic_energy: (energy,) [GeV], uniform in the logarithm.
        inelastic: (energy,) cross section in which the nucleon survives [mb per H atom].
        end_weight: weight of the end point of the rule, 1/2; GALPROP's is 1.
    """
    step = np.log(kinetic_energy[1] / kinetic_energy[0])
    beta = beta_from_kinetic_energy(kinetic_energy, "proton")
    count = kinetic_energy.size
    weight = np.triu(np.ones((count, count)), 1) + end_weight * np.eye(count)
    return np.asarray(SPEED_OF_LIGHT_CM_S * MILLIBARN_CM2 * step * beta[:, None] * weight * inelastic)


@dataclass(frozen=True, eq=False)
class System:
    """All components at one parameter point.

    Attributes:
        basis: the reduced space.
        coefficients: species -> its transport operator.
        reactions: component -> what makes it, in an order in which parents come first.
    """

    basis: Basis
    coefficients: Mapping[str, Coefficients]
    reactions: Mapping[str, Reactions]

    @cached_property
    def _inverses(self) -> dict[str, FloatArray]:
        return {
            species: blocks.factorise(*found.rows, self.basis.operators) for species, found in self.coefficients.items()
        }

    def propagate(self, sources: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Densities of all components.

        Args:
            sources: component -> (energy, shape, right side) injection; the others have none.

        Returns:
            component -> (energy, shape, right side), for those that are not zero.
        """
        found: dict[str, FloatArray] = {}
        for component, reactions in self.reactions.items():
            in_gas = _sum(
                [rate[:, None, None] * found[parent] for parent, rate in reactions.local.items() if parent in found]
                + [_fold(kernel, found[parent]) for parent, kernel in reactions.kernel.items() if parent in found]
            )
            parts = [rate[:, None, None] * found[parent] for parent, rate in reactions.decay.items() if parent in found]
            parts += [] if in_gas is None else [self.basis.total_gas @ in_gas]
            right = _sum(parts + ([sources[component]] if component in sources else []))
            if right is not None:
                found[component] = self._solve(component, right, adjoint=False)
        return found

    def descendants(self, components: Collection[str]) -> set[str]:
        """Some components and everything that is made from them."""
        found = set(components)
        for component, reactions in self.reactions.items():
            if not found.isdisjoint({*reactions.local, *reactions.decay, *reactions.kernel}):
                found.add(component)
        return found

    def propagate_adjoint(
        self, observed: Mapping[str, FloatArray], sources: FloatArray, components: Collection[str]
    ) -> dict[str, FloatArray]:
        """The transpose of :meth:`propagate`: what an injection at each energy contributes to an observation.

        Args:
            observed: component -> (energy, shape, observation) functionals of the densities.
            sources: (source, shape) distributions of the injection.
            components: only through these; see :meth:`descendants`.

        Returns:
            component -> (energy, source, observation).
        """
        waiting = {component: values.copy() for component, values in observed.items() if component in components}
        found: dict[str, FloatArray] = {}

        def add(parent: str, part: FloatArray) -> None:
            if parent in waiting:
                waiting[parent] += part
            else:
                waiting[parent] = part

        for component in reversed(list(self.reactions)):
            if component not in waiting:
                continue
            reactions = self.reactions[component].among(components)
            adjoint = self._solve(component, waiting.pop(component), adjoint=True)
            found[component] = sources @ adjoint
            in_gas = self.basis.total_gas @ adjoint
            for parent, rate in reactions.local.items():
                add(parent, rate[:, None, None] * in_gas)
            for parent, kernel in reactions.kernel.items():
                add(parent, _fold(kernel.T, in_gas))
            for parent, rate in reactions.decay.items():
                add(parent, rate[:, None, None] * adjoint)
        return found

    def _solve(self, component: str, right: FloatArray, *, adjoint: bool) -> FloatArray:
        """The density (energy, shape, right side) of one component, or its adjoint."""
        species = TRANSPORT.get(component, component)
        coefficients, inverses = self.coefficients[species], self._inverses[species]
        return solve_corrected(inverses, coefficients, self.basis.operators, right, adjoint=adjoint)


def solve_corrected(
    inverses: FloatArray, coefficients: Coefficients, operators: FloatArray, right: FloatArray, *, adjoint: bool = False
) -> FloatArray:
    """The density of one species, with the correction of its scheme if it has one.

    Args:
        inverses: from :func:`propmat.galaxy.blocks.factorise`.
        coefficients: the transport operator.
        operators: (operator, shape, shape) of the reduced space.
        right: (energy, shape, right side).
        adjoint: solve the transposed problem.
    """
    solver = blocks.solve_adjoint if adjoint else blocks.solve
    _, *coupling = coefficients.rows
    first: FloatArray = solver(inverses, *coupling, operators, np.ascontiguousarray(right))
    if coefficients.correction is None:
        return first
    residual = blocks.correct(coefficients.correction, operators, first, adjoint)
    return np.asarray(first - solver(inverses, *coupling, operators, residual))


def _fold(kernel: FloatArray, values: FloatArray) -> FloatArray:
    return np.tensordot(kernel, values, axes=1)


def _sum(parts: list[FloatArray]) -> FloatArray | None:
    return np.sum(parts, axis=0) if len(parts) > 1 else parts[0] if parts else None
