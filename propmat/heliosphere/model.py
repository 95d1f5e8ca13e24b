"""The heliosphere's fixed structure, as named presets. What varies from run to run (B0, tilt, K0, a, b) is not here."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Final

from propmat.constants import SOLAR_ROTATION_PERIOD_DAY
from propmat.errors import InputError, unknown_name


@dataclass(frozen=True)
class Heliosphere:
    """Geometry, wind, diffusion, drift and step control. Source: papers/000, section III, unless said.

    Attributes:
        name: the preset this came from, with ``*`` appended by :meth:`replace`.
        wind_speed: V0 [km/s] of the latitude and shock profile, eq. (5).
        wind_latitude_dependence: the tanh latitude profile; off: the wind blows with ``wind_speed`` everywhere.
        shock_radius, shock_width, shock_ratio: r_TS [AU], L [AU], s; ``shock_ratio`` = 1 removes the shock.
        r_hp: r_HP [AU], where the LIS holds (our value: the paper gives no number).
        inner_radius: reflecting sphere [AU].
        rotation_period: of the Sun [d].
        corotation: the sheet rotates (the term +Omega dt in phi).
        perpendicular_ratio: K_perp_r / K_par = K_perp_theta / K_par at the equator.
        polar_enhancement: d of eq. (8), K_perp_theta at the poles over that at the equator.
        polar_latitude: theta_F of eq. (8) [deg].
        break_rigidity, break_smoothness: R_k [GV] and m of eq. (7); m is 3.
        spiral: the field winds up; off: radial field, |B| = B0 (1 AU/r)^2.
        drift: gradient, curvature and sheet drift.
        uniform_diffusion: replaces the tensor by the scalar K0 beta F(R), the same everywhere (for checks).
        step_size: multiplies every length of the step control; halve it to see the step error.

    Raises:
        InputError: a value of the wrong kind, or one that makes no sense.
    """

    name: str = "paper"
    wind_speed: float = 400.0
    wind_latitude_dependence: bool = True
    shock_radius: float = 90.0
    shock_width: float = 1.2
    shock_ratio: float = 2.5
    r_hp: float = 122.0
    inner_radius: float = 0.05
    rotation_period: float = SOLAR_ROTATION_PERIOD_DAY
    corotation: bool = True
    perpendicular_ratio: float = 0.02
    polar_enhancement: float = 3.0
    polar_latitude: float = 35.0
    break_rigidity: float = 3.0
    break_smoothness: float = 3.0
    spiral: bool = True
    drift: bool = True
    uniform_diffusion: bool = False
    step_size: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            self._check(field.name, type(field.default))
        if self.break_smoothness != 3.0:
            raise InputError(f"break_smoothness = {self.break_smoothness} must be 3, as the compiled law has it.")
        if not self.inner_radius < 1.0 < self.r_hp:
            raise InputError(
                f"inner_radius = {self.inner_radius} AU and r_hp = {self.r_hp} AU must enclose the Earth at 1 AU."
            )

    def _check(self, key: str, kind: type) -> None:
        """Refuse an attribute of another kind than its default; a whole number becomes a float."""
        value = getattr(self, key)
        if kind is not float:
            if not isinstance(value, kind):
                raise InputError(f"{key} = {value!r} must be a {kind.__name__}.")
            return
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{key} = {value!r} must be a number.")
        if not (math.isfinite(value) and value > 0.0):
            raise InputError(f"{key} = {value} must be positive and finite.")
        object.__setattr__(self, key, float(value))

    @classmethod
    def preset(cls, name: str) -> Heliosphere:
        """A named model.

        Raises:
            InputError: no such preset; the message names the nearest one.
        """
        if name not in PRESETS:
            raise unknown_name("heliosphere preset", name, PRESETS)
        return PRESETS[name]

    def replace(self, **changes: float | bool) -> Heliosphere:
        """A variant with some attributes changed.

        Raises:
            InputError: an attribute that does not exist, or a value that makes no sense.
        """
        names = [field.name for field in fields(self) if field.name != "name"]
        for key in changes:
            if key not in names:
                raise unknown_name("heliosphere attribute", key, names)
        return replace(self, name=self.name.rstrip("*") + "*", **changes)  # type: ignore[arg-type]

    def as_dict(self) -> dict[str, float | bool | str]:
        """Every attribute, for provenance and for hashing."""
        return asdict(self)


PRESETS: Final[dict[str, Heliosphere]] = {"paper": Heliosphere()}
