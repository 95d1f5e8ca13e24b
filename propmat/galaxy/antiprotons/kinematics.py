"""From a Lorentz-invariant cross section to d sigma/dT in the frame of the gas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from propmat.constants import PROTON_MASS
from propmat.errors import InputError
from propmat.species import FloatArray, Species

THRESHOLD: Final = 6.0 * PROTON_MASS
"""Least kinetic energy per nucleon [GeV] that makes an antiproton: p p -> p p p pbar."""
DEFAULT_ORDER: Final = 32
"""Gauss-Legendre nodes of the angular integral: converged to 1e-4 for formulas without a jump."""
_TRANSVERSE_SCALE: Final = 0.5
"""Transverse momentum [GeV] around which the nodes lie densest: a typical one, it changes no converged result."""

Integrand = Callable[[float, FloatArray, FloatArray, FloatArray], FloatArray]
"""(s [GeV^2], E* [GeV], p_T [GeV], x_F) -> (weight, …) E d3sigma/dp3 [mb/GeV^2] times each of several weights."""


def positive_energies(name: str, energy: ArrayLike) -> FloatArray:
    """A one-dimensional grid of finite kinetic energies above zero, in float64.

    Raises:
        InputError: the grid has another shape, or an energy is not finite or not positive.
    """
    values = np.asarray(energy, dtype=np.float64)
    if values.ndim != 1:
        raise InputError(f"{name} has shape {values.shape}; it must be one-dimensional.")
    bad = values[~(np.isfinite(values) & (values > 0.0))]
    if bad.size:
        raise InputError(f"{name} = {bad[0]} GeV must be finite and above 0.")
    return values


def counts_as_projectile(species: Species) -> bool:
    """True for protons and for nuclei from helium on: deuterons are neglected, as by GALPROP."""
    return (species.mass_number, species.charge) == (1, 1) or species.charge > 1


def mandelstam_s(kinetic_energy: FloatArray) -> FloatArray:
    """s = 2 m (T + 2 m) [GeV^2] of a nucleon of kinetic energy T on one at rest."""
    return 2.0 * PROTON_MASS * (kinetic_energy + 2.0 * PROTON_MASS)


def largest_antiproton_energy(s: float) -> float:
    """E*_max = (s - 8 m^2) / (2 sqrt s) [GeV]: the antiproton recoils against three protons."""
    return (s - 8.0 * PROTON_MASS**2) / (2.0 * float(np.sqrt(s)))


def lab_spectrum(
    integrand: Integrand,
    projectile_energy: FloatArray,
    antiproton_energy: FloatArray,
    weights: int = 1,
    order: int = DEFAULT_ORDER,
) -> FloatArray:
    """d sigma/dT = 2 pi p ∫ (E d3sigma/dp3) d(cos theta), the target nucleon at rest.

    The variable is u = 1 - cos theta = u0 (e^v - 1) with u0 = (0.5 GeV / p)^2: where production is forward, the nodes
    follow the transverse momentum; where it is not, they follow the angle, backward hemisphere included.

    Args:
        integrand: the invariant cross section, with weights.
        projectile_energy: (projectile,) [GeV/n].
        antiproton_energy: (antiproton,) kinetic energy [GeV].
        weights: length of the integrand's first axis.
        order: Gauss-Legendre nodes.

    Returns:
        (weight, projectile, antiproton) [mb/GeV]; zero below threshold and where energy forbids.
    """
    points, point_weights = np.polynomial.legendre.leggauss(order)
    points, point_weights = 0.5 * (points + 1.0), 0.5 * point_weights
    energy = antiproton_energy + PROTON_MASS
    momentum = np.sqrt(antiproton_energy * (antiproton_energy + 2.0 * PROTON_MASS))
    result = np.zeros((weights, projectile_energy.size, antiproton_energy.size))
    s_of_row: list[float] = mandelstam_s(projectile_energy).tolist()
    for row in np.flatnonzero(projectile_energy > THRESHOLD).tolist():
        s = s_of_row[row]
        lorentz = float(np.sqrt(s)) / (2.0 * PROTON_MASS)
        boost = float(np.sqrt(lorentz**2 - 1.0))
        forward = lorentz * energy - boost * momentum
        u_max = np.minimum((largest_antiproton_energy(s) - forward) / (boost * momentum), 2.0)
        allowed = u_max > 0.0
        e, p, low = energy[allowed, None], momentum[allowed, None], forward[allowed, None]
        u0 = (_TRANSVERSE_SCALE / p) ** 2
        v_max = np.log1p(u_max[allowed, None] / u0)
        u = u0 * np.expm1(v_max * points)
        x_f = (lorentz * p * (1.0 - u) - boost * e) / (lorentz * PROTON_MASS)
        values = integrand(s, low + boost * p * u, p * np.sqrt(u * (2.0 - u)), x_f)
        measure = 2.0 * np.pi * p * (u + u0) * v_max * point_weights
        result[:, row, allowed] = np.sum(values * measure, axis=-1)
    return result
