"""PropMat: a network from heliosphere parameters to the logarithm of a transfer matrix.

encoder MLP -> latent -> one MLP per drift sign -> ``n_basis`` coefficients -> a linear combination of learnable basis
matrices -> softmax over the LIS columns (papers/000, section IV A and Fig. 2). A/|Z|, a continuous number, enters
the encoder and the heads; the drift sign chooses the head.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from propmat.errors import InputError, out_of_range
from propmat.parameters import ParameterSpace

_LIMITS = {"n_basis": (1, 256), "latent": (1, 1024), "hidden": (1, 1024), "layers": (1, 8)}


@dataclass(frozen=True)
class NetworkConfig:
    """Size of the network.

    Attributes:
        n_basis: basis matrices of each drift sign (32 in papers/000).
        latent: width of the latent vector.
        hidden: width of the hidden layers.
        layers: hidden layers of the encoder.

    Raises:
        InputError: a value that is not an integer or out of range.
    """

    n_basis: int = 32
    latent: int = 128
    hidden: int = 256
    layers: int = 2

    def __post_init__(self) -> None:
        for field in fields(self):
            value, (low, high) = getattr(self, field.name), _LIMITS[field.name]
            if type(value) is not int:
                raise InputError(f"emulator.{field.name} = {value!r} must be an integer in [{low}, {high}].")
            if not low <= value <= high:
                raise out_of_range(f"emulator.{field.name}", value, low, high)


class ParameterMap(nn.Module):
    """Raw parameters (…, parameter) to [-1, 1], linear in the value or its logarithm.

    Each parameter is scaled by its own range and not by the unit cube of the space, whose ``b`` is stretched by
    ``a``: a box has no seam at a = b and is as smooth outside the domain as inside.
    """

    low: Tensor
    high: Tensor

    def __init__(self, space: ParameterSpace) -> None:
        super().__init__()
        self.logarithmic = tuple(parameter.logarithmic for parameter in space.parameters)
        ends = [
            [math.log(end) if parameter.logarithmic else end for end in (parameter.low, parameter.high)]
            for parameter in space.parameters
        ]
        low, high = torch.tensor(ends, dtype=torch.float64).T
        self.register_buffer("low", low, persistent=False)
        self.register_buffer("high", high, persistent=False)

    def forward(self, points: Tensor) -> Tensor:
        """(…, parameter) to (…, parameter)."""
        columns = [
            column.log() if logarithmic else column
            for column, logarithmic in zip(points.unbind(-1), self.logarithmic, strict=True)
        ]
        return 2.0 * (torch.stack(columns, dim=-1) - self.low) / (self.high - self.low) - 1.0


def perceptron(inputs: int, hidden: int, layers: int, outputs: int) -> nn.Sequential:
    """``layers`` hidden layers with SiLU: smooth, so that fits can use derivatives."""
    widths = [inputs] + [hidden] * layers
    modules: list[nn.Module] = []
    for width, following in pairwise(widths):
        modules += [nn.Linear(width, following), nn.SiLU()]
    return nn.Sequential(*modules, nn.Linear(widths[-1], outputs))


class Synthesis(nn.Module):
    """Linear combination of learnable basis matrices on top of a mean matrix.

    Weights: ``basis`` (n_basis, toa, lis) and ``mean`` (toa, lis), of logarithms before the softmax.
    """

    def __init__(self, n_basis: int, shape: tuple[int, int]) -> None:
        super().__init__()
        self.basis = nn.Parameter(0.02 * torch.randn(n_basis, *shape))
        self.mean = nn.Parameter(torch.zeros(shape))

    def forward(self, coefficients: Tensor) -> Tensor:
        """(…, n_basis) to ln M (…, toa, lis), each row of M positive with sum 1."""
        return torch.log_softmax(self.mean + torch.tensordot(coefficients, self.basis, dims=1), dim=-1)


class Smoothing(nn.Module):
    """Gaussian average of matrices (…, toa, lis) over neighbouring rows and columns; width 0 leaves a direction."""

    def __init__(self, shape: tuple[int, int], row_width: float, column_width: float) -> None:
        super().__init__()
        self.register_buffer("rows", _gaussian_average(shape[0], row_width), persistent=False)
        self.register_buffer("columns", _gaussian_average(shape[1], column_width), persistent=False)

    rows: Tensor
    columns: Tensor

    def forward(self, matrices: Tensor) -> Tensor:
        """(…, toa, lis) to (…, toa, lis)."""
        return self.rows @ matrices @ self.columns.T


def _gaussian_average(size: int, width: float) -> Tensor:
    """(size, size) weights, rows summing to one, of a Gaussian of standard deviation ``width`` in grid steps."""
    if width == 0.0:
        return torch.eye(size)
    steps = torch.arange(size, dtype=torch.float32)
    return torch.softmax(-0.5 * ((steps[:, None] - steps) / width) ** 2, dim=1)


def smooth_matrices(network: PropMatNetwork, row_width: float, column_width: float) -> None:
    """Let training see the basis and mean matrices through a :class:`Smoothing`.

    A row of a sample holds few particles, and neighbouring energies tell almost the same: unsmoothed bases learn noise.
    """
    for synthesis in network.synthesis:
        for name in ("basis", "mean"):
            shape = getattr(synthesis, name).shape[-2:]
            smoothing = Smoothing((shape[0], shape[1]), row_width, column_width)
            parametrize.register_parametrization(synthesis, name, smoothing)


def plain_weights(network: PropMatNetwork) -> dict[str, Tensor]:
    """The weights with any smoothing carried out, as a network without it takes them."""
    weights = {name: weight for name, weight in network.state_dict().items() if not name.startswith("synthesis.")}
    for number, synthesis in enumerate(network.synthesis):
        weights |= {f"synthesis.{number}.{name}": getattr(synthesis, name) for name in ("basis", "mean")}
    return {name: weight.detach().clone() for name, weight in weights.items()}


class PropMatNetwork(nn.Module):
    """The network of one parameter space on a grid of ``shape`` (toa, lis)."""

    def __init__(
        self, config: NetworkConfig, space: ParameterSpace, shape: tuple[int, int], drift_signs: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.drift_signs = drift_signs
        self.parameter_map = ParameterMap(space)
        self.encoder = perceptron(len(space.names) + 1, config.hidden, config.layers, config.latent)
        self.heads = nn.ModuleList(perceptron(config.latent + 1, config.hidden, 1, config.n_basis) for _ in drift_signs)
        self.synthesis = nn.ModuleList(Synthesis(config.n_basis, shape) for _ in drift_signs)

    def forward(self, points: Tensor, nucleons_per_charge: Tensor, drift_sign: int) -> Tensor:
        """ln M of one drift sign.

        Args:
            points: (…, parameter) raw values in the order of the space.
            nucleons_per_charge: (…) A/|Z|.
            drift_sign: one of ``drift_signs``.

        Returns:
            (…, toa, lis).
        """
        coefficients = self.coefficients(points, nucleons_per_charge, drift_sign)
        log_matrix: Tensor = self.synthesis[self.drift_signs.index(drift_sign)](coefficients)
        return log_matrix

    def coefficients(self, points: Tensor, nucleons_per_charge: Tensor, drift_sign: int) -> Tensor:
        """(…, n_basis) of the basis matrices; arguments as in :meth:`forward`."""
        channel = self.drift_signs.index(drift_sign)
        precision = next(self.encoder.parameters()).dtype
        log_ratio = torch.log(nucleons_per_charge)[..., None].to(precision)
        inputs = torch.cat([self.parameter_map(points).to(precision), log_ratio], dim=-1)
        latent = torch.nn.functional.silu(self.encoder(inputs))
        coefficients: Tensor = self.heads[channel](torch.cat([latent, log_ratio], dim=-1))
        return coefficients
