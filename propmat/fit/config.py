"""What a fit is asked to do."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from propmat.errors import InputError, out_of_range, unknown_name

SYSTEMATICS: Final = ("nuisance", "quadrature")
"""``nuisance``: one shared per rigidity bin; ``quadrature``: independent in every rotation, as papers/000."""


@dataclass(frozen=True)
class SamplerConfig:
    """The ensemble sampler.

    Attributes:
        walkers: at least twice the number of fitted parameters.
        steps: steps of each walker, ``burn`` included.
        burn: first steps that the posterior leaves out.
        seed: fixes the whole chain.
        chunk: steps between two durable writes of the chain file.

    Raises:
        InputError: a value that is not positive, or ``burn`` not below ``steps``.
    """

    walkers: int = 48
    steps: int = 2000
    burn: int = 500
    seed: int = 1
    chunk: int = 100

    def __post_init__(self) -> None:
        for key in ("walkers", "steps", "chunk"):
            if getattr(self, key) < 1:
                raise InputError(f"sampler.{key} = {getattr(self, key)} must be at least 1.")
        if not 0 <= self.burn < self.steps:
            raise out_of_range("sampler.burn", self.burn, 0, self.steps - 1, "steps")
        if not 0 <= self.seed < 2**32:
            raise out_of_range("sampler.seed", self.seed, 0, 2**32 - 1)


@dataclass(frozen=True)
class FitConfig:
    """One fit of (K0, a, b) per rotation and one local interstellar proton spectrum.

    Attributes:
        rotations: Bartels rotations fitted together.
        emulator: shipped name or path of a bundle.
        tilt: current-sheet tilt of the WSO "L" (classic) or "R" (radial) model.
        allow_uncertain_polarity: fit rotations near a polarity reversal too, with the sign of the polar field.
        average_rotations: length of the backward average of the conditions; 1 takes those of the rotation itself.
        systematics: one of :data:`SYSTEMATICS`.
        emulator_error: relative error of a predicted flux, independent in every bin, added in quadrature.
        lis_free_above: knots of the LIS at or above this energy are free [GeV].
        lis_width: standard deviation of the Gaussian prior on ln of the LIS normalisation and of each free knot.
        sampler: the ensemble sampler.

    Raises:
        InputError: no or repeated rotations, an unknown name, or a number out of range.
    """

    rotations: tuple[int, ...] = (2531, 2543)
    emulator: str = "heliosphere"
    tilt: str = "L"
    average_rotations: int = 1
    allow_uncertain_polarity: bool = False
    systematics: str = "nuisance"
    emulator_error: float = 0.01
    lis_free_above: float = 1.0
    lis_width: float = 0.3
    sampler: SamplerConfig = field(default_factory=SamplerConfig)

    def __post_init__(self) -> None:
        if not self.rotations or len(set(self.rotations)) != len(self.rotations):
            raise InputError(f"rotations = {self.rotations} must be a list of at least one, without repetition.")
        if self.systematics not in SYSTEMATICS:
            raise unknown_name("systematics", self.systematics, SYSTEMATICS)
        if not 0.0 <= self.emulator_error <= 1.0:
            raise out_of_range("emulator_error", self.emulator_error, 0.0, 1.0)
        if not (math.isfinite(self.lis_width) and self.lis_width > 0):
            raise InputError(f"lis_width = {self.lis_width} must be positive and finite.")
        if not self.lis_free_above > 0:
            raise InputError(f"lis_free_above = {self.lis_free_above} GeV must be positive.")
