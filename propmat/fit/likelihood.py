"""The likelihood of a fit: AMS-02 errors with shared nuisances, Voyager 1, and the priors, as one residual vector.

A systematic error that is the same in all rotations is a nuisance alpha_i per rigidity bin with a unit Gaussian
prior: d_ri = m_ri + alpha_i t_ri + noise_ri. Integrating it out of a Gaussian likelihood leaves a Gaussian with the
covariance diag(u^2) + sum_i t_i t_i^T, so no nuisance is sampled; :meth:`ErrorModel.breakdown` finds the best ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from propmat.fit.lis import LisModel
from propmat.fit.observations import Fluxes
from propmat.measurements import LocalFlux
from propmat.species import FloatArray


@dataclass(frozen=True)
class ChiSquare:
    """chi^2 of measured rotations, its parts, and the best nuisances.

    Attributes:
        rotations: (rotation,) with the nuisances at their best values and the uncorrelated errors.
        penalty: sum of the squared nuisances.
        nuisances: (bin,) in standard deviations.
    """

    rotations: tuple[float, ...]
    penalty: float
    nuisances: tuple[float, ...]

    @property
    def total(self) -> float:
        """chi^2 of the marginalised likelihood."""
        return sum(self.rotations) + self.penalty


class ErrorModel:
    """Errors of measured fluxes (rotation, bin), fixed by the data.

    Args:
        data: the fluxes.
        systematics: ``nuisance`` or ``quadrature``, see :class:`~propmat.fit.config.FitConfig`.
        emulator_error: relative error of a prediction, added in quadrature to the uncorrelated errors.
    """

    def __init__(self, data: Fluxes, systematics: str, emulator_error: float) -> None:
        variance = data.uncorrelated**2 + (emulator_error * data.flux) ** 2
        shared = systematics == "nuisance"
        self.flux = data.flux
        self.correlated = data.correlated if shared else np.zeros_like(data.flux)
        self.uncorrelated = np.sqrt(variance if shared else variance + data.correlated**2)
        rotations, bins = data.flux.shape
        outer = self.correlated[:, :, None, None] * self.correlated * np.eye(bins)[:, None, :]
        covariance = np.diag(self.uncorrelated.ravel() ** 2) + outer.reshape(rotations * bins, -1)
        whitening = np.linalg.inv(np.linalg.cholesky(covariance))
        self._whitening = torch.from_numpy(whitening)
        self._whitened_flux = torch.from_numpy(whitening @ data.flux.ravel())

    def residuals(self, prediction: torch.Tensor) -> torch.Tensor:
        """(…, rotation · bin) independent unit normals for the right ``prediction`` (…, rotation, bin)."""
        return prediction.flatten(-2) @ self._whitening.T - self._whitened_flux

    def breakdown(self, prediction: FloatArray) -> ChiSquare:
        """chi^2 of ``prediction`` (rotation, bin) with the nuisances spelled out; its total is the residuals'."""
        difference = (self.flux - prediction) / self.uncorrelated
        strength = self.correlated / self.uncorrelated
        nuisances = np.sum(strength * difference, axis=0) / (1.0 + np.sum(strength**2, axis=0))
        left = difference - nuisances * strength
        return ChiSquare(
            rotations=tuple(float(value) for value in np.sum(left**2, axis=1)),
            penalty=float(np.sum(nuisances**2)),
            nuisances=tuple(float(value) for value in nuisances),
        )


class LisConstraint:
    """What is known of the LIS besides the data at Earth: Voyager 1 and a Gaussian prior on each value."""

    def __init__(self, lis: LisModel, voyager: LocalFlux, width: float) -> None:
        self._base = torch.from_numpy(lis.base(voyager.kinetic_energy) / voyager.total)
        self._perturbation = torch.from_numpy(lis.perturbation(voyager.kinetic_energy))
        self._measured = torch.from_numpy(voyager.flux / voyager.total)
        self._width = width
        self.points = voyager.flux.size

    def residuals(self, values: torch.Tensor) -> torch.Tensor:
        """(…, point + value) of LIS values (…, value): Voyager first, then the prior."""
        shift = values @ self._perturbation.T
        return torch.cat([self._base * torch.exp(shift) - self._measured, values / self._width], dim=-1)

    def chi_square(self, values: FloatArray) -> tuple[float, float]:
        """chi^2 of Voyager and of the prior, for LIS values (value,)."""
        squares = self.residuals(torch.from_numpy(values)).numpy() ** 2
        return float(squares[: self.points].sum()), float(squares[self.points :].sum())
