"""The posterior of (K0, a, b) of each rotation and of the LIS values, over one flat vector.

A point theta is (ln K0, a, b) of each rotation, then the LIS values. The prior is flat in ln K0, in a and in b over the
emulator's domain, a <= b; the Gaussian prior of the LIS values is part of the residuals.
"""

from __future__ import annotations

import numpy as np
import torch

from propmat.fit.likelihood import ErrorModel, LisConstraint
from propmat.fit.prediction import FluxModel
from propmat.parameters import ParameterSpace
from propmat.species import FloatArray

MODULATION = ("K0", "a", "b")


class Posterior:
    """Residuals and log-probability of points theta.

    Args:
        rotations: for the names of the parameters.
        model: predicts the proton fluxes.
        errors: of the measured proton fluxes.
        constraint: on the LIS.
        lis_names: names of the LIS values.
    """

    def __init__(
        self,
        rotations: tuple[int, ...],
        model: FluxModel,
        errors: ErrorModel,
        constraint: LisConstraint,
        lis_names: tuple[str, ...],
    ) -> None:
        self.model, self.errors, self.constraint = model, errors, constraint
        self.rotations = rotations
        self.names = (*(f"{p}_{r}" for r in rotations for p in ("ln_K0", "a", "b")), *lis_names)
        self._low, self._high = _limits(model.emulator.parameters)

    @property
    def size(self) -> int:
        """Number of fitted parameters."""
        return len(self.names)

    def split(self, theta: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(…, rotation, 3) of K0, a, b and (…, value) of the LIS, from theta (…, parameter)."""
        count = 3 * len(self.rotations)
        modulation = theta[..., :count].reshape(*theta.shape[:-1], len(self.rotations), 3)
        return torch.cat([modulation[..., :1].exp(), modulation[..., 1:]], dim=-1), theta[..., count:]

    def residuals(self, theta: torch.Tensor) -> torch.Tensor:
        """(…, residual): minus twice the log-posterior is their sum of squares. No check of the domain."""
        modulation, lis = self.split(theta)
        measured = self.errors.residuals(self.model.flux(modulation, lis))
        return torch.cat([measured, self.constraint.residuals(lis)], dim=-1)

    def from_unit(self, cube: torch.Tensor) -> torch.Tensor:
        """theta from (…, parameter) whose modulation part is in the unit cube; b is stretched over [a, high]."""
        count = 3 * len(self.rotations)
        unit = cube[..., :count].reshape(*cube.shape[:-1], len(self.rotations), 3)
        log_k0, a = (self._low[i] + unit[..., i] * (self._high[i] - self._low[i]) for i in (0, 1))
        floor = torch.clamp(a, min=float(self._low[2]))
        b = floor + unit[..., 2] * (self._high[2] - floor)
        return torch.cat([torch.stack([log_k0, a, b], dim=-1).flatten(-2), cube[..., count:]], dim=-1)

    def inside(self, theta: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """(…) whether theta (…, parameter) lies in the prior's domain."""
        modulation = theta[..., : 3 * len(self.rotations)].reshape(*theta.shape[:-1], len(self.rotations), 3)
        box = (modulation >= self._low.numpy()) & (modulation <= self._high.numpy())
        inside: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = np.all(box, axis=(-1, -2)) & np.all(
            modulation[..., 1] <= modulation[..., 2], axis=-1
        )
        return inside

    def log_probability(self, theta: FloatArray) -> FloatArray:
        """(walker,) ln of the posterior up to a constant, -inf outside the domain, of theta (walker, parameter)."""
        inside = self.inside(theta)
        safe = np.where(inside[:, None], theta, self.centre)
        with torch.no_grad():
            squares = self.residuals(torch.from_numpy(safe)).square().sum(-1).numpy()
        return np.where(inside, -0.5 * squares, -np.inf)

    def theta_of(self, cube: FloatArray) -> FloatArray:
        """:meth:`from_unit` of an array."""
        return np.asarray(self.from_unit(torch.from_numpy(cube)).numpy())

    @property
    def centre(self) -> FloatArray:
        """(parameter,) the middle of the unit cube, the LIS at its base."""
        cube = np.zeros(self.size)
        cube[: 3 * len(self.rotations)] = 0.5
        return self.theta_of(cube)

    def jacobian(self, cube: torch.Tensor) -> torch.Tensor:
        """(residual, parameter) derivative of the residuals by the point ``cube`` of :meth:`from_unit`."""
        derivative: torch.Tensor = torch.func.jacrev(lambda point: self.residuals(self.from_unit(point)))(cube)
        return derivative


def _limits(space: ParameterSpace) -> tuple[torch.Tensor, torch.Tensor]:
    """Ends (3,) of the domain of (ln K0, a, b)."""
    ends = np.array([(space[name].low, space[name].high) for name in MODULATION])
    ends[0] = np.log(ends[0])
    return torch.from_numpy(ends[:, 0].copy()), torch.from_numpy(ends[:, 1].copy())
