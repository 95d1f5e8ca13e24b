"""Stores of pseudo-particles, each at its own point: two bytes a particle; the rest follows from its number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from propmat.errors import InputError, out_of_range
from propmat.parameters import HELIOSPHERE
from propmat.samples.header import Columns, Header, digest, rounded
from propmat.samples.particle_design import ParticleDesign
from propmat.samples.table import Table
from propmat.species import FloatArray

ZERO_CODE: Final = 2**15 - 1
"""Code of ln(T_exit/T) = 0."""
TRUNCATED_CODE: Final = 2**16 - 1
"""Code of a particle that hit the step cap."""
_POINTS: Final = "points"


@dataclass(frozen=True)
class GainCode:
    """ln(T_exit/T) in 16 bits: x = scale sinh(step (code - 32767)), steps uniform in asinh(x/scale).

    Kernels are as narrow as 1e-3 at 50 GeV/n and as wide as several at 0.1 GeV/n: steps grow with x, as the columns of
    :meth:`propmat.transfer.TransferGrid.default` do. A value is off by at most ``step`` / 2 times sqrt(x^2 + scale^2).

    Attributes:
        scale: where steps begin to grow.
        limit: largest |x|; far more than a simulation can give between 1 MeV/n and any energy that is simulated.

    Raises:
        InputError: not positive numbers, or a limit below the scale.
    """

    scale: float = 0.004
    limit: float = 30.0

    def __post_init__(self) -> None:
        for key, (low, high) in {"scale": (1e-6, 1.0), "limit": (1.0, 100.0)}.items():
            value = getattr(self, key)
            if type(value) is not float or not low <= value <= high:
                raise out_of_range(key, value, low, high)

    @property
    def step(self) -> float:
        """Width of a code in asinh(x/scale)."""
        return float(np.arcsinh(self.limit / self.scale)) / ZERO_CODE

    def encode(self, log_gain: FloatArray, truncated: NDArray[np.bool_]) -> NDArray[np.uint16]:
        """(n,) codes of ln(T_exit/T) (n,).

        Raises:
            InputError: a value that is not within the limits, of a particle that is not truncated.
        """
        if (bad := self.outside(log_gain, truncated)) is not None:
            raise out_of_range(f"ln(T_exit/T) of particle {bad}", float(log_gain[bad]), -self.limit, self.limit)
        exact = np.arcsinh(np.where(truncated, 0.0, log_gain) / self.scale) / self.step
        codes: NDArray[np.uint16] = np.where(truncated, TRUNCATED_CODE, np.rint(exact) + ZERO_CODE).astype(np.uint16)
        return codes

    def decode(self, codes: NDArray[np.uint16]) -> FloatArray:
        """(n,) ln(T_exit/T) of codes (n,); NaN where truncated."""
        return self._values[codes]

    def outside(self, log_gain: FloatArray, truncated: NDArray[np.bool_]) -> int | None:
        """Index of the first value that has no code, or None."""
        bad = np.flatnonzero(~(np.abs(log_gain) <= self.limit) & ~truncated)
        return int(bad[0]) if bad.size else None

    @cached_property
    def _values(self) -> FloatArray:
        codes = np.arange(TRUNCATED_CODE + 1) - ZERO_CODE
        values: FloatArray = np.clip(self.scale * np.sinh(self.step * codes), -self.limit, self.limit)
        values[TRUNCATED_CODE] = np.nan
        return values


@dataclass(frozen=True, eq=False)
class ParticleTable(Table):
    """n pseudo-particles. Parameters and energy are float32 numbers, so that many particles fit into memory.

    Attributes:
        parameters: (n, 5) in the order of the space's names.
        kinetic_energy: (n,) at Earth [GeV/n].
        drift_sign: (n,) +1 or -1.
        nucleons_per_charge: (n,) A/|Z|.
        log_gain: (n,) ln(T_exit/T); NaN where truncated.
        truncated: (n,) the particle hit the step cap and never left.

    Raises:
        InputError: columns of different lengths, or a particle that is not truncated and has no log_gain.
    """

    parameters: NDArray[np.float32]
    kinetic_energy: NDArray[np.float32]
    drift_sign: NDArray[np.int8]
    nucleons_per_charge: FloatArray
    log_gain: FloatArray
    truncated: NDArray[np.bool_]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not np.array_equal(np.isfinite(self.log_gain), ~self.truncated):
            raise InputError("log_gain must be finite where a particle left, and NaN where it is truncated.")


@dataclass(frozen=True, eq=False)
class ParticleHeader(Header[ParticleTable]):
    """What a store of particles holds: ``grid`` is the code of ln(T_exit/T), ``design`` all that is not stored."""

    content: ClassVar[str] = "particles"
    described: ClassVar[str] = "single particles of the heliosphere"
    parameter_names: ClassVar[tuple[str, ...]] = HELIOSPHERE.names

    grid: GainCode
    design: ParticleDesign

    @cached_property
    def checksum(self) -> str:
        """sha256 of a few points as this installation makes them."""
        return self.design.checksum(self.parameter_space)

    def key(self, samples: range) -> str:
        """What identifies consecutive particles, whatever the store they are in."""
        design, identity = self.design, self.identity()
        content = {name: identity[name] for name in ("simulator", "simulator_version", "model", "grid", "space")} | {
            "seed": design.seed,
            "channels": [list(channel.identity) for channel in design.channels],
            "energies": rounded([design.energy_low, design.energy_high]),
            "particles": [design.start + samples.start, design.start + samples.stop],
        }
        return digest(content)

    def planned(self, samples: range) -> dict[str, NDArray[Any]]:
        """Parameters, energy and channel of consecutive particles: columns of :class:`ParticleTable`."""
        design = self.design
        points, channel = design.points(self.parameter_space, samples), design.channel_index(samples)
        return {
            "parameters": points[:, :-1],
            "kinetic_energy": points[:, -1],
            "drift_sign": np.array([item.drift_sign for item in design.channels], dtype=np.int8)[channel],
            "nucleons_per_charge": np.array([item.nucleons_per_charge for item in design.channels])[channel],
        }

    def columns(self, samples: int) -> Columns:
        """The datasets of a shard of ``samples`` particles, in their order on disk; one key for all of them."""
        return {"key": (np.dtype("S64"), (1,)), "log_gain": (np.dtype("<u2"), (samples,))}

    def pack(self, shard: int, table: ParticleTable) -> Mapping[str, NDArray[Any]]:
        """The datasets of a shard (InputError if the table is not the particles planned for it)."""
        samples = self.design.shard_range(shard)
        if len(table) != len(samples):
            raise InputError(f"shard {shard} has {len(samples)} particles, not {len(table)}")
        for name, values in self.planned(samples).items():
            if not np.array_equal(getattr(table, name), values):
                raise InputError(f"its {name} is not what the store's design has for shard {shard}")
        codes = self.grid.encode(table.log_gain, table.truncated)
        return {"key": np.array([self.key(samples)], dtype="S64"), "log_gain": codes.astype("<u2")}

    def unpack(self, shard: int, columns: Mapping[str, NDArray[Any]]) -> ParticleTable:
        """The inverse of :meth:`pack`, of datasets that have the types and shapes of :meth:`columns`."""
        samples = self.design.shard_range(shard)
        if columns["key"][0] != self.key(samples).encode():
            raise InputError(f"its key is not what the store's design has for shard {shard}")
        codes = columns["log_gain"]
        return ParticleTable(
            **self.planned(samples), log_gain=self.grid.decode(codes), truncated=codes == TRUNCATED_CODE
        )

    def grid_values(self) -> dict[str, object]:
        """Scale and limit of the code."""
        return {"scale": self.grid.scale, "limit": self.grid.limit}

    def values(self) -> dict[str, object]:
        """The content of ``store.json`` less its checksum; with the one of the points, which are not stored."""
        return super().values() | {_POINTS: self.checksum}

    @classmethod
    def from_values(cls, content: dict[str, Any]) -> Self:
        """The header of the content of a ``store.json``.

        Raises:
            InputError: another content, fields that make no header, or points that this installation cannot make.
        """
        expected = content.pop(_POINTS, None)
        header = super().from_values(content)
        if header.checksum != expected:
            raise InputError(
                f"the parameters of its particles are not stored, and are others here: scipy's Sobol sequence, or the "
                f"space {header.space!r}, has changed since (provenance: {dict(header.provenance)})"
            )
        return header

    @classmethod
    def from_parts(cls, grid: Mapping[str, Any], design: Mapping[str, Any], **rest: Any) -> Self:
        """A header from plain values of its grid and design, and the other attributes."""
        if set(grid) != {"scale", "limit"}:
            raise InputError("the grid needs scale and limit")
        return cls(grid=GainCode(**grid), design=ParticleDesign.from_dict(design), **rest)
