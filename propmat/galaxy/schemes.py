"""How a transport operator couples neighbouring momenta: the scheme of propmat, and that of GALPROP.

On the grid every operator is a sum of numbers times the operators of the reduced space, so that a scheme is a table of
numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from propmat.galaxy.momentum import UNIT, momentum_diffusion, momentum_loss, momentum_slope
from propmat.species import FloatArray, Species, momentum_from_kinetic_energy

REACH: Final = 3
"""Energies on either side that a correction takes into account."""
_DERIVATIVE: Final = ((-1.5, 1.0 / 24.0), (-0.5, -27.0 / 24.0), (0.5, 27.0 / 24.0), (1.5, -1.0 / 24.0))
"""Derivative from four values half a step and one and a half steps away, of fourth order: offsets and weights."""
_MIDDLE: Final = ((-1.5, -1.0 / 16.0), (-0.5, 9.0 / 16.0), (0.5, 9.0 / 16.0), (1.5, -1.0 / 16.0))
"""Value in the middle of four, likewise."""


@dataclass(frozen=True, eq=False)
class Coefficients:
    """A discrete transport operator: row i is diagonal N_i - lower N_{i-1} - upper N_{i+1} - second N_{i+2} = Q_i.

    Attributes:
        diagonal: (energy, 5) factors of minus the Laplacian, of the three gas fields and of 1 [per s].
        lower: (energy,) factor of 1.
        upper: (energy, 5); the Laplacian has none.
        second: (energy, 5); the Laplacian has none, nor the unit.
        correction: (energy, 5, offset + 3) what a better operator has in addition, at energies i - 3 to i + 3; the
            solution N0 of the rows above is improved by the solution for -correction N0. None: the rows are all.
    """

    diagonal: FloatArray
    lower: FloatArray
    upper: FloatArray
    second: FloatArray
    correction: FloatArray | None = None

    @property
    def rows(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Diagonal, lower, upper and second, in the order of the functions of :mod:`propmat.galaxy.blocks`."""
        return self.diagonal, self.lower, self.upper, self.second


def fourth_order_scheme(
    species: Species, kinetic_energy: FloatArray, parameters: Mapping[str, float], local: FloatArray
) -> Coefficients:
    """Conservative fluxes on a grid uniform in ln T: a second-order operator and its correction to fourth order.

    The rows are central for reacceleration and two-point upwind for losses; the correction replaces both by
    four-point formulas. The density vanishes beyond either end, near which nothing is corrected.

    Args:
        species: a nucleus or antiproton.
        kinetic_energy: (energy,) [GeV/n].
        parameters: with D0, eta, delta and v_A.
        local: (energy, 5) what does not couple momenta.
    """
    step = np.log(kinetic_energy[1] / kinetic_energy[0])
    momentum = momentum_from_kinetic_energy(kinetic_energy, species)
    measure = step * momentum_slope(species, kinetic_energy)  # dp of a cell
    faces = kinetic_energy[0] * np.exp(step * (np.arange(-1, kinetic_energy.size + 2) - 0.5))
    conductance = momentum_diffusion(species, faces, parameters) * momentum_from_kinetic_energy(faces, species) ** 2
    conductance /= step * momentum_slope(species, faces)
    loss = momentum_loss(species, kinetic_energy)

    below, above = conductance[1:-2], conductance[2:-1]
    diagonal, upper, second = local.copy(), np.zeros_like(local), np.zeros_like(local)
    diagonal[:, UNIT] += (below + above) / (momentum**2 * measure)
    diagonal += 1.5 * loss / measure[:, None]
    lower = np.zeros_like(momentum)
    lower[1:] = below[1:] / (momentum[:-1] ** 2 * measure[1:])
    upper[:-1, UNIT] = above[:-1] / (momentum[1:] ** 2 * measure[:-1])
    upper[:-1] += 2.0 * loss[1:] / measure[:-1, None]
    second[:-2] -= 0.5 * loss[2:] / measure[:-2, None]

    correction = _loss_fluxes(species, float(kinetic_energy[0]), float(kinetic_energy[-1]), kinetic_energy.size).copy()
    correction[:, UNIT] -= _reacceleration_fluxes(conductance, momentum, measure)
    correction[:, :, REACH] -= diagonal - local
    correction[:, UNIT, REACH - 1] += lower
    correction[:, :, REACH + 1] += upper
    correction[:, :, REACH + 2] += second
    correction[:REACH] = correction[-REACH:] = 0.0
    return Coefficients(diagonal, lower, upper, second, correction)


def _reacceleration_fluxes(conductance: FloatArray, momentum: FloatArray, measure: FloatArray) -> FloatArray:
    """(energy, 2 REACH + 1) divergence of the four-point fluxes, not valid within REACH energies of the ends."""
    count = momentum.size
    number = np.arange(count)
    found = np.zeros((count, 2 * REACH + 1))
    for face, outer in _DERIVATIVE:
        at_face = outer * conductance[number + round(face + 1.5)] / measure  # the first one is 1.5 steps below node 0
        for node, inner in _DERIVATIVE:
            offset = round(face + node)
            found[:, offset + REACH] += inner * at_face / momentum[np.clip(number + offset, 0, count - 1)] ** 2
    return found


@lru_cache(maxsize=256)
def _loss_fluxes(species: Species, low: float, high: float, count: int) -> FloatArray:
    """(energy, 5, 2 REACH + 1) minus the divergence of the four-point losses, which no parameter changes."""
    kinetic_energy = np.geomspace(low, high, count)
    loss = momentum_loss(species, kinetic_energy)
    measure = np.log(high / low) / (count - 1) * momentum_slope(species, kinetic_energy)
    number = np.arange(count)
    found = np.zeros((*loss.shape, 2 * REACH + 1))
    for face, outer in _DERIVATIVE:
        for node, inner in _MIDDLE:
            offset = round(face + node)
            there = loss[np.clip(number + offset, 0, count - 1)]
            found[:, :, offset + REACH] -= outer * inner * there / measure[:, None]
    return found


def galprop_scheme(
    species: Species, kinetic_energy: FloatArray, parameters: Mapping[str, float], local: FloatArray
) -> Coefficients:
    """The first-order scheme of GALPROP 56; arguments as :func:`fourth_order_scheme`."""
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
