"""Fluxes that an emulator predicts for rotations: differentiable, batched over leading dimensions."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike

from propmat.fit.lis import FixedLis, LisModel
from propmat.fit.observations import Conditions
from propmat.parameters import ParameterSpace
from propmat.species import (
    FloatArray,
    beta_from_kinetic_energy,
    get_species,
    kinetic_energy_from_rigidity,
    momentum_from_kinetic_energy,
)
from propmat.spectra import bin_quadrature
from propmat.transfer import TransferGrid


class MatrixEmulator(Protocol):
    """What a fit needs of an emulator of heliospheric transfer matrices."""

    @property
    def parameters(self) -> ParameterSpace:
        """Domain, in the order B0, tilt, K0, a, b."""

    @property
    def grid(self) -> TransferGrid:
        """Rows and columns of the matrices."""

    def log_matrix(self, points: torch.Tensor, nucleons_per_charge: float, drift_sign: int) -> torch.Tensor:
        """(…, toa, lis) ln of the matrices of points (…, 5), differentiable, float64."""

    def check_channel(self, nucleons_per_charge: float, drift_sign: int) -> None:
        """Raise InputError for a channel that was not trained."""

    def row_interpolation(self, kinetic_energy: ArrayLike) -> FloatArray:
        """(energy, toa): the operator W of ln J(T) = W ln J(grid.toa)."""


class FluxModel:
    """Rigidity-bin averages of one species in every rotation, from (K0, a, b) and the values of a LIS model.

    Everything that does not depend on the parameters is computed once: the LIS at the quadrature points of each
    matrix element, its derivative by the LIS values, the row interpolation and the bin averages.

    Raises:
        InputError: a drift sign that the emulator was not trained on, or bins outside its grid.
    """

    def __init__(
        self,
        emulator: MatrixEmulator,
        conditions: Conditions,
        edges: FloatArray,
        species: str,
        lis: LisModel | FixedLis,
    ) -> None:
        self.emulator = emulator
        self.particle = get_species(species)
        grid = emulator.grid
        energies, weights = grid.quadrature()
        momentum_ratio = momentum_from_kinetic_energy(grid.toa, self.particle)[:, None, None] / (
            momentum_from_kinetic_energy(energies, self.particle)
        )
        log_fold = lis.log_base(energies) + 2.0 * np.log(momentum_ratio) + np.log(weights)
        # The quadrature points go first: torch sums over a short last axis slowly.
        self._log_fold = torch.from_numpy(np.moveaxis(log_fold, -1, 0).copy())
        self._perturbation = torch.from_numpy(np.moveaxis(lis.perturbation(energies), -2, 0).copy())
        nodes, node_weights = bin_quadrature(edges)
        energy = kinetic_energy_from_rigidity(nodes, self.particle)
        jacobian = beta_from_kinetic_energy(energy, self.particle) / self.particle.nucleons_per_charge
        self._bin_weights = torch.from_numpy(node_weights * jacobian)
        self._interpolation = torch.from_numpy(emulator.row_interpolation(energy.ravel()))
        self._observed = torch.from_numpy(np.stack([conditions.B0, conditions.tilt], axis=-1))
        signs = [self.particle.drift_sign(polarity) for polarity in conditions.polarity]
        self._channels = {s: [i for i, sign in enumerate(signs) if sign == s] for s in sorted(set(signs))}
        for sign in self._channels:
            emulator.check_channel(self.particle.nucleons_per_charge, sign)
        self._order = torch.argsort(torch.tensor([i for group in self._channels.values() for i in group]))

    def log_rows(self, modulation: torch.Tensor, lis: torch.Tensor) -> torch.Tensor:
        """(…, rotation, toa) ln of the flux per GeV/n at ``emulator.grid.toa``; arguments as :meth:`flux`."""
        observed = self._observed.expand(*modulation.shape[:-1], 2)
        points = torch.cat([observed, modulation], dim=-1)
        matrices = [
            self.emulator.log_matrix(points[..., group, :], self.particle.nucleons_per_charge, sign).double()
            for sign, group in self._channels.items()
        ]
        log_matrix = torch.cat(matrices, dim=-3)[..., self._order, :, :]
        shift = torch.einsum("qtlv,...v->...qtl", self._perturbation, lis)
        folded = torch.exp(self._log_fold + shift).sum(-3)
        return torch.log((torch.exp(log_matrix) * folded.unsqueeze(-3)).sum(-1))

    def flux(self, modulation: torch.Tensor, lis: torch.Tensor) -> torch.Tensor:
        """(…, rotation, bin) bin averages [m^-2 s^-1 sr^-1 GV^-1].

        Args:
            modulation: (…, rotation, 3) K0 [1e23 cm2/s], a, b, float64.
            lis: (…, value) values of the LIS model, float64.
        """
        log_flux = torch.einsum("nt,...t->...n", self._interpolation, self.log_rows(modulation, lis))
        nodes = torch.exp(log_flux).reshape(*log_flux.shape[:-1], *self._bin_weights.shape)
        return (self._bin_weights * nodes).sum(-1)
