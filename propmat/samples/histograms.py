"""The header of a store of heliosphere samples: histograms of exit energies, in channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from propmat.errors import InputError
from propmat.parameters import HELIOSPHERE
from propmat.samples.design import Design
from propmat.samples.header import HISTOGRAMS, Columns, float_array, rounded
from propmat.samples.imported import IMPORTED, ImportedDesign
from propmat.samples.keyed import KeyedHeader
from propmat.samples.listed import LISTED, ListedDesign
from propmat.samples.table import ChannelPlan, SampleTable
from propmat.transfer import TransferGrid

DESIGNS: Final[dict[str, type[Design | ImportedDesign | ListedDesign]]] = {
    IMPORTED: ImportedDesign,
    LISTED: ListedDesign,
}
"""``kind`` -> design; others are a :class:`Design`, which knows its kinds."""


@dataclass(frozen=True, eq=False)
class StoreHeader(KeyedHeader[SampleTable]):
    """What a store of the heliosphere holds: histograms of exit energies on ``grid``, in the channels of ``design``."""

    content: ClassVar[str] = HISTOGRAMS
    described: ClassVar[str] = "histograms of exit energies from the heliosphere"
    parameter_names: ClassVar[tuple[str, ...]] = HELIOSPHERE.names

    grid: TransferGrid
    design: Design | ImportedDesign | ListedDesign

    @cached_property
    def plan(self) -> ChannelPlan:
        """Parameters, channel, seed and key of every sample."""
        design, numbers = self.design, range(self.design.samples)
        seeds = design.seeds()
        parameters = design.sample_parameters(self.parameter_space)
        channels = [design.channel(sample) for sample in numbers]
        particles = [design.sample_particles(sample) for sample in numbers]
        own = [
            {"particles": number, "channel": [channel.nucleons_per_charge, channel.drift_sign]}
            for number, channel in zip(particles, channels, strict=True)
        ]
        return ChannelPlan(
            key=self.keys(parameters, seeds, own),
            parameters=parameters,
            drift_sign=np.array([channel.drift_sign for channel in channels], dtype=np.int8),
            nucleons_per_charge=np.array([channel.nucleons_per_charge for channel in channels]),
            seed=seeds,
            particles=np.array(particles, dtype=np.uint32),
        )

    def columns(self, samples: int) -> Columns:
        """The datasets of a shard of ``samples`` samples, in their order on disk."""
        toa, lis = self.grid.shape
        count = np.dtype("<u2" if self.design.particles <= np.iinfo(np.uint16).max else "<u4")
        return {
            "key": (np.dtype("S64"), (samples,)),
            "parameters": (np.dtype("<f8"), (samples, len(self.parameter_space.names))),
            "drift_sign": (np.dtype("i1"), (samples,)),
            "nucleons_per_charge": (np.dtype("<f8"), (samples,)),
            "seed": (np.dtype("<u8"), (samples,)),
            "particles": (np.dtype("<u4"), (samples,)),
            "counts": (count, (samples, toa, lis)),
            "truncated": (count, (samples, toa)),
            "propagation_time_mean": (np.dtype("<f4"), (samples, toa)),
        }

    def table(self, columns: Mapping[str, NDArray[Any]]) -> SampleTable:
        """The samples in the datasets of :meth:`columns`."""
        counts, truncated = (columns[name].astype(np.uint32) for name in ("counts", "truncated"))
        return SampleTable(**{**columns, "counts": counts, "truncated": truncated})

    def grid_values(self) -> dict[str, object]:
        """Rows and edges of the columns."""
        return {"toa": self.grid.toa.tolist(), "lis_edges": self.grid.lis_edges.tolist()}

    def grid_identity(self) -> dict[str, object]:
        """The same to nine significant digits, the edges in one list."""
        values = {"toa": self.grid.toa, "lis_edges": self.grid.lis_edges.ravel()}
        return {key: rounded(value.tolist()) for key, value in values.items()}

    @classmethod
    def from_parts(cls, grid: Mapping[str, Any], design: Mapping[str, Any], **rest: Any) -> Self:
        """A header from plain values of its grid and design, and the other attributes."""
        if set(grid) != {"toa", "lis_edges"}:
            raise InputError("the grid needs toa and lis_edges")
        return cls(
            grid=TransferGrid(float_array(grid["toa"]), float_array(grid["lis_edges"])),
            design=DESIGNS.get(str(design.get("kind")), Design).from_dict(design),
            **rest,
        )
