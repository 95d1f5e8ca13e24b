"""A differentiable stand-in for a trained emulator: kernels around a rigidity-dependent energy loss."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline

from propmat.errors import InputError
from propmat.parameters import HELIOSPHERE
from propmat.species import FloatArray, rigidity_from_kinetic_energy
from propmat.transfer import TransferGrid


class ToyEmulator:
    """Rows are Gaussians in ln(T_exit) around T + loss; the loss follows 1/K(R) and differs between drift signs."""

    parameters = HELIOSPHERE

    def __init__(self, strength: float = 0.06) -> None:
        self.strength = strength
        self.grid = TransferGrid.relative(np.geomspace(0.2, 50.0, 16), 0.004 * np.sinh(np.linspace(-2.4, 7.9, 41)))
        self._toa = torch.from_numpy(self.grid.toa)
        self._rigidity = torch.from_numpy(rigidity_from_kinetic_energy(self.grid.toa, "proton"))
        self._columns = torch.from_numpy(0.5 * np.log(self.grid.lis_edges[:, 1:] * self.grid.lis_edges[:, :-1]))
        self._widths = torch.from_numpy(np.log(np.diff(np.log(self.grid.lis_edges), axis=1)))

    def check_channel(self, nucleons_per_charge: float, drift_sign: int) -> None:
        if nucleons_per_charge != 1.0:
            raise InputError(f"A/|Z| = {nucleons_per_charge} was not trained.")

    def log_matrix(self, points: torch.Tensor, nucleons_per_charge: float, drift_sign: int) -> torch.Tensor:
        field, tilt, k0, a, b = (points[..., i, None] for i in range(5))
        bend = ((self._rigidity**3 + 27.0) / 28.0) ** ((b - a) / 3.0)
        mean_free_path = k0 * self._rigidity**a * bend
        asymmetry = 1.0 + 0.006 * tilt * (1.0 if drift_sign < 0 else 0.3)
        loss = self.strength * (field / 5.0) * asymmetry * self._rigidity / mean_free_path
        centre = torch.log(self._toa + loss)[..., None]
        width = 0.02 + 0.3 * (centre - torch.log(self._toa)[:, None])
        return torch.log_softmax(self._widths - 0.5 * ((self._columns - centre) / width) ** 2, dim=-1)

    def row_interpolation(self, kinetic_energy: ArrayLike) -> FloatArray:
        spline = CubicSpline(np.log(self.grid.toa), np.eye(self.grid.toa.size), bc_type="natural")
        return np.asarray(spline(np.log(kinetic_energy)))
