"""Samples as an xarray.Dataset: axes and parameters as coordinates, units and provenance as attributes."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from propmat import __version__
from propmat.errors import InputError
from propmat.parameters import ParameterSpace
from propmat.samples.header import Header
from propmat.samples.histograms import StoreHeader
from propmat.samples.particle_header import ParticleHeader, ParticleTable
from propmat.samples.spectra import SpectraHeader, SpectraTable
from propmat.samples.table import SamplePlan, SampleTable, Table

if TYPE_CHECKING:
    import xarray

CONVENTIONS: Final = "CF-1.11"
FLUX_UNIT: Final = "m-2 s-1 sr-1 (GeV/n)-1"
ENERGY_UNIT: Final = "GeV"
"""Of kinetic energies; long_name says that they are a nucleon's."""

Axis = tuple[tuple[str, ...], Any, dict[str, str]]
"""Dimensions, values, attributes."""


def dataset(header: Header[Any], table: Table, *, first: int = 0) -> xarray.Dataset:
    """Samples of a store as an :class:`xarray.Dataset`: parameters and axes as coordinates, units as attributes.

    Args:
        header: of the store.
        table: samples ``first``, ``first + 1`` … of it.
        first: number of the first.

    Raises:
        InputError: xarray is not installed, or the samples are of a kind that has no such form.
    """
    package = required("xarray")
    numbers = np.arange(first, first + len(table))
    coordinates = {"sample": _axis(("sample",), numbers, "number of the sample in the design")}
    if isinstance(table, SamplePlan | ParticleTable):
        coordinates |= _parameters(header.parameter_space, table.parameters)
    if isinstance(table, SamplePlan):
        coordinates["key"] = _axis(("sample",), table.key, "sha256 of all that makes the sample what it is")
        coordinates["seed"] = _axis(("sample",), table.seed, "seed of the simulation")
    if isinstance(header, StoreHeader) and isinstance(table, SampleTable):
        axes, variables = _histograms(header, table, numbers)
    elif isinstance(header, SpectraHeader) and isinstance(table, SpectraTable):
        axes, variables = _spectra(header, table)
    elif isinstance(header, ParticleHeader) and isinstance(table, ParticleTable):
        axes, variables = _particles(header, table, numbers)
    else:
        raise InputError(f"a table of {type(table).__name__} is not of {header.described}.")
    found: xarray.Dataset = package.Dataset(variables, coordinates | axes, _attributes(header))
    return found


def _histograms(header: StoreHeader, table: SampleTable, numbers: Any) -> tuple[dict[str, Axis], dict[str, Axis]]:
    """Coordinates and variables of samples of the heliosphere."""
    edges, row = header.grid.lis_edges, ("sample", "toa")
    channels = [header.design.channel(sample) for sample in numbers.tolist()]
    axes = {
        "toa": _axis(("toa",), header.grid.toa, "kinetic energy a nucleon at Earth", ENERGY_UNIT),
        "lis_edges": _axis(
            ("toa", "lis_edge"), edges, "edges of the columns: kinetic energy a nucleon at the boundary", ENERGY_UNIT
        ),
        "lis_energy": _axis(
            ("toa", "lis"),
            np.sqrt(edges[:, 1:] * edges[:, :-1]),
            "middle in ln T of a column: kinetic energy a nucleon at the boundary",
            ENERGY_UNIT,
        ),
        "species": _axis(("sample",), np.array([channel.species for channel in channels]), "simulated species"),
        "polarity": _axis(("sample",), np.array([channel.polarity for channel in channels]), "magnetic polarity", "1"),
    } | _channels(table)
    variables = {
        "particles": _axis(("sample",), table.particles, "simulated particles from each energy", "1"),
        "counts": _axis((*row, "lis"), table.counts, "particles that left the heliosphere in each column", "1"),
        "truncated": _axis(row, table.truncated, "particles in no column", "1"),
        "propagation_time_mean": _axis(row, table.propagation_time_mean, "mean time from the boundary to Earth", "d"),
    }
    return axes, variables


def _spectra(header: SpectraHeader, table: SpectraTable) -> tuple[dict[str, Axis], dict[str, Axis]]:
    """Coordinates and variables of samples of the Galaxy; what the store does not keep has none."""
    grid = header.grid
    axes = {
        "kinetic_energy": _axis(("kinetic_energy",), grid.kinetic_energy, "kinetic energy a nucleon", ENERGY_UNIT),
        "species": _axis(("species",), np.array(grid.species), "species of fluxes"),
    }
    variables = {"fluxes": _axis(("sample", "species", "kinetic_energy"), table.fluxes, "flux at the Sun", FLUX_UNIT)}
    if grid.parts:
        axes["part"] = _axis(("part",), np.array(grid.parts), "part of a total flux")
        variables["parts"] = _axis(("sample", "part", "kinetic_energy"), table.parts, "part of a flux", FLUX_UNIT)
    if grid.matrices:
        observed, injected = "observed_kinetic_energy", "injected_kinetic_energy"
        pairs = np.array(grid.matrices)
        axes |= {
            "injected": _axis(("injected",), np.array(grid.injected), "injected species"),
            "pair_injected": _axis(("pair",), pairs[:, 0], "injected species of a transfer matrix"),
            "pair_observed": _axis(("pair",), pairs[:, 1], "observed species of a transfer matrix"),
            observed: _axis((observed,), grid.kinetic_energy, "kinetic energy a nucleon at the Sun", ENERGY_UNIT),
            injected: _axis((injected,), grid.kinetic_energy, "kinetic energy a nucleon of injection", ENERGY_UNIT),
        }
        variables |= {
            "injections": _axis(
                ("sample", "injected", "kinetic_energy"), table.injections, "injection at the Sun", f"{FLUX_UNIT} s-1"
            ),
            "matrices": _axis(("sample", "pair", observed, injected), table.matrices, "flux a unit of injection", "s"),
        }
    return axes, variables


def _particles(header: ParticleHeader, table: ParticleTable, numbers: Any) -> tuple[dict[str, Axis], dict[str, Axis]]:
    """Coordinates and variables of single particles."""
    axes = {
        "number": _axis(("sample",), header.design.start + numbers, "number of the particle in the sequence"),
        "kinetic_energy": _axis(("sample",), table.kinetic_energy, "kinetic energy a nucleon at Earth", ENERGY_UNIT),
    } | _channels(table)
    gain = table.log_gain.astype(np.float32)
    text = "ln of kinetic energy at the boundary over that at Earth; NaN: the particle hit the step cap"
    return axes, {"log_gain": _axis(("sample",), gain, text, "1")}


def _channels(table: SampleTable | ParticleTable) -> dict[str, Axis]:
    return {
        "drift_sign": _axis(("sample",), table.drift_sign, "sign(Z) times polarity", "1"),
        "nucleons_per_charge": _axis(("sample",), table.nucleons_per_charge, "A/|Z|; 0 for leptons", "1"),
    }


def _parameters(space: ParameterSpace, points: Any) -> dict[str, Axis]:
    """Each parameter as a coordinate."""
    return {
        parameter.name: _axis(("sample",), points[:, index], parameter.name, parameter.unit or "1")
        for index, parameter in enumerate(space.parameters)
    }


def _axis(dimensions: tuple[str, ...], values: Any, long_name: str, unit: str = "") -> Axis:
    return dimensions, values, {"long_name": long_name} | ({"units": unit} if unit else {})


def _attributes(header: Header[Any]) -> dict[str, str]:
    """What the file is and where it comes from; nested values as JSON."""
    provenance = {f"provenance_{key.replace(' ', '_')}": value for key, value in header.provenance.items()}
    return {
        "Conventions": CONVENTIONS,
        "title": header.described,
        "source": f"propmat {header.simulator} {header.simulator_version}",
        "propmat_version": __version__,
        "simulator": header.simulator,
        "simulator_version": header.simulator_version,
        "model": json.dumps(dict(header.model), sort_keys=True),
        "parameter_space": header.space,
        "design": json.dumps(header.design.summary(), sort_keys=True),
    } | provenance


def required(package: str) -> Any:
    """A package of the extra ``export`` (InputError tells how to get it)."""
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise InputError(f"an export needs {package}: pip install 'propmat[export]'.") from None
