"""How probable a network finds the exit energies of single particles.

Row i of exp(ln M) is the distribution of the column of ln(T_exit/T) of particles of energy T_i. Between the rows ln M
is interpolated for each column and normalised again, because kernels move with T: gains ln(T_exit/T) are near a
lognormal whose median falls with T, and of two shifted Gaussians the interpolated logarithm is the Gaussian between
them, while the interpolated probability is one too broad. Since the network is linear before its softmax, this is an
interpolation of its basis matrices. It is cubic through four rows, exact where ln M is a cubic in ln T.
"""

from __future__ import annotations

from typing import Final, cast

import torch
from torch import Tensor

from propmat.emulator.network import PropMatNetwork, Synthesis
from propmat.emulator.particle_data import ParticleData

STENCIL: Final = 4
"""Rows that an energy is interpolated from."""


def interpolation(row: Tensor, rows: int) -> tuple[Tensor, Tensor]:
    """Lagrange's cubic through four neighbouring rows, two on each side where there are.

    Args:
        row: (n,) positions, from 0 to rows - 1.
        rows: at least :data:`STENCIL`.

    Returns:
        (n,) the first of the four rows, and (n, 4) their weights, whose sum is one.
    """
    first = (row.floor().long() - 1).clamp(0, rows - STENCIL)
    x = row - first
    weights = [
        -(x - 1) * (x - 2) * (x - 3) / 6,
        x * (x - 2) * (x - 3) / 2,
        -x * (x - 1) * (x - 3) / 2,
        x * (x - 1) * (x - 2) / 6,
    ]
    return first, torch.stack(weights, dim=-1)


def log_probability(network: PropMatNetwork, particles: ParticleData) -> Tensor:
    """(n,) ln of the probability of the column in which each particle left."""
    found, order = [], []
    for sign, synthesis in zip(network.drift_signs, network.synthesis, strict=True):
        chosen = torch.nonzero(particles.drift_sign == sign)[:, 0]
        if len(chosen):
            part = particles[chosen]
            coefficients = network.coefficients(part.points, part.nucleons_per_charge, sign)
            of_sign, sorting = _of_coefficients(cast(Synthesis, synthesis), coefficients, part)
            found.append(of_sign)
            order.append(chosen[sorting])
    return torch.cat(found)[torch.argsort(torch.cat(order))]


def _of_coefficients(synthesis: Synthesis, coefficients: Tensor, particles: ParticleData) -> tuple[Tensor, Tensor]:
    """(n,) ln probabilities in another order, and (n,) which particles these are.

    Particles that share their four rows are taken together: a product of matrices instead of one matrix a particle.
    """
    basis = torch.cat([synthesis.basis, synthesis.mean[None]]).transpose(0, 1)  # (toa, n_basis + 1, lis)
    first, weights = interpolation(particles.row, len(basis))
    order = torch.argsort(first, stable=True)
    numbers = torch.bincount(first).tolist()
    extended = torch.cat([coefficients, torch.ones_like(coefficients[:, :1])], dim=1)[order]
    combined = (weights[order].to(basis.dtype)[:, :, None] * extended[:, None, :]).flatten(1)
    columns = particles.column[order].long()
    found = []
    groups = zip(torch.split(combined, numbers), torch.split(columns, numbers), strict=True)
    for start, (mixed, column) in enumerate(groups):
        if len(column):
            logits = mixed @ basis[start : start + STENCIL].flatten(0, 1)
            found.append(-torch.nn.functional.cross_entropy(logits, column, reduction="none"))
    return torch.cat(found), order
