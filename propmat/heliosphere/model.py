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
        exact_drift: gradient and curvature drift as the exact curl for V(r, theta), not eq. (11).
        sheet_follows_field: sheet phase Omega * integral of dr/V(r, theta), not Omega r / V_eq.
        nearest_direction: sheet drift along the sheet at its nearest point, not at the particle's own (r, phi).
        mirrored_spiral: K_r_phi with the opposite sign, as in HELPROP's public code.
        theta_scale: K_perp_theta / K_perp_r at the equator; HELPROP's code has 0.5.
        frozen_wind: the derivatives of K leave out those of V in the field.
        start_uniform: start at any longitude of the rotation; off: always at one phase of the sheet.
        loss_inside_1au: adiabatic energy changes inside 1 AU too.
        helprop_constants: HELPROP's AU, nucleon mass and field normalisation.
        helprop_rule: HELPROP's Euler-Maruyama step of ``fixed_step``, differences and mirror, not the adaptive step.
        fixed_step: step of that rule [s].

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
    exact_drift: bool = False
    sheet_follows_field: bool = False
    nearest_direction: bool = False
    mirrored_spiral: bool = False
    theta_scale: float = 1.0
    frozen_wind: bool = False
    start_uniform: bool = True
    loss_inside_1au: bool = True
    helprop_constants: bool = False
    helprop_rule: bool = False
    fixed_step: float = 500.0

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


PRESETS: Final[dict[str, Heliosphere]] = {
    "paper": Heliosphere(),
    "consistent": Heliosphere(name="consistent", exact_drift=True, sheet_follows_field=True, nearest_direction=True),
    "helprop": Heliosphere(
        name="helprop",
        shock_radius=120.0,
        r_hp=100.0,
        inner_radius=0.5,
        corotation=False,
        mirrored_spiral=True,
        theta_scale=0.5,
        frozen_wind=True,
        start_uniform=False,
        loss_inside_1au=False,
        helprop_constants=True,
        helprop_rule=True,
    ),
}
"""papers/000 as printed; with the corrections of docs/heliosphere.md; and what the public HELPROP code does."""
