"""Further sources: any distribution in the halo with any spectrum, such as antiprotons from dark matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from propmat.constants import SPEED_OF_LIGHT_M_S
from propmat.errors import InputError
from propmat.galaxy.sources import SUN_RADIUS_KPC
from propmat.species import FloatArray, beta_from_kinetic_energy

Profile = Callable[[FloatArray, FloatArray], FloatArray]
"""From (r, z) [kpc], of equal shape, to a relative source density."""


@dataclass(frozen=True)
class ExtraSource:
    """A source of one species.

    Attributes:
        species: a species of the network, or ``"antiproton"``.
        spectrum: from (energy,) kinetic energies [GeV/n] to the source where ``profile`` is 1
            [particles cm^-3 s^-1 (GeV/n)^-1].
        profile: where; see :func:`navarro_frenk_white` and :func:`burkert`.
    """

    species: str
    spectrum: Callable[[FloatArray], FloatArray]
    profile: Profile

    def injection(self, kinetic_energy: FloatArray) -> FloatArray:
        """(energy,) source where ``profile`` is 1, as a flux per second: beta c q / 4 pi.

        In m^-2 s^-1 sr^-1 (GeV/n)^-1 per s, for ``kinetic_energy`` (energy,) [GeV/n].

        Raises:
            InputError: ``spectrum`` gives a value that is negative or not finite, or an array of another shape.
        """
        source = np.asarray(self.spectrum(kinetic_energy), dtype=np.float64)
        if source.shape != kinetic_energy.shape or not np.all(np.isfinite(source)) or np.any(source < 0.0):
            raise InputError(f"the spectrum of the extra source must give {kinetic_energy.size} finite values >= 0.")
        speed = SPEED_OF_LIGHT_M_S * beta_from_kinetic_energy(kinetic_energy, self.species)
        return np.asarray(speed / (4.0 * np.pi) * 1.0e6 * source)


def navarro_frenk_white(scale: float = 20.0, *, power: float = 2.0) -> Profile:
    """(rho / rho_sun)^power of a Navarro-Frenk-White halo: power 2 for annihilation, 1 for decay.

    The cusp is smoothed below 0.1 kpc: what happens there does not reach the Sun, and no grid resolves it.

    Args:
        scale: radius [kpc].
        power: of the density.
    """

    def density(distance: FloatArray) -> FloatArray:
        scaled = np.maximum(distance, 0.1) / scale
        return np.asarray(1.0 / (scaled * (1.0 + scaled) ** 2))

    return _spherical(density, power)


def burkert(core: float = 5.0, *, power: float = 2.0) -> Profile:
    """(rho / rho_sun)^power of a Burkert halo, which has a core, of radius ``core`` [kpc]."""

    def density(distance: FloatArray) -> FloatArray:
        scaled = distance / core
        return np.asarray(1.0 / ((1.0 + scaled) * (1.0 + scaled**2)))

    return _spherical(density, power)


def _spherical(density: Callable[[FloatArray], FloatArray], power: float) -> Profile:
    local = density(np.asarray(SUN_RADIUS_KPC))

    def profile(radius: FloatArray, height: FloatArray) -> FloatArray:
        return np.asarray((density(np.hypot(radius, height)) / local) ** power)

    return profile
