"""chi^2 of one rotation's protons and Voyager 1 over (K0, a, b) and the values of the interstellar spectrum."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from typing import Final

import numpy as np
import torch
from scipy.special import ndtri

from propmat.errors import InputError
from propmat.fit.config import FitConfig
from propmat.fit.observations import observed_conditions, observed_fluxes
from propmat.fit.posterior import MODULATION
from propmat.fit.prediction import MatrixEmulator
from propmat.fit.problem import build_posterior
from propmat.species import FloatArray

QUIET_ROTATIONS: Final = (
    2480, 2485, 2490, 2495, 2500, 2505, 2510, 2515, 2520, 2525,
    2530, 2535, 2540, 2545, 2552, 2555, 2560, 2565, 2570, 2575,
)  # fmt: skip
"""Twenty rotations over May 2015 to June 2022, the quiet time of papers/000 (IV-B): every fifth (2550 has no data).
papers/000 shows its twenty in a figure only."""


class QuietRotation:
    """AMS-02 protons of one rotation and Voyager 1, modulated by an emulator at the observed B0 and tilt.

    Args:
        rotation: Bartels rotation.
        emulator: of heliospheric matrices, that knows protons.
        tilt: WSO model of the tilt, ``"L"`` or ``"R"``.

    Raises:
        InputError: a rotation without data or conditions, of uncertain polarity, or outside the emulator's domain.
    """

    def __init__(self, rotation: int, emulator: MatrixEmulator, tilt: str = "L") -> None:
        self.rotation = rotation
        self._config = FitConfig(rotations=(rotation,), tilt=tilt)
        protons = observed_fluxes("proton", self._config.rotations)
        self._conditions = observed_conditions(self._config, emulator.parameters)
        self._posterior, _ = build_posterior(self._config, emulator, self._conditions, protons)
        self.space = emulator.parameters
        self._measured = protons.flux.size + self._posterior.constraint.points

    @property
    def source(self) -> str:
        """Which rotation."""
        return f"rotation {self.rotation}"

    @property
    def names(self) -> tuple[str, ...]:
        """K0, a, b, then the values of the LIS."""
        return (*MODULATION, *self._posterior.names[3:])

    @property
    def dof(self) -> int:
        """Measured points less K0, a, b and the values of the LIS."""
        return self._measured - self._posterior.size

    @cached_property
    def identity(self) -> Mapping[str, object]:
        """Settings, conditions, and what data and emulator say in the middle of the prior."""
        posterior, conditions = self._posterior, self._conditions
        with torch.no_grad():
            residuals = posterior.residuals(torch.from_numpy(posterior.centre)).tolist()
        config = asdict(self._config)
        del config["sampler"], config["emulator"]  # the sampler is another; the emulator's answers are in the residuals
        return {
            "config": json.loads(json.dumps(config)),
            "conditions": [conditions.B0.tolist(), conditions.tilt.tolist(), list(conditions.polarity)],
            "residuals": [f"{value:.6e}" for value in residuals],
        }

    def chi_square(self, cube: FloatArray) -> FloatArray:
        """(walker,) of (walker, coordinate), of the data alone."""
        with torch.no_grad():
            residuals = self._posterior.residuals(torch.from_numpy(self._theta(cube)))
            return np.asarray(residuals[:, : self._measured].square().sum(-1).numpy())

    def points(self, cube: FloatArray) -> FloatArray:
        """(…, parameter): the observed B0 and tilt, then K0, a and b, which fill the emulator's domain."""
        points = np.empty((*cube.shape[:-1], len(self.space.names)))
        points[..., 0], points[..., 1] = self._conditions.B0[0], self._conditions.tilt[0]
        points[..., 2:] = self._theta(cube)[..., :3]
        k0 = self.space["K0"]
        points[..., 2] = np.clip(np.exp(points[..., 2]), k0.low, k0.high)  # rounding must not leave the range
        return points

    def _theta(self, cube: FloatArray) -> FloatArray:
        """Coordinates of the posterior; values of the LIS have their Gaussian prior."""
        stretched = cube.copy()
        stretched[..., 3:] = self._config.lis_width * ndtri(np.clip(cube[..., 3:], 1e-12, 1.0 - 1e-12))
        return self._posterior.theta_of(stretched)


def quiet_rotations(rotations: tuple[int, ...], emulator: MatrixEmulator) -> tuple[QuietRotation, ...]:
    """One likelihood a rotation; all are checked before any is used.

    Raises:
        InputError: as :class:`QuietRotation`; no rotation, or one twice.
    """
    if not rotations or len(set(rotations)) < len(rotations):
        raise InputError(f"rotations = {rotations} must be a list of at least one, without repetition.")
    return tuple(QuietRotation(rotation, emulator) for rotation in rotations)
