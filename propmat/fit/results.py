"""What a fit found: frozen, and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Final, get_args, get_origin, get_type_hints

from propmat.errors import FileError
from propmat.samples.files import write_atomic

SCHEMA: Final = 1
Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Estimate:
    """One parameter: the best fit, and the 16, 50 and 84 % quantiles of the posterior."""

    best: float
    low: float
    median: float
    high: float


@dataclass(frozen=True)
class Band:
    """A predicted quantity of every bin: at the best fit, and its 16 and 84 % posterior quantiles."""

    best: Numbers
    low: Numbers
    high: Numbers


@dataclass(frozen=True)
class Comparison:
    """One species in one rotation, all (bin,) [m^-2 s^-1 sr^-1 GV^-1].

    Attributes:
        flux: measured.
        uncorrelated: error independent in every rotation, without the emulator's.
        correlated: error common to all rotations.
        propmat: predicted with the emulator.
        force_field: predicted by the force field.
        chi2, chi2_force_field: of the two. Protons: with the nuisances at their best, penalty not included.
            Antiprotons: a prediction, nothing adjusted, each error in quadrature (one nuisance per bin changes
            nothing within one rotation).
        free_normalisation: the factor on the emulator's prediction that fits best (1 for protons).
        chi2_free_normalisation: chi^2 with this factor.
    """

    flux: Numbers
    uncorrelated: Numbers
    correlated: Numbers
    propmat: Band
    force_field: Numbers
    chi2: float
    chi2_force_field: float
    free_normalisation: float
    chi2_free_normalisation: float


@dataclass(frozen=True)
class Curves:
    """Spectra of the best fits at Earth and outside, all (energy,) [m^-2 s^-1 sr^-1 GeV^-1].

    Attributes:
        kinetic_energy: the rows of the emulator [GeV].
        proton_lis, proton_lis_force_field: fitted beside the emulator, and beside the force field.
        antiproton_lis: not fitted.
        proton, antiproton: at Earth, of the emulator.
        proton_force_field, antiproton_force_field: at Earth, of the force field.
    """

    kinetic_energy: Numbers
    proton_lis: Numbers
    proton_lis_force_field: Numbers
    antiproton_lis: Numbers
    proton: Numbers
    antiproton: Numbers
    proton_force_field: Numbers
    antiproton_force_field: Numbers


@dataclass(frozen=True)
class RotationResult:
    """One Bartels rotation.

    Attributes:
        rotation: its number.
        B0, tilt, polarity: observed [nT, deg, +1 or -1].
        K0, a, b: fitted [1e23 cm2/s, 1, 1].
        potential, potential_error: of the force field [GV].
        dof: bins - 3, the divisor of the emulator's chi^2 of the protons.
        dof_force_field: bins - 1.
        proton: fitted.
        antiproton: predicted with the parameters of the protons.
        curves: for plots.
    """

    rotation: int
    B0: float
    tilt: float
    polarity: int
    K0: Estimate
    a: Estimate
    b: Estimate
    potential: float
    potential_error: float
    dof: int
    dof_force_field: int
    proton: Comparison
    antiproton: Comparison
    curves: Curves


@dataclass(frozen=True)
class Quality:
    """chi^2 of a joint fit, in parts that add up to ``chi2``.

    Attributes:
        chi2: all of it, at the maximum of the posterior.
        dof: AMS bins + Voyager points - parameters that no prior holds (the LIS values have one each).
        rotations: the measured protons, with the nuisances at their best.
        nuisances: penalty of the nuisances.
        voyager: of the LIS at Voyager's energies.
        prior: of the LIS values.
        pulls: (bin,) the nuisances in standard deviations.
        lis: the fitted LIS values.
    """

    chi2: float
    dof: int
    rotations: float
    nuisances: float
    voyager: float
    prior: float
    pulls: Numbers
    lis: dict[str, float]


@dataclass(frozen=True)
class Contrast:
    """Ratio of one rotation's flux to that of the first, per bin; errors that both share cancel.

    Attributes:
        species: of the fluxes.
        rotation, reference: their ratio is rotation / reference.
        data, error: measured.
        propmat: predicted with the emulator.
        force_field: predicted by the force field.
    """

    species: str
    rotation: int
    reference: int
    data: Numbers
    error: Numbers
    propmat: Band
    force_field: Numbers


@dataclass(frozen=True)
class SamplerSummary:
    """How well the posterior is sampled.

    Attributes:
        steps, burn, walkers: as asked for.
        acceptance: mean accepted fraction.
        autocorrelation: longest integrated autocorrelation time of a parameter after ``burn`` [steps].
        effective_samples: walkers x (steps - burn) / autocorrelation.
    """

    steps: int
    burn: int
    walkers: int
    acceptance: float
    autocorrelation: float
    effective_samples: float


@dataclass(frozen=True)
class FitResult:
    """A fit; the chain itself is ``chain.h5`` beside it.

    Attributes:
        schema: version of this layout.
        config: the :class:`~propmat.fit.config.FitConfig` as a mapping.
        rigidity_edges: (bin + 1,) [GV].
        rotations: one each.
        lis: LIS values by name.
        propmat, force_field: quality of the two fits.
        contrasts: protons and antiprotons of every later rotation against the first.
        sampler: convergence.
    """

    schema: int
    config: dict[str, Any]
    rigidity_edges: Numbers
    rotations: tuple[RotationResult, ...]
    lis: dict[str, Estimate]
    propmat: Quality
    force_field: Quality
    contrasts: tuple[Contrast, ...]
    sampler: SamplerSummary

    def write(self, path: Path) -> None:
        """Write JSON, whole or not at all.

        Raises:
            FileError: the folder cannot be written.
        """
        write_atomic(path, json.dumps(asdict(self), indent=1, allow_nan=False).encode())

    @classmethod
    def read(cls, path: Path) -> FitResult:
        """The inverse of :meth:`write`.

        Raises:
            FileError: the file is missing, damaged or of another version.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values["schema"] != SCHEMA:
                raise FileError(f"{path}: schema {values['schema']}, this version reads {SCHEMA}.")
            result: FitResult = _build(cls, values)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FileError(f"{path}: not the result of a fit, or damaged ({error}).") from error
        return result


def _build(kind: Any, value: Any) -> Any:
    """A value of type ``kind`` from its JSON form."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return kind(**{field.name: _build(hints[field.name], value[field.name]) for field in fields(kind)})
    if origin is tuple:
        return tuple(_build(arguments[0], element) for element in value)
    if origin is dict and isinstance(value, Mapping):
        return {key: _build(arguments[1], element) for key, element in value.items()}
    return value
