"""PropMat of the Galaxy: a network from ten parameters to the spectra at the Sun, by way of transfer matrices.

Injection and transport are kept apart, as in the physics. The five transport parameters pass the encoder; each species
has a head with coefficients of its amplitude and of its kernel:

    ln J_X(T_i) = ln A_X(T_i) + ln sum_j k_X(i, j) s_j - ln sum_j k_0(j) s_j,    sum_j k_X(i, j) = sum_j k_0(j) = 1.

s_j is the injected spectrum over the power law R^-:data:`~propmat.emulator.galactic_columns.REFERENCE_SLOPE`, each 1 at
100 GeV/n; A_X is the flux that this power law itself would give, k_X which injected energies the flux at T_i is from,
k_0 the same for primary protons at 100 GeV, to which all fluxes are normalised. So each spectrum is a positive matrix
times the injection, and the matrix depends on the transport only. Kernels start from M_base of papers/000, eq. (16):
most of what arrives was injected at its own energy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Final, cast

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from torch import Tensor, nn

from propmat.emulator.galactic_columns import (
    ANTIPROTON_THRESHOLD,
    GROUPS,
    OFFSETS,
    Columns,
    GalacticGrid,
    Injection,
    groups_of,
    hats,
)
from propmat.emulator.network import perceptron
from propmat.errors import InputError, out_of_range
from propmat.galaxy.sources import NORMALISATION_ENERGY
from propmat.parameters import ParameterSpace
from propmat.species import FloatArray

ROW_STEP: Final = 3
"""Kernels are learned at every third energy, a natural cubic spline between."""
BASE_LOG: Final = (3.0, 0.06)
"""ln M_base of a column other than the own: minus the first number, minus the second for each step of the grid."""

_LIMITS = {
    "n_basis": (1, 256),
    "n_amplitude": (1, 256),
    "latent": (1, 1024),
    "hidden": (1, 1024),
    "layers": (1, 8),
}


@dataclass(frozen=True)
class GalacticNetworkConfig:
    """Size of the network.

    Attributes:
        n_basis: basis kernels of each species (32 basis matrices in papers/000).
        n_amplitude: basis spectra of each species.
        latent: width of the latent vector.
        hidden: width of the hidden layers.
        layers: hidden layers of the encoder.

    Raises:
        InputError: a value that is not an integer or out of range.
    """

    n_basis: int = 24
    n_amplitude: int = 24
    latent: int = 128
    hidden: int = 128
    layers: int = 2

    def __post_init__(self) -> None:
        for field in fields(self):
            value, (low, high) = getattr(self, field.name), _LIMITS[field.name]
            if type(value) is not int:
                raise InputError(f"emulator.{field.name} = {value!r} must be an integer in [{low}, {high}].")
            if not low <= value <= high:
                raise out_of_range(f"emulator.{field.name}", value, low, high)


class TransportMap(nn.Module):
    """Transport parameters (…, 10) to (…, 5) coordinates in [-1, 1] that the spectra are simple in.

    ln D0/z_h sets the grammage, ln(v_A z_h/D0) the reacceleration during the escape; what they reach over the box
    scales them.
    """

    middle: Tensor
    half_width: Tensor

    def __init__(self, space: ParameterSpace) -> None:
        super().__init__()
        self.names = space.names
        ends = np.array([(parameter.low, parameter.high) for parameter in space.parameters])
        corners = np.stack(np.meshgrid(*ends[5:], indexing="ij"), axis=-1).reshape(-1, 5)
        reached = self._coordinates(torch.from_numpy(corners))
        low, high = reached.min(dim=0).values, reached.max(dim=0).values
        self.register_buffer("middle", (low + high) / 2.0, persistent=False)
        self.register_buffer("half_width", (high - low) / 2.0, persistent=False)

    @staticmethod
    def _coordinates(transport: Tensor) -> Tensor:
        diffusion, eta, delta, alfven, height = transport.unbind(-1)
        escape = torch.log(diffusion / height)
        return torch.stack([escape, torch.log(alfven) - escape, torch.log(height), eta, delta], dim=-1)

    def forward(self, points: Tensor) -> Tensor:
        """(…, parameter) to (…, 5)."""
        return (self._coordinates(points[..., 5:]) - self.middle) / self.half_width


class Kernel(nn.Module):
    """ln M_base and learnable basis matrices of ln M_dev, papers/000, eq. (16); rows are normalised by a softmax.

    Weights: ``mean`` (row node, column), ``basis`` (n_basis, row node, column); between the nodes a spline in the rows.
    """

    upsample: Tensor

    def __init__(self, n_basis: int, upsample: FloatArray, mean: FloatArray) -> None:
        super().__init__()
        self.register_buffer("upsample", torch.from_numpy(upsample), persistent=False)
        self.mean = nn.Parameter(torch.from_numpy(mean).float())
        self.basis = nn.Parameter(0.1 * torch.randn(n_basis, *mean.shape))

    def forward(self, coefficients: Tensor) -> Tensor:
        """(sample, n_basis) to (row, sample, column): positive, with sum 1 over the columns."""
        logarithm = self.mean + torch.tensordot(coefficients, self.basis, dims=1)
        rows = torch.einsum("ir,src->isc", self.upsample.to(logarithm.dtype), logarithm)
        return torch.softmax(rows, dim=-1)


def average(kernel: Tensor, columns: Tensor) -> Tensor:
    """ln of the averages of s, (sample, row), by a kernel (row, sample, column) over (row or 1, sample, column)."""
    return torch.log((kernel * columns.to(kernel.dtype)).sum(dim=-1)).T


class Amplitude(nn.Module):
    """Linear combination of learnable spectra: ``mean`` (row), ``basis`` (n_amplitude, row) of ln A."""

    def __init__(self, n_amplitude: int, rows: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(rows))
        self.basis = nn.Parameter(0.02 * torch.randn(n_amplitude, rows))

    def forward(self, coefficients: Tensor) -> Tensor:
        """(sample, n_amplitude) to ln A (sample, row)."""
        return self.mean + coefficients @ self.basis


class GalacticNetwork(nn.Module):
    """The network of some species on a grid."""

    def __init__(
        self, config: GalacticNetworkConfig, space: ParameterSpace, grid: GalacticGrid, species: tuple[str, ...]
    ) -> None:
        super().__init__()
        self.config, self.species, self.groups = config, species, [groups_of(name) for name in species]
        self.transport, self.injection, self.columns = TransportMap(space), Injection(grid), Columns(grid)
        self.encoder = perceptron(5, config.hidden, config.layers, config.latent)
        sizes = [config.n_amplitude + config.n_basis] * len(species) + [config.n_basis]
        self.heads = nn.ModuleList(perceptron(config.latent, config.hidden, 1, size) for size in sizes)
        self.amplitudes = nn.ModuleList(Amplitude(config.n_amplitude, grid.rows.size) for _ in species)
        nodes = np.unique(np.append(np.arange(0, grid.rows.size, ROW_STEP), grid.rows.size - 1))
        spline = CubicSpline(nodes, np.eye(nodes.size), bc_type="natural")(np.arange(grid.rows.size))
        distance = np.abs(np.array(OFFSETS, dtype=np.float64))
        near = np.where(distance > 0, -BASE_LOG[0] - BASE_LOG[1] * distance, 0.0)
        broad = self._antiproton_base(grid, grid.rows[nodes])
        self.kernels = nn.ModuleList(
            Kernel(config.n_basis, spline, broad if len(groups) == 2 else np.tile(near, (nodes.size, 1)))
            for groups in self.groups
        )
        place = math.log(NORMALISATION_ENERGY / grid.energy[0]) / math.log(grid.energy[1] / grid.energy[0])
        self._row = int(place) - grid.first
        between = hats(np.array(OFFSETS, dtype=np.float64), np.array([place - int(place)]))[:, 0]
        pivot = np.where(between > 0.0, np.log(np.maximum(between, 1e-3)), near)
        self.norm = Kernel(config.n_basis, np.ones((1, 1)), pivot[None])

    def _antiproton_base(self, grid: GalacticGrid, rows: FloatArray) -> FloatArray:
        """(row node, 2 columns) where antiprotons come from, roughly: projectiles of ten times their energy."""
        middle = torch.log(torch.from_numpy(np.maximum(10.0 * rows, 2.0 * ANTIPROTON_THRESHOLD)))
        column = self.columns.absolute @ torch.log(torch.from_numpy(grid.energy))
        logarithm = torch.clamp(-0.5 * ((column - middle[:, None]) / 1.2) ** 2, min=-8.0)
        return torch.cat([logarithm, logarithm], dim=1).numpy()

    def forward(self, points: Tensor) -> Tensor:
        """ln J [m^-2 s^-1 sr^-1 (GeV/n)^-1].

        Args:
            points: (sample, 10) raw values in the order of the space.

        Returns:
            (sample, species, row).
        """
        coefficients = self.coefficients(points)
        injected = self.injection(points)
        near = [self.columns.near(injected[:, group]) for group in range(len(GROUPS))]
        broad = self.columns.everywhere(injected)
        scale = average(self.norm(coefficients[-1]), near[0][self._row : self._row + 1])
        split = self.config.n_amplitude
        found = []
        for number, groups in enumerate(self.groups):
            columns = broad if len(groups) == 2 else near[groups[0]]
            chosen = coefficients[number]
            mean = average(self.kernels[number](chosen[:, split:]), columns)
            found.append(self.amplitudes[number](chosen[:, :split]) + mean - scale)
        return torch.stack(found, dim=1)

    def deviation(self) -> Tensor:
        """Mean squared difference of the basis kernels from none: what beta of papers/000, eq. (17), weighs."""
        kernels = [*self.kernels, self.norm]
        return torch.stack([cast(Kernel, kernel).basis.square().mean() for kernel in kernels]).mean()

    def normalisation(self, points: Tensor) -> Tensor:
        """(sample, 1) ln of the average of s that primary protons of 100 GeV see."""
        near = self.columns.near(self.injection(points)[:, 0])
        return average(self.norm(self.coefficients(points)[-1]), near[self._row : self._row + 1])

    def coefficients(self, points: Tensor) -> list[Tensor]:
        """(sample, coefficient) of each species, and of the normalisation."""
        inputs = self.transport(points).to(next(self.encoder.parameters()).dtype)
        latent = nn.functional.silu(self.encoder(inputs))
        return [head(latent) for head in self.heads]
