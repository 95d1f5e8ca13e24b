"""Training losses: functions of ln M (sample, toa, lis) and exit counts (sample, toa, lis), chosen by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from propmat.errors import unknown_name

Loss = Callable[[Tensor, Tensor], Tensor]

SMOOTHING_COLUMNS: Final = 1.0
"""Standard deviation, in columns, of the Gaussian that smooths the target of :func:`log_squared`."""
PSEUDOCOUNT: Final = 0.05
"""Particles added to every column of the target of :func:`log_squared`."""


def smoothed_log_target(counts: Tensor) -> Tensor:
    """ln of a deliberately smoothed matrix (…, toa, lis) of exit counts (…, toa, lis).

    A histogram of finitely many particles has empty columns, whose logarithm does not exist. Columns are smoothed
    along the LIS axis with a Gaussian of :data:`SMOOTHING_COLUMNS` columns (mass that leaves at an end is put back by
    the normalisation), and :data:`PSEUDOCOUNT` particles are added to each. Both bias the target: peaks
    are lowered and far tails raised to pseudocount / particles.
    """
    radius = round(4 * SMOOTHING_COLUMNS)
    offsets = torch.arange(-radius, radius + 1, dtype=counts.dtype, device=counts.device)
    kernel = torch.softmax(-0.5 * (offsets / SMOOTHING_COLUMNS) ** 2, dim=0)
    rows = counts.reshape(-1, 1, counts.shape[-1])
    smooth = torch.nn.functional.conv1d(rows, kernel[None, None], padding=radius).reshape(counts.shape) + PSEUDOCOUNT
    return torch.log(smooth / smooth.sum(dim=-1, keepdim=True))


def log_squared(log_matrix: Tensor, counts: Tensor) -> Tensor:
    """LossH of papers/000, eq. (18): mean of (ln M_pred - ln M_target)^2, the target of :func:`smoothed_log_target`."""
    return torch.mean((log_matrix - smoothed_log_target(counts)) ** 2)


def multinomial(log_matrix: Tensor, counts: Tensor) -> Tensor:
    """Negative log likelihood of the exit counts, -sum n_ij ln M_ij, per particle.

    The exit energies of a row are independent draws from that row of M, so this is the likelihood of what was
    simulated: no smoothing, no empty columns to invent a logarithm for, and no bias.
    """
    return -torch.sum(log_matrix * counts) / torch.sum(counts)


LOSSES: Final[dict[str, Loss]] = {"multinomial": multinomial, "log_squared": log_squared}
"""Losses by name."""


def get_loss(name: str) -> Loss:
    """The loss of a name.

    Raises:
        InputError: no such loss.
    """
    if name not in LOSSES:
        raise unknown_name("loss", name, LOSSES)
    return LOSSES[name]
