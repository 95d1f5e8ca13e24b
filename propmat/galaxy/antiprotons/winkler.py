"""Antiprotons after Winkler (2017), with the parameters of Korsmeier, Donato & Di Mauro (2018)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator

from propmat.constants import PROTON_MASS
from propmat.galaxy.antiprotons.inelastic import AntiprotonDestruction
from propmat.galaxy.antiprotons.kinematics import (
    DEFAULT_ORDER,
    counts_as_projectile,
    lab_spectrum,
    largest_antiproton_energy,
    mandelstam_s,
    positive_energies,
)
from propmat.galaxy.interactions import HELIUM_PER_HYDROGEN
from propmat.species import FloatArray, Species


@dataclass(frozen=True)
class WinklerParameters:
    """Parameters of the prompt invariant cross section and of its nuclear scaling.

    The names are Winkler's (arXiv:1701.04866) and, for D1 and D2, those of Korsmeier et al. (arXiv:1802.03030).

    Attributes:
        C5, C6, C7, C8: height, power of 1 - x_R, slope in m_T [GeV], and its change with energy.
        C9, C10: rise below sqrt s = 10 GeV.
        D1, D2: powers of the mass number.
        neutron_excess: a neutron of a nucleus makes 1 + Delta_IS times the antiprotons that a proton makes.
    """

    C5: float
    C6: float
    C7: float
    C8: float
    C9: float
    C10: float
    D1: float
    D2: float
    neutron_excess: bool


KORSMEIER_2018: Final = WinklerParameters(
    C5=5.01767e-2, C6=7.79045, C7=1.64809e-1, C8=0.038, C9=4.74370e-4, C10=3.70480, D1=0.828, D2=0.145,
    neutron_excess=True,
)  # fmt: skip
"""Param. II of arXiv:1802.03030, with its fit to p C and p He (LHCb, NA49)."""
WINKLER_2017: Final = WinklerParameters(
    C5=0.047, C6=7.76, C7=0.168, C8=0.038, C9=1.0e-3, C10=0.7, D1=0.839, D2=0.161, neutron_excess=False
)
"""arXiv:1701.04866; its <nu_He> = 1.25 expressed as D1 and D2 by Korsmeier et al."""

_OVERLAP: Final = np.array([
    0.0, 0.0003, 0.0008, 0.0027, 0.010, 0.035, 0.110, 0.197, 0.295, 0.4, 0.5,
    0.6, 0.705, 0.803, 0.890, 0.965, 0.990, 0.9973, 0.9992, 0.9997, 1.0,
])  # fmt: skip
"""Projectile overlap function of antiprotons at x_F = -0.25, -0.225, …, 0.25 (NA49, arXiv:1207.6520, table 14)."""
_OVERLAP_EDGE: Final = 0.25
_OVERLAP_CURVE: Final = PchipInterpolator(np.linspace(-_OVERLAP_EDGE, _OVERLAP_EDGE, _OVERLAP.size), _OVERLAP)


def invariant_cross_section(
    s: float, energy: FloatArray, transverse_momentum: FloatArray, parameters: WinklerParameters = KORSMEIER_2018
) -> FloatArray:
    """Prompt E d3sigma/dp3 of p p -> pbar X, hyperons and antineutrons left out (arXiv:1701.04866, section 3).

    Args:
        s: squared energy in the centre of mass [GeV^2].
        energy: of the antiproton there [GeV].
        transverse_momentum: [GeV], of the same shape.
        parameters: the fit.

    Returns:
        [mb/GeV^2], of the shape of ``energy``.
    """
    fit = parameters
    root_s = float(np.sqrt(s))
    e_max = largest_antiproton_energy(s)
    if root_s <= 4.0 * PROTON_MASS:
        return np.zeros_like(energy)
    radial = np.minimum(energy / e_max, 1.0)
    sigma_in = 30.9 - 1.74 * np.log(root_s) + 0.71 * np.log(root_s) ** 2
    kick = np.hypot(transverse_momentum, PROTON_MASS) - PROTON_MASS
    widening = fit.C8 * np.log(root_s / (4.0 * PROTON_MASS)) ** 2
    exponent = -np.log1p(widening * kick) / (widening * fit.C7)
    rise = 1.0
    if root_s < 10.0:
        rise = 1.0 + fit.C9 * (10.0 - root_s) ** 5
        exponent += fit.C10 * (10.0 - root_s) * (radial - PROTON_MASS / e_max) ** 2
    invariant: FloatArray = rise * sigma_in * fit.C5 * (1.0 - radial) ** fit.C6 * np.exp(exponent)
    return invariant


def hyperon_excess(s: ArrayLike) -> FloatArray:
    """Delta_Lambda: antiprotons from hyperons over prompt ones (arXiv:1701.04866, C1 to C4; s [GeV^2])."""
    excess: FloatArray = 0.81 * (0.31 + 0.30 / (1.0 + (146.0**2 / np.asarray(s)) ** 0.9))
    return excess


def isospin_excess(s: ArrayLike) -> FloatArray:
    """Delta_IS: antineutrons over antiprotons, less one (arXiv:1701.04866, C14 to C16; s [GeV^2])."""
    excess: FloatArray = 0.114 / (1.0 + (np.asarray(s) / 144.0**2) ** 0.51)
    return excess


def projectile_overlap(x_f: FloatArray) -> FloatArray:
    """Part of the antiprotons at Feynman x that belongs to the projectile; 1/2 at 0 (NA49, arXiv:1207.6520)."""
    overlap: FloatArray = _OVERLAP_CURVE(np.clip(x_f, -_OVERLAP_EDGE, _OVERLAP_EDGE))
    return overlap


def nuclear_factors(
    parameters: WinklerParameters, isospin: FloatArray, projectile: tuple[int, int], target: tuple[int, int]
) -> tuple[FloatArray, FloatArray]:
    """What multiplies the projectile's and the target's part of p p (arXiv:1802.03030, scaling to nuclei).

    Args:
        parameters: the fit.
        isospin: Delta_IS, of any shape.
        projectile: (mass number, charge).
        target: the same of the nucleus at rest.

    Returns:
        Two arrays of the shape of ``isospin``; both are one for two protons.
    """
    both = (projectile[0] * target[0]) ** parameters.D1
    excess = isospin if parameters.neutron_excess else np.zeros_like(isospin)
    parts = [both * a**parameters.D2 * (1.0 + excess * (a - z) / a) for a, z in (projectile, target)]
    return parts[0], parts[1]


@dataclass(frozen=True)
class WinklerAntiprotons(AntiprotonDestruction):
    """The shipped set: Winkler's formulas, Korsmeier's parameters; destruction after Tan & Ng.

    Attributes:
        parameters: the fit.
        name: in the registry.
        order: Gauss-Legendre nodes of the angular integral.
    """

    parameters: WinklerParameters = KORSMEIER_2018
    name: str = "winkler"
    order: int = DEFAULT_ORDER

    def production(
        self, projectile: Species, projectile_energy: FloatArray, antiproton_energy: FloatArray
    ) -> FloatArray | None:
        """See :meth:`propmat.galaxy.interactions.AntiprotonCrossSections.production`.

        None for deuterons and for what is no nucleus.

        Raises:
            InputError: an energy is not positive, or a grid not one-dimensional.
        """
        beam = positive_energies("projectile_energy", projectile_energy)
        product = positive_energies("antiproton_energy", antiproton_energy)
        if not counts_as_projectile(projectile):
            return None
        nucleus = (projectile.mass_number, projectile.charge)
        forward, backward = _parts(self.parameters, beam.tobytes(), product.tobytes(), self.order)
        isospin = isospin_excess(mandelstam_s(beam))
        total = np.zeros((beam.size, product.size))
        for target, abundance in (((1, 1), 1.0), ((4, 2), HELIUM_PER_HYDROGEN)):
            front, back = nuclear_factors(self.parameters, isospin, nucleus, target)
            total += abundance * (front[:, None] * forward + back[:, None] * backward)
        return total


@lru_cache(maxsize=2)
def _parts(parameters: WinklerParameters, beam: bytes, product: bytes, order: int) -> FloatArray:
    """(2, projectile, antiproton) the projectile's and the target's part of p p, all antinucleons [mb/GeV].

    Every nucleus is a sum of these two; they are kept (by the bytes of their grids), since a network asks for twenty.
    """

    def integrand(s: float, energy: FloatArray, transverse_momentum: FloatArray, x_f: FloatArray) -> FloatArray:
        prompt = invariant_cross_section(s, energy, transverse_momentum, parameters)
        prompt *= 2.0 + isospin_excess(s) + 2.0 * hyperon_excess(s)
        front = prompt * projectile_overlap(x_f)
        return np.stack([front, prompt - front])

    return lab_spectrum(integrand, np.frombuffer(beam), np.frombuffer(product), weights=2, order=order)
