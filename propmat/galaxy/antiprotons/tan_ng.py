"""Antiprotons after Tan & Ng (1983), with the nuclear scaling of Gaisser & Schaefer (1992): the older standard."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from propmat.constants import PROTON_MASS
from propmat.galaxy.antiprotons.inelastic import AntiprotonDestruction
from propmat.galaxy.antiprotons.kinematics import (
    DEFAULT_ORDER,
    lab_spectrum,
    largest_antiproton_energy,
    positive_energies,
)
from propmat.galaxy.interactions import HELIUM_PER_HYDROGEN
from propmat.galaxy.nuclei.inelastic import proton_nucleus, proton_proton
from propmat.species import FloatArray, Species

_ANTINUCLEONS: Final = 2.0
"""An antineutron for every antiproton; antiprotons from hyperons are in Tan & Ng's data."""
_NUCLEAR_EXCESS: Final = 1.2
"""Antiprotons from a nucleus over those expected from the number of wounded nucleons (Gaisser & Schaefer 1992)."""


def invariant_cross_section(s: float, energy: FloatArray, transverse_momentum: FloatArray) -> FloatArray:
    """E d3sigma/dp3 of p p -> pbar X, those from hyperons included.

    Radial scaling (Tan & Ng, Phys. Rev. D 26 (1982) 1179), times the rise towards threshold in Q = sqrt s - 4 m
    (Tan & Ng, J. Phys. G 9 (1983) 1289).

    Args:
        s: squared energy in the centre of mass [GeV^2].
        energy: of the antiproton there [GeV].
        transverse_momentum: [GeV], of the same shape.

    Returns:
        [mb/GeV^2], of the shape of ``energy``.
    """
    excess = float(np.sqrt(s)) - 4.0 * PROTON_MASS
    if excess <= 0.0:
        return np.zeros_like(energy)
    e_max = largest_antiproton_energy(s)
    radial = np.minimum(energy / e_max, 1.0)
    height = 2.10 * (1.0 - radial) ** 7.80 + np.where(radial <= 0.5, 3.34 * np.exp(-17.6 * radial), 0.0)
    linear = 3.95 * np.exp(-2.76 * radial)
    quadratic = 40.5 * np.exp(-3.21 * radial) * radial**2.13
    scaling = height * np.exp(-(linear + quadratic * transverse_momentum) * transverse_momentum)
    beyond = radial - np.hypot(transverse_momentum, PROTON_MASS) / e_max
    rise = 6.25e-3 * (np.exp(-0.592 * excess) + 493.0 * np.exp(-5.40 * excess))
    rise = rise * np.expm1(6.08 + 2.57 * beyond + 7.95 * beyond**2) * np.exp(3.00 * beyond * (3.09 - excess))
    invariant: FloatArray = scaling * (1.0 + rise)
    return invariant


@dataclass(frozen=True)
class TanNgAntiprotons(AntiprotonDestruction):
    """An older set for comparison: protons and helium 4 as projectiles.

    Attributes:
        name: in the registry.
        order: Gauss-Legendre nodes of the angular integral.
    """

    name: str = "tan_ng"
    order: int = DEFAULT_ORDER

    def production(
        self, projectile: Species, projectile_energy: FloatArray, antiproton_energy: FloatArray
    ) -> FloatArray | None:
        """See :meth:`propmat.galaxy.interactions.AntiprotonCrossSections.production`.

        None for all but protons and helium 4.

        Raises:
            InputError: an energy is not positive, or a grid not one-dimensional.
        """
        beam = positive_energies("projectile_energy", projectile_energy)
        product = positive_energies("antiproton_energy", antiproton_energy)
        on_hydrogen, on_helium = proton_proton(beam), proton_nucleus(4, beam)
        wounded = _NUCLEAR_EXCESS / (2.0 * np.where(on_hydrogen > 0.0, on_hydrogen, np.inf))
        mixed = wounded * (4.0 * on_hydrogen + on_helium)
        if projectile.name == "proton":
            factor = 1.0 + HELIUM_PER_HYDROGEN * mixed
        elif projectile.name == "helium4":
            factor = mixed + HELIUM_PER_HYDROGEN * wounded * (4.0 * on_helium + 4.0 * on_helium)
        else:
            return None
        return factor[:, None] * _proton_proton_yield(beam.tobytes(), product.tobytes(), self.order)


@lru_cache(maxsize=2)
def _proton_proton_yield(beam: bytes, product: bytes, order: int) -> FloatArray:
    """(projectile, antiproton) d sigma/dT of p p [mb/GeV], antineutrons included, kept by the bytes of its grids."""

    def integrand(s: float, energy: FloatArray, transverse_momentum: FloatArray, _: FloatArray) -> FloatArray:
        return _ANTINUCLEONS * invariant_cross_section(s, energy, transverse_momentum)[None]

    spectrum: FloatArray = lab_spectrum(integrand, np.frombuffer(beam), np.frombuffer(product), order=order)[0]
    return spectrum
