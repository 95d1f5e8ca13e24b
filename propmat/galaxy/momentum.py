"""Transport coefficients of one species on the energy grid, and how they couple neighbouring momenta.

With N the density per unit total momentum p, the steady state of one species is (galaxy.md, section 1)

    0 = Q + D_xx lap N + d/dp[p^2 D_pp d/dp(N / p^2)] + d/dp(b N) - beta c n sigma N - N / (gamma tau).

Every coefficient is a number times one of the operators of the reduced space.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from propmat.constants import KILOPARSEC_CM, SPEED_OF_LIGHT_CM_S
from propmat.galaxy.losses import coulomb_loss, ionisation_loss
from propmat.species import FloatArray, Species, beta_from_kinetic_energy, momentum_from_kinetic_energy

MILLIBARN_CM2: Final = 1.0e-27
REFERENCE_RIGIDITY_GV: Final = 4.0
_DIFFUSION_UNIT: Final = 1.0e28 / KILOPARSEC_CM**2

LAPLACIAN, NEUTRAL, IONISED, IONISED_LOG, UNIT = range(5)
"""Operators of the reduced space, in the order of the last axis of the coefficients."""


def spatial_diffusion(species: Species, kinetic_energy: FloatArray, parameters: Mapping[str, float]) -> FloatArray:
    """D_xx = D0 beta^eta (R / 4 GV)^delta [kpc^2 / s] at ``kinetic_energy`` [GeV/n]."""
    rigidity = momentum_from_kinetic_energy(kinetic_energy, species) / abs(species.charge)
    speed = beta_from_kinetic_energy(kinetic_energy, species)
    slope = (rigidity / REFERENCE_RIGIDITY_GV) ** parameters["delta"]
    diffusion: FloatArray = _DIFFUSION_UNIT * parameters["D0"] * speed ** parameters["eta"] * slope
    return diffusion


def momentum_diffusion(species: Species, kinetic_energy: FloatArray, parameters: Mapping[str, float]) -> FloatArray:
    """D_pp = 4 p^2 v_A^2 / (3 delta (4 - delta^2) (4 - delta) D_xx) [GeV^2 / s] at ``kinetic_energy`` [GeV/n]."""
    delta = parameters["delta"]
    momentum = momentum_from_kinetic_energy(kinetic_energy, species)
    speed = parameters["v_A"] * 1.0e5 / KILOPARSEC_CM
    strength = 4.0 * speed**2 / (3.0 * delta * (4.0 - delta**2) * (4.0 - delta))
    return np.asarray(strength * momentum**2 / spatial_diffusion(species, kinetic_energy, parameters))


def momentum_loss(species: Species, kinetic_energy: FloatArray) -> FloatArray:
    """-dp/dt as factors (energy, 5) of the operators [GeV/s]."""
    beta = beta_from_kinetic_energy(kinetic_energy, species)
    first, second = coulomb_loss(species, kinetic_energy)
    zero = np.zeros_like(beta)
    return np.stack([zero, ionisation_loss(species, kinetic_energy), first, -second, zero], axis=-1) / beta[:, None]


def local_coefficients(
    species: Species,
    kinetic_energy: FloatArray,
    parameters: Mapping[str, float],
    inelastic: FloatArray,
    decay_rate: FloatArray,
) -> FloatArray:
    """(energy, 5) what does not couple momenta: diffusion, destruction and decay.

    Args:
        species: a nucleus or antiproton.
        kinetic_energy: (energy,) [GeV/n].
        parameters: with D0, eta and delta.
        inelastic: (energy,) [mb per H atom].
        decay_rate: (energy,) in the frame of the Galaxy [1/s].
    """
    rate = beta_from_kinetic_energy(kinetic_energy, species) * SPEED_OF_LIGHT_CM_S * MILLIBARN_CM2 * inelastic
    diffusion = spatial_diffusion(species, kinetic_energy, parameters)
    return np.stack([diffusion, rate, rate, np.zeros_like(rate), decay_rate], axis=-1)


def momentum_slope(species: Species, kinetic_energy: FloatArray) -> FloatArray:
    """dp / d ln T = A T / beta [GeV]."""
    beta = beta_from_kinetic_energy(kinetic_energy, species)
    return np.asarray(species.nucleons * kinetic_energy / beta)
