"""Transport coefficients of one species on the energy grid, and how they couple neighbouring momenta.

With N the density per unit total momentum p, the steady state of one species is (galaxy.md, section 1)

    0 = Q + D_xx lap N + d/dp[p^2 D_pp d/dp(N / p^2)] + d/dp(b N) - beta c n sigma N - N / (gamma tau).

On the grid every operator is a sum of numbers times the fields of the reduced space, so that a scheme is a table of
numbers: what multiplies N at this, the next lower, the next higher and the second higher energy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from propmat.constants import SPEED_OF_LIGHT_M_S
from propmat.galaxy.losses import coulomb_loss, ionisation_loss
from propmat.species import FloatArray, Species, beta_from_kinetic_energy, momentum_from_kinetic_energy
from propmat.spectra import Spectrum

KILOPARSEC_CM: Final = 3.0856775814913673e21
SPEED_CM_S: Final = SPEED_OF_LIGHT_M_S * 100.0
MILLIBARN_CM2: Final = 1.0e-27
REFERENCE_RIGIDITY_GV: Final = 4.0
_DIFFUSION_UNIT: Final = 1.0e28 / KILOPARSEC_CM**2

LAPLACIAN, NEUTRAL, IONISED, IONISED_LOG, UNIT = range(5)
"""Operators of the reduced space, in the order of the last axis of the coefficients."""


@dataclass(frozen=True, eq=False)
class Coefficients:
    """A discrete transport operator: row i is diagonal N_i - lower N_{i-1} - upper N_{i+1} - second N_{i+2} = Q_i.

    Attributes:
        diagonal: (energy, 5) factors of minus the Laplacian, of the three gas fields and of 1 [per s].
        lower: (energy,) factor of 1.
        upper: (energy, 5); the Laplacian has none.
        second: (energy, 5); the Laplacian has none, nor the unit.
    """

    diagonal: FloatArray
    lower: FloatArray
    upper: FloatArray
    second: FloatArray


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
    rate = beta_from_kinetic_energy(kinetic_energy, species) * SPEED_CM_S * MILLIBARN_CM2 * inelastic
    diffusion = spatial_diffusion(species, kinetic_energy, parameters)
    return np.stack([diffusion, rate, rate, np.zeros_like(rate), decay_rate], axis=-1)


def second_order_scheme(
    species: Species, kinetic_energy: FloatArray, parameters: Mapping[str, float], local: FloatArray
) -> Coefficients:
    """Conservative fluxes on a grid uniform in ln T: central for reacceleration, two-point upwind for losses.

    Both are of second order in the step. The density vanishes beyond either end.
    """
    step = np.log(kinetic_energy[1] / kinetic_energy[0])
    momentum = momentum_from_kinetic_energy(kinetic_energy, species)
    measure = step * _momentum_slope(species, kinetic_energy)  # dp of a cell
    faces = kinetic_energy[0] * np.exp(step * (np.arange(kinetic_energy.size + 1) - 0.5))
    at_face = momentum_from_kinetic_energy(faces, species)
    conductance = momentum_diffusion(species, faces, parameters) * at_face**2
    conductance /= step * _momentum_slope(species, faces)
    below, above = conductance[:-1], conductance[1:]
    diagonal = local.copy()
    diagonal[:, UNIT] += (below + above) / (momentum**2 * measure)
    lower = np.zeros_like(momentum)
    lower[1:] = below[1:] / (momentum[:-1] ** 2 * measure[1:])
    upper, second = np.zeros_like(local), np.zeros_like(local)
    upper[:-1, UNIT] = above[:-1] / (momentum[1:] ** 2 * measure[:-1])
    loss = momentum_loss(species, kinetic_energy)
    diagonal += 1.5 * loss / measure[:, None]
    upper[:-1] += 2.0 * loss[1:] / measure[:-1, None]
    second[:-2] -= 0.5 * loss[2:] / measure[:-2, None]
    return Coefficients(diagonal, lower, upper, second)


def galprop_scheme(
    species: Species, kinetic_energy: FloatArray, parameters: Mapping[str, float], local: FloatArray
) -> Coefficients:
    """The first-order scheme of GALPROP 56 (galaxy.md, section 4)."""
    momentum = momentum_from_kinetic_energy(kinetic_energy, species)
    diffusion = momentum_diffusion(species, kinetic_energy, parameters)
    gap = np.diff(momentum)
    inner = slice(1, -1)
    below, above, both = gap[:-1], gap[1:], gap[:-1] + gap[1:]
    here, before = diffusion[inner], diffusion[:-2]
    rise = (here - before) / below
    first = (-rise + 2.0 * here / both + 2.0 * before / momentum[:-2]) / below
    middle = -rise / below + 2.0 * here / both * (1.0 / above + 1.0 / below) + 2.0 * here / (below * momentum[inner])
    third = 2.0 * here / (both * above)
    extended = [np.concatenate([row[:1], row, row[-1:]]) for row in (first, middle, third)]
    loss = momentum_loss(species, kinetic_energy)
    width = np.append(gap, gap[-1] * gap[-1] / gap[-2])[:, None]
    diagonal = local + loss / width
    diagonal[:, UNIT] += extended[1]
    upper = np.zeros_like(local)
    upper[:-1] = loss[1:] / width[:-1]
    upper[:-1, UNIT] += extended[2][:-1]
    lower = extended[0]
    lower[0] = 0.0
    return Coefficients(diagonal, lower, upper, np.zeros_like(local))


def cell_average(density: Spectrum, species: Species, kinetic_energy: FloatArray, points: int = 8) -> FloatArray:
    """(energy,) mean of a density per unit momentum over each cell of a grid uniform in ln T.

    Args:
        density: of kinetic energy [GeV/n].
        species: converts energy to momentum.
        kinetic_energy: (energy,) [GeV/n].
        points: of the rule; a break inside a cell is off by at most that part of it.
    """
    step = np.log(kinetic_energy[1] / kinetic_energy[0])
    fine = kinetic_energy[:, None] * np.exp(step * ((np.arange(points) + 0.5) / points - 0.5))
    weight = _momentum_slope(species, fine)
    mean: FloatArray = np.mean(density(fine) * weight, axis=1) / _momentum_slope(species, kinetic_energy)
    return mean


def _momentum_slope(species: Species, kinetic_energy: FloatArray) -> FloatArray:
    """dp / d ln T = A T / beta [GeV]."""
    beta = beta_from_kinetic_energy(kinetic_energy, species)
    return np.asarray(species.nucleons * kinetic_energy / beta)
