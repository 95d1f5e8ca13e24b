"""Parameter spaces: names, units, ranges, constraints, and maps to and from the unit cube.

Ranges: papers/000, Table I (Galaxy) and Table II (heliosphere).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import qmc

from propmat.errors import InputError, out_of_range, unknown_name
from propmat.species import FloatArray

Parameters = Mapping[str, ArrayLike]


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    Attributes:
        name: its key.
        low, high: allowed range, ends included.
        unit: for messages and plots; empty for a pure number.
        logarithmic: the unit-cube map is uniform in ln.
        at_least: name of another parameter that bounds it from below (``b`` >= ``a``).
    """

    name: str
    low: float
    high: float
    unit: str = ""
    logarithmic: bool = False
    at_least: str | None = None


@dataclass(frozen=True)
class ParameterSpace:
    """An ordered set of parameters with ranges.

    Arrays of points are (…, parameter) in the order of :attr:`names`.
    """

    name: str
    parameters: tuple[Parameter, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(parameter.name for parameter in self.parameters)

    def __getitem__(self, name: str) -> Parameter:
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise unknown_name("parameter", name, self.names)

    def stack(self, values: Parameters, *, check: bool = True) -> FloatArray:
        """(…, parameter) from a mapping of scalars or broadcastable arrays.

        Raises:
            InputError: a missing or unknown name, a value that is no number, shapes that do not broadcast;
                with ``check`` also a NaN, a value out of range, or a > b.
        """
        for name in values:
            if name not in self.names:
                raise unknown_name("parameter", name, self.names)
        missing = [name for name in self.names if name not in values]
        if missing:
            raise InputError(f"missing parameter(s) {', '.join(missing)}; {self.name} needs {', '.join(self.names)}.")
        points = np.stack(self._broadcast(values), axis=-1)
        if check:
            self.check(points)
        return points

    def check(self, points: FloatArray) -> None:
        """Raise InputError at the first value of (…, parameter) that is NaN, out of range or breaks a constraint."""
        self._check_width(points)
        for index, parameter in enumerate(self.parameters):
            column = points[..., index]
            if np.any(np.isnan(column)):
                raise InputError(f"{parameter.name} is NaN; allowed: [{parameter.low:g}, {parameter.high:g}].")
            bad = (column < parameter.low) | (column > parameter.high)
            if np.any(bad):
                raise out_of_range(
                    parameter.name, float(column[bad].flat[0]), parameter.low, parameter.high, parameter.unit
                )
            if parameter.at_least is not None:
                floor = points[..., self.names.index(parameter.at_least)]
                broken = column < floor
                if np.any(broken):
                    raise InputError(
                        f"{parameter.name} = {float(column[broken].flat[0])} must be at least "
                        f"{parameter.at_least} = {float(floor[broken].flat[0])}."
                    )

    def from_unit(self, cube: ArrayLike) -> FloatArray:
        """(…, parameter) from points of the unit cube; ``b`` is stretched over [a, high].

        Raises:
            InputError: the last axis is not the parameters, or a coordinate is outside [0, 1].
        """
        unit = np.asarray(cube, dtype=np.float64)
        self._check_width(unit)
        if not np.all((unit >= 0.0) & (unit <= 1.0)):
            raise InputError("points of the unit cube must lie in [0, 1] and not be NaN.")
        points = np.empty_like(unit)
        for index, parameter in enumerate(self.parameters):
            low, high = self._bounds(parameter, points)
            if parameter.logarithmic:
                values = np.exp(np.log(low) + unit[..., index] * (np.log(high) - np.log(low)))
            else:
                values = low + unit[..., index] * (high - low)
            points[..., index] = np.clip(values, low, high)  # rounding must not leave the range
        return points

    def to_unit(self, points: ArrayLike) -> FloatArray:
        """The inverse of :meth:`from_unit` (a parameter whose range is empty, a = b = high, maps to 0)."""
        values = np.asarray(points, dtype=np.float64)
        self._check_width(values)
        cube = np.empty_like(values)
        for index, parameter in enumerate(self.parameters):
            low, high = self._bounds(parameter, values)
            value = values[..., index]
            if parameter.logarithmic:
                cube[..., index] = (np.log(value) - np.log(low)) / (np.log(high) - np.log(low))
            else:
                width = high - low
                cube[..., index] = (value - low) / np.where(width > 0, width, 1.0)
        return cube

    def sobol(self, count: int, *, seed: int, start: int = 0) -> FloatArray:
        """(count, parameter) scrambled Sobol points number ``start`` to ``start + count - 1`` of the sequence ``seed``.

        Raises:
            InputError: ``count`` < 1 or ``start`` < 0.
        """
        if count < 1 or start < 0:
            raise InputError(f"count = {count} must be at least 1 and start = {start} at least 0.")
        engine = qmc.Sobol(len(self.parameters), scramble=True, rng=np.random.default_rng(seed))
        if start:
            engine.fast_forward(start)
        with warnings.catch_warnings():  # a piece of a sequence need not be a power of two long
            warnings.filterwarnings("ignore", message="The balance properties", category=UserWarning)
            cube = engine.random(count)
        return self.from_unit(cube)

    def _broadcast(self, values: Parameters) -> tuple[FloatArray, ...]:
        arrays = []
        for name in self.names:
            try:
                arrays.append(np.asarray(values[name], dtype=np.float64))
            except (TypeError, ValueError):
                raise InputError(f"{name} = {values[name]!r} is not a number or an array of numbers.") from None
        try:
            return tuple(np.broadcast_arrays(*arrays))
        except ValueError:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in zip(self.names, arrays, strict=True))
            raise InputError(f"the shapes of the parameters do not broadcast: {shapes}.") from None

    def _check_width(self, points: FloatArray) -> None:
        if points.ndim < 1 or points.shape[-1] != len(self.names):
            raise InputError(f"points must be (…, {len(self.names)}) in the order {self.names}, got {points.shape}.")

    def _bounds(self, parameter: Parameter, points: FloatArray) -> tuple[FloatArray, float]:
        low = np.full(points.shape[:-1], parameter.low)
        if parameter.at_least is not None:
            low = np.maximum(low, points[..., self.names.index(parameter.at_least)])
        return low, parameter.high


def _heliosphere(name: str, field: tuple[float, float], diffusion: tuple[float, float]) -> ParameterSpace:
    return ParameterSpace(
        name,
        (
            Parameter("B0", *field, "nT"),
            Parameter("tilt", 0.0, 75.0, "deg"),
            Parameter("K0", *diffusion, "1e23 cm2/s", logarithmic=True),
            Parameter("a", 0.0, 1.0),
            Parameter("b", 0.0, 3.0, at_least="a"),
        ),
    )


HELIOSPHERE_TABLE_II: Final = _heliosphere("heliosphere_table_ii", (3.0, 8.0), (0.001, 1.5))
"""Table II of papers/000."""
HELIOSPHERE: Final = _heliosphere("heliosphere", (3.0, 9.0), (0.03, 1.5))
"""Working domain of emulators and priors: B0 up to 9 nT (real rotations), K0 from 0.03 (no flux is left below)."""
GALAXY: Final = ParameterSpace(
    "galaxy",
    (
        Parameter("nu1", 1.5, 2.5),
        Parameter("nu2", 2.2, 2.5),
        Parameter("nu3", 1.5, 3.0),
        Parameter("R_br1", 1.0, 80.0, "GV", logarithmic=True),
        Parameter("R_br2", 100.0, 10000.0, "GV", logarithmic=True),
        Parameter("D0", 1.0, 20.0, "1e28 cm2/s"),
        Parameter("eta", -3.0, 1.5),
        Parameter("delta", 0.3, 0.6),
        Parameter("v_A", 6.0, 80.0, "km/s"),
        Parameter("z_h", 1.5, 15.0, "kpc"),
    ),
)
"""Table I of papers/000."""
SPACES: Final[dict[str, ParameterSpace]] = {space.name: space for space in (HELIOSPHERE, HELIOSPHERE_TABLE_II, GALAXY)}


def get_space(name: str) -> ParameterSpace:
    """A parameter space by name.

    Raises:
        InputError: no such space.
    """
    if name not in SPACES:
        raise unknown_name("parameter space", name, SPACES)
    return SPACES[name]
