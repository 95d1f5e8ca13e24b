"""Samples in memory: what was planned, and what the simulator said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from propmat.errors import InputError
from propmat.species import FloatArray


@dataclass(frozen=True, eq=False)
class Table:
    """n samples: every field is a column, an array (n, ...).

    Raises:
        InputError: columns of different lengths.
    """

    def __post_init__(self) -> None:
        lengths = {item.name: len(getattr(self, item.name)) for item in fields(self)}
        if len(set(lengths.values())) > 1:
            raise InputError(f"the columns of a sample table must be of one length, got {lengths}.")

    def __len__(self) -> int:
        """Number of samples."""
        return len(getattr(self, fields(self)[0].name))

    def select(self, rows: slice | NDArray[Any] | Sequence[int]) -> Self:
        """The samples at a slice, of a boolean mask (n,), or at indices."""
        index = rows if isinstance(rows, slice) else np.asarray(rows)
        return type(self)(**{item.name: getattr(self, item.name)[index] for item in fields(self)})

    @classmethod
    def concatenate(cls, tables: Sequence[Self]) -> Self:
        """One table of several.

        Raises:
            InputError: no tables, or tables of different grids.
        """
        if not tables:
            raise InputError("there are no samples to concatenate.")
        try:
            return cls(
                **{item.name: np.concatenate([getattr(table, item.name) for table in tables]) for item in fields(cls)}
            )
        except ValueError as error:
            raise InputError(f"the tables have different grids or parameters ({error}).") from None


@dataclass(frozen=True, eq=False)
class SamplePlan(Table):
    """What identifies each of n samples.

    Attributes:
        key: (n,) sha256 of simulator, version, model, grid, parameters, seed, and what else makes it what it is.
        parameters: (n, parameter) in the order of the space's names.
        seed: (n,) seed of the simulation.
    """

    key: NDArray[np.str_]
    parameters: FloatArray
    seed: NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class ChannelPlan(SamplePlan):
    """What identifies each of n samples of the heliosphere.

    Attributes:
        drift_sign: (n,) +1 or -1.
        nucleons_per_charge: (n,) A/|Z|.
        particles: (n,) simulated particles a row.
    """

    drift_sign: NDArray[np.int8]
    nucleons_per_charge: FloatArray
    particles: NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class SampleTable(ChannelPlan):
    """n planned samples of the heliosphere and their histograms.

    Attributes:
        counts: (n, toa, lis) histogram of exit energies of the particles that reached the boundary.
        truncated: (n, toa) particles given up before the boundary, which no column counts.
        propagation_time_mean: (n, toa) mean over the particles counted, 0 where there is none [d].

    Raises:
        InputError: shapes that do not match, or counts + truncated that are not the number of particles.
    """

    counts: NDArray[np.uint32]
    truncated: NDArray[np.uint32]
    propagation_time_mean: NDArray[np.float32]

    def __post_init__(self) -> None:
        super().__post_init__()
        rows = self.counts.shape[:2]
        if self.counts.ndim != 3 or self.truncated.shape != rows or self.propagation_time_mean.shape != rows:
            raise InputError(
                f"counts must be (n, toa, lis), truncated and propagation_time_mean (n, toa), got {self.counts.shape}, "
                f"{self.truncated.shape}, {self.propagation_time_mean.shape}."
            )
        if np.any(self.counts.sum(axis=-1, dtype=np.int64) + self.truncated != self.particles[:, None]):
            raise InputError("counts and truncated of each row must add up to its particles.")
        if not (np.all(np.isfinite(self.propagation_time_mean)) and np.all(self.propagation_time_mean >= 0)):
            raise InputError("propagation_time_mean must be finite and not negative.")


@dataclass(frozen=True)
class Truncation:
    """How many particles of some tables no column counts.

    Attributes:
        particles: of all samples and rows.
        lost: of these, those that no column counts.
        samples: number of samples that lost any.
        worst: largest share lost in a row of a sample.
    """

    particles: int
    lost: int
    samples: int
    worst: float

    @classmethod
    def of(cls, tables: Iterable[SampleTable]) -> Truncation:
        """Of all samples of some tables, which are looked at one after the other."""
        found = cls(0, 0, 0, 0.0)
        for table in tables:
            found = cls(
                particles=found.particles + int(table.particles.sum(dtype=np.int64)) * table.truncated.shape[1],
                lost=found.lost + int(table.truncated.sum(dtype=np.int64)),
                samples=found.samples + int(np.count_nonzero(table.truncated.any(axis=1))),
                worst=max(found.worst, float(np.max(table.truncated / table.particles[:, None]))),
            )
        return found

    def __str__(self) -> str:
        if not self.lost:
            return f"none of {self.particles} particles"
        where = f"in {self.samples} samples; at worst {self.worst:.2%} of a row"
        return f"{self.lost} of {self.particles} particles, {where}"

    def warning(self) -> str:
        """What it means for the samples that lost particles."""
        return (
            f"in no column of the histograms: {self}. They hit the step cap, or were not in what was imported; they "
            "are counted in `truncated`, and the matrices of these samples leave them out."
        )
