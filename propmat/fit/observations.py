"""What a fit takes from the measurements, as arrays over its rotations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from propmat.errors import InputError
from propmat.fit.config import FitConfig
from propmat.measurements import conditions, rotation_fluxes
from propmat.parameters import ParameterSpace
from propmat.species import FloatArray


@dataclass(frozen=True, eq=False)
class Fluxes:
    """Fluxes of one species in several rotations, all [m^-2 s^-1 sr^-1 GV^-1].

    Attributes:
        edges: (bin + 1,) rigidities [GV].
        flux: (rotation, bin) bin averages.
        uncorrelated: (rotation, bin) errors independent in every bin and rotation.
        correlated: (rotation, bin) errors that one nuisance per bin moves together in all rotations.
    """

    edges: FloatArray
    flux: FloatArray
    uncorrelated: FloatArray
    correlated: FloatArray


def observed_fluxes(species: str, rotations: tuple[int, ...]) -> Fluxes:
    """AMS-02 fluxes of the rotations.

    Raises:
        InputError: a rotation without data.
    """
    tables = [rotation_fluxes(species, rotation) for rotation in rotations]
    return Fluxes(
        edges=tables[0].rigidity_edges.copy(),
        flux=np.stack([table.flux for table in tables]),
        uncorrelated=np.stack([table.uncorrelated for table in tables]),
        correlated=np.stack([table.time_independent for table in tables]),
    )


@dataclass(frozen=True, eq=False)
class Conditions:
    """What was observed of the heliosphere in each rotation.

    Attributes:
        B0: (rotation,) field at Earth [nT].
        tilt: (rotation,) of the current sheet [deg].
        polarity: (rotation,) +1 or -1.
    """

    B0: FloatArray
    tilt: FloatArray
    polarity: tuple[int, ...]


def observed_conditions(config: FitConfig, space: ParameterSpace) -> Conditions:
    """Conditions of the rotations of a fit.

    Raises:
        InputError: a rotation without conditions, of uncertain polarity, or with conditions outside the domain
            ``space`` of the emulator.
    """
    rows = [
        conditions(rotation, tilt=config.tilt, average_rotations=config.average_rotations)
        for rotation in config.rotations
    ]
    for row in rows:
        if not (row.polarity_certain or config.allow_uncertain_polarity):
            raise InputError(
                f"rotation {row.rotation} is near a reversal of the solar field, where one polarity does not describe "
                "the heliosphere; fit.allow_uncertain_polarity=true fits it all the same."
            )
        for name, value in (("B0", row.B0), ("tilt", row.tilt)):
            allowed = space[name]
            if not allowed.low <= value <= allowed.high:
                values = [getattr(other, name) for other in rows]
                raise InputError(
                    f"{name} = {value:.3g} {allowed.unit} of rotation {row.rotation} is outside the emulator's domain "
                    f"[{allowed.low:g}, {allowed.high:g}]; the rotations asked for span "
                    f"[{min(values):.3g}, {max(values):.3g}] {allowed.unit}."
                )
    return Conditions(
        B0=np.array([row.B0 for row in rows]),
        tilt=np.array([row.tilt for row in rows]),
        polarity=tuple(row.polarity for row in rows),
    )
