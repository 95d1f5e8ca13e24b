"""The local interstellar proton spectrum of a fit: a spline whose normalisation and upper knots are free.

The base spline describes Voyager 1 (chi2 = 8.0 for 15 points as it stands, tests/unit/fit/test_lis.py), so its
knots below 1 GeV stay where they are; above, no measurement outside the heliosphere holds it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline

from propmat.errors import InputError
from propmat.species import FloatArray
from propmat.spectra import LogLogSpline


@dataclass(frozen=True)
class LisModel:
    """ln J(T) = ln J_base(T) + perturbation(T) @ values, linear in the ``values``.

    The values are ln of a normalisation, then shifts of ln J at each free knot; between the knots the shifts are
    joined by a natural cubic spline in ln T, like the base, so that the sum is again a :class:`LogLogSpline`.

    Attributes:
        base: the spectrum of values = 0 [m^-2 s^-1 sr^-1 GeV^-1].
        free_above: knots at or above this energy are free [GeV].

    Raises:
        InputError: no knot is free.
    """

    base: LogLogSpline
    free_above: float

    def __post_init__(self) -> None:
        if not self.free_knots.size:
            last = self.base.kinetic_energy[-1]
            raise InputError(
                f"lis_free_above = {self.free_above:g} GeV leaves no free knot; allowed: up to the last, {last:g} GeV."
            )

    @property
    def free_knots(self) -> FloatArray:
        """(knot,) energies of the free knots [GeV]."""
        knots = self.base.kinetic_energy
        return knots[knots >= self.free_above * (1.0 - 1e-9)]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the values."""
        return ("ln_lis_normalisation", *(f"ln_lis_shift_{knot:.3g}GeV" for knot in self.free_knots))

    def log_base(self, kinetic_energy: ArrayLike) -> FloatArray:
        """ln J_base, same shape as ``kinetic_energy`` [GeV]."""
        return np.log(self.base(kinetic_energy))

    def perturbation(self, kinetic_energy: ArrayLike) -> FloatArray:
        """(…, value): d ln J / d value at energies (…) [GeV]; linear in ln T beyond the outer knots."""
        knots = np.log(self.base.kinetic_energy)
        log_energy = np.log(np.asarray(kinetic_energy, dtype=np.float64))
        cardinal = CubicSpline(knots, np.eye(knots.size)[:, -self.free_knots.size :], bc_type="natural")
        inside = np.clip(log_energy, knots[0], knots[-1])
        shifts = cardinal(inside) + (log_energy - inside)[..., None] * cardinal(inside, 1)
        return np.concatenate([np.ones((*log_energy.shape, 1)), shifts], axis=-1)

    def spectrum(self, values: FloatArray) -> LogLogSpline:
        """The spectrum of ``values`` (value,)."""
        log_shift = np.full(self.base.flux.size, values[0])
        log_shift[-self.free_knots.size :] += values[1:]
        return LogLogSpline(self.base.kinetic_energy, self.base.flux * np.exp(log_shift))


@dataclass(frozen=True)
class FixedLis:
    """A spectrum without free values, as that of antiprotons, with the same face as :class:`LisModel`.

    Attributes:
        base: the spectrum [m^-2 s^-1 sr^-1 GeV^-1].
    """

    base: LogLogSpline

    def log_base(self, kinetic_energy: ArrayLike) -> FloatArray:
        """ln J, same shape as ``kinetic_energy`` [GeV]."""
        return np.log(self.base(kinetic_energy))

    def perturbation(self, kinetic_energy: ArrayLike) -> FloatArray:
        """(…, 0)."""
        return np.zeros((*np.shape(kinetic_energy), 0))
