"""The numbers one run hands to the compiled code, in AU, day, GV and nT."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final, Generic, NamedTuple, TypeVar

import numpy as np

from propmat.constants import (
    ASTRONOMICAL_UNIT_M,
    AU_PER_DAY_IN_M_S,
    DIFFUSION_UNIT_AU2_DAY,
    DRIFT_AU2_NT_PER_DAY_GV,
    GYRORADIUS_AU_NT_PER_GV,
    SECONDS_PER_DAY,
    SPEED_OF_LIGHT_AU_DAY,
)
from propmat.heliosphere.model import Heliosphere
from propmat.species import FloatArray

N = TypeVar("N", float, FloatArray)

_DEGREE = math.pi / 180.0
_WIND_STEEPNESS = 6.8
_WIND_EDGE = 15.0 * math.pi / 180.0
_HELPROP_AU_M = 1.496e11
_HELPROP_FIELD_RATIO = 1.35883
"""sqrt(1 + Gamma_E^2) as the public code has it, at every tilt."""


class Switches(NamedTuple):
    """Choices made when the stepper is compiled, 0 or 1; names as the attributes of Heliosphere."""

    exact_drift: int = 0
    sheet_follows_field: int = 0
    nearest_direction: int = 0
    helprop_rule: int = 0


def switches(model: Heliosphere) -> Switches:
    """The compiled variant that a model needs."""
    return Switches(
        exact_drift=int(model.exact_drift),
        sheet_follows_field=int(model.sheet_follows_field),
        nearest_direction=int(model.nearest_direction),
        helprop_rule=int(model.helprop_rule),
    )


class PointConstants(NamedTuple, Generic[N]):
    """The constants that depend on B0, tilt, K0, a and b: numbers for a run, arrays where each particle has its own.

    Those that the search of the sheet asks for come first. See docs/heliosphere.md for the names.
    """

    tilt: N
    tan_tilt: N
    sheet_wind: N
    sheet_length: N
    wind_edge: N
    gyroradius: N
    gradient_drift: N
    field_ratio: N
    diffusion: N
    slope_low: N
    slope_change: N
    field_constant: N


class RunConstants(NamedTuple):
    """Constants of one run, those of :class:`PointConstants` first; names as in docs/heliosphere.md.

    ``k_radial`` to ``k_along`` are the lengths of the step control in units of what the step must resolve;
    ``fixed_step`` [day] replaces the adaptive step where it is positive. ``spiral_sign`` multiplies K_r_phi,
    ``wind_gradient`` the derivatives of V within those of K; no energy changes inside
    ``loss_radius`` [AU].
    """

    tilt: float
    tan_tilt: float
    sheet_wind: float
    sheet_length: float
    wind_edge: float
    gyroradius: float
    gradient_drift: float
    field_ratio: float
    diffusion: float
    slope_low: float
    slope_change: float
    field_constant: float
    wind_speed: float
    wind_base: float
    wind_amplitude: float
    shock_radius: float
    shock_width: float
    shock_mean: float
    shock_amplitude: float
    r_hp: float
    inner_radius: float
    rotation: float
    corotation: float
    spiral: float
    break_cubed: float
    perpendicular: float
    polar_mean: float
    polar_amplitude: float
    polar_latitude: float
    uniform_diffusion: float
    mass_per_charge: float
    sheet_drift: float
    step_size: float
    spiral_sign: float
    wind_gradient: float
    start_uniform: float
    loss_radius: float
    k_radial: float = 0.12
    k_across: float = 0.05
    k_shock: float = 0.2
    k_shock_far: float = 0.2
    k_edge: float = 0.4
    k_edge_far: float = 0.3
    k_sheet: float = 0.35
    k_sheet_most: float = 0.5
    k_layer: float = 0.15
    k_sheet_far: float = 0.3
    k_pole: float = 0.18
    k_along: float = 1.0
    fixed_step: float = 0.0


POINT_CONSTANTS: Final = len(PointConstants._fields)
"""How many constants of a run depend on its parameters: its first ones."""


def _astronomical_unit(model: Heliosphere) -> float:
    """The astronomical unit over the model's own: what turns lengths in AU into lengths in its AU."""
    return ASTRONOMICAL_UNIT_M / _HELPROP_AU_M if model.helprop_constants else 1.0


def _each(function: Callable[..., float], value: N, *more: float) -> N:
    """A function of the C library, of a number or of each of an array: numpy's tanh and tan have other last bits."""
    if isinstance(value, np.ndarray):
        return np.array([function(one, *more) for one in value.tolist()])
    return function(value, *more)


def wind_at_earth(model: Heliosphere, tilt: N) -> N:
    """V(1 AU, equator) [AU/day] for a tilt [rad]."""
    speed = _wind_speed(model)
    if not model.wind_latitude_dependence:
        return speed + 0.0 * tilt
    return speed * (1.475 - 0.4 * _each(math.tanh, _WIND_STEEPNESS * (tilt + _WIND_EDGE)))


def _wind_speed(model: Heliosphere) -> float:
    """V0 [AU/day]."""
    return model.wind_speed * 1e3 / AU_PER_DAY_IN_M_S * _astronomical_unit(model)


def point_constants(model: Heliosphere, parameters: Mapping[str, N], drift_sign: int) -> PointConstants[N]:
    """The constants that depend on checked parameters, numbers or arrays of one shape (particle,)."""
    tilt = parameters["tilt"] * _DEGREE
    rotation = 2.0 * math.pi / model.rotation_period
    wind = wind_at_earth(model, tilt)
    unit = _astronomical_unit(model)
    spiral_at_earth = (rotation if model.spiral else 0.0) / wind
    field_ratio = _each(math.sqrt, 1.0 + _each(math.pow, spiral_at_earth, 2.0))
    if model.helprop_constants:
        field_ratio = _HELPROP_FIELD_RATIO + 0.0 * tilt
    field_constant = parameters["B0"] / field_ratio
    drift = drift_sign * DRIFT_AU2_NT_PER_DAY_GV * unit**2 * 2.0 / 3.0 if model.drift else 0.0
    return PointConstants(
        tilt=tilt,
        tan_tilt=_each(math.tan, tilt),
        sheet_wind=wind,
        sheet_length=wind / rotation,
        wind_edge=tilt + _WIND_EDGE,
        gyroradius=GYRORADIUS_AU_NT_PER_GV * unit / field_constant,
        gradient_drift=drift / field_constant,
        field_ratio=field_ratio,
        diffusion=parameters["K0"] * DIFFUSION_UNIT_AU2_DAY * unit**2,
        slope_low=parameters["a"],
        slope_change=(parameters["b"] - parameters["a"]) / model.break_smoothness,
        field_constant=field_constant,
    )


def run_constants(
    model: Heliosphere, parameters: Mapping[str, float], mass_per_charge: float, drift_sign: int
) -> RunConstants:
    """Constants of a run from the model, checked parameters and the channel."""
    return constants_at(point_constants(model, parameters, drift_sign), model, mass_per_charge, drift_sign)


def constants_at(
    point: PointConstants[float], model: Heliosphere, mass_per_charge: float, drift_sign: int
) -> RunConstants:
    """Constants of a run whose parameters have given their own; the others depend on the model and the channel."""
    rotation = 2.0 * math.pi / model.rotation_period
    unit = _astronomical_unit(model)
    shock = model.shock_ratio
    return RunConstants(
        *point,
        wind_speed=_wind_speed(model),
        wind_base=1.475 if model.wind_latitude_dependence else 1.0,
        wind_amplitude=0.4 if model.wind_latitude_dependence else 0.0,
        shock_radius=model.shock_radius,
        shock_width=model.shock_width,
        shock_mean=(shock + 1.0) / (2.0 * shock),
        shock_amplitude=(shock - 1.0) / (2.0 * shock),
        r_hp=model.r_hp,
        inner_radius=model.inner_radius,
        rotation=rotation,
        corotation=rotation if model.corotation else 0.0,
        spiral=rotation if model.spiral else 0.0,
        break_cubed=model.break_rigidity**model.break_smoothness,
        perpendicular=model.perpendicular_ratio,
        polar_mean=0.5 * (model.polar_enhancement + 1.0) * model.theta_scale,
        polar_amplitude=0.5 * (model.polar_enhancement - 1.0) * model.theta_scale,
        polar_latitude=math.radians(model.polar_latitude),
        uniform_diffusion=1.0 if model.uniform_diffusion else 0.0,
        mass_per_charge=mass_per_charge,
        sheet_drift=drift_sign * SPEED_OF_LIGHT_AU_DAY * unit if model.drift else 0.0,
        step_size=model.step_size,
        spiral_sign=-1.0 if model.mirrored_spiral else 1.0,
        wind_gradient=0.0 if model.frozen_wind else 1.0,
        start_uniform=1.0 if model.start_uniform else 0.0,
        loss_radius=0.0 if model.loss_inside_1au else 1.0,
        fixed_step=model.fixed_step / SECONDS_PER_DAY if model.helprop_rule else 0.0,
    )
