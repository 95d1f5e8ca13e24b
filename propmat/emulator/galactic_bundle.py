"""An emulator of the Galaxy as one file; layout, checksum and checks are those of :mod:`propmat.emulator.bundle`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from propmat.emulator.bundle import GOLDEN_TOLERANCE, SCHEMA, damaged, read_tensors, write_tensors
from propmat.emulator.galactic_columns import GalacticGrid
from propmat.emulator.galactic_network import GalacticNetwork, GalacticNetworkConfig
from propmat.errors import FileError, InputError
from propmat.parameters import GALAXY, Parameter, ParameterSpace
from propmat.species import get_species

GALACTIC_KIND: Final = "propmat galaxy emulator"
_TENSORS: Final = {"grid.energy": torch.float64, "golden.points": torch.float64, "golden.log_flux": torch.float64}


@dataclass(frozen=True)
class GalacticCard:
    """What an emulator of the Galaxy is.

    Attributes:
        space: parameters with their trained ranges.
        network: size of the network.
        species: whose spectra it gives.
        rows: first and last energy of the grid that it gives them at.
        proton_flux: primary protons at 100 GeV, to which all is normalised [m^-2 s^-1 sr^-1 GeV^-1].
        provenance: JSON: sample store and its hash, training configuration, package versions.
        accuracy: JSON of :class:`propmat.emulator.galactic_metrics.GalacticAccuracy` on the validation points.
    """

    space: ParameterSpace
    network: GalacticNetworkConfig
    species: tuple[str, ...]
    rows: tuple[int, int]
    proton_flux: float
    provenance: Mapping[str, Any] = field(default_factory=dict)
    accuracy: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.space.names != GALAXY.names:
            raise InputError(f"space {self.space.name!r} must have the parameters {', '.join(GALAXY.names)}.")
        for parameter in self.space.parameters:
            lowest = -np.inf if parameter.name in ("nu1", "nu2", "nu3", "eta") else 0.0
            if not lowest < parameter.low < parameter.high < np.inf:
                raise InputError(f"range [{parameter.low}, {parameter.high}] of {parameter.name} is impossible.")
        if not self.species or len(set(self.species)) < len(self.species):
            raise InputError(f"species {self.species} must be different names, at least one.")
        for name in self.species:
            if get_species(name).mass_number == 0:
                raise InputError(f"{name} is a lepton; the emulator gives nuclei and antiprotons.")
        if not 0.0 < self.proton_flux < np.inf:
            raise InputError(f"proton_flux = {self.proton_flux} must be positive.")

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    def to_json(self) -> str:
        """Text of the header."""
        return json.dumps({"kind": GALACTIC_KIND, "schema": SCHEMA, **self.as_dict()}, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> GalacticCard:
        """The inverse of :meth:`to_json` (ValueError, KeyError or TypeError if it is not one)."""
        values = json.loads(text)
        if set(values) != {"kind", "schema", *cls.__dataclass_fields__}:
            raise ValueError(f"header keys {sorted(values)}")
        if not isinstance(values["provenance"], dict) or not isinstance(values["accuracy"], dict):
            raise TypeError("provenance and accuracy must be objects")
        if not all(isinstance(name, str) for name in values["species"]):
            raise TypeError("species must be names")
        first, last = values["rows"]
        if type(first) is not int or type(last) is not int:
            raise TypeError("rows must be whole numbers")
        space = values["space"]
        return cls(
            ParameterSpace(str(space["name"]), tuple(Parameter(**parameter) for parameter in space["parameters"])),
            GalacticNetworkConfig(**values["network"]),
            tuple(values["species"]),
            (first, last),
            float(values["proton_flux"]),
            values["provenance"],
            values["accuracy"],
        )


@dataclass(frozen=True, eq=False)
class GalacticBundle:
    """Contents of a bundle.

    Attributes:
        card: the header.
        energy: (energy,) grid of the solver [GeV/n].
        weights: float32 tensors of the network by name.
    """

    card: GalacticCard
    energy: np.ndarray[Any, np.dtype[np.float64]]
    weights: Mapping[str, Tensor]

    @property
    def grid(self) -> GalacticGrid:
        """Energies of injection and rows."""
        return GalacticGrid(self.energy, *self.card.rows)

    def network(self) -> GalacticNetwork:
        """The network with these weights, in float64 and without gradients of the weights.

        Raises:
            InputError: weights that do not fit the architecture.
        """
        with torch.random.fork_rng(devices=[]):
            network = GalacticNetwork(self.card.network, self.card.space, self.grid, self.card.species)
        shapes = {name: tuple(weight.shape) for name, weight in network.state_dict().items()}
        if shapes != {name: tuple(weight.shape) for name, weight in self.weights.items()}:
            raise InputError("the weights do not fit the architecture of the header.")
        if not all(weight.dtype == torch.float32 and bool(weight.isfinite().all()) for weight in self.weights.values()):
            raise InputError("the weights must be finite float32.")
        network.load_state_dict(dict(self.weights))
        return network.double().eval().requires_grad_(False)


def save_galactic_bundle(path: Path, bundle: GalacticBundle) -> None:
    """Write a bundle atomically.

    Raises:
        FileError: the folder cannot be written.
        InputError: weights that do not fit the architecture, or golden values that are not finite.
    """
    points = _golden_points(bundle.card)
    tensors = {
        "grid.energy": torch.from_numpy(bundle.energy),
        "golden.points": points,
        "golden.log_flux": _golden_log_flux(bundle, points),
        **{f"weight.{name}": weight for name, weight in bundle.weights.items()},
    }
    write_tensors(path, bundle.card.to_json(), tensors)


def load_galactic_bundle(path: Path) -> GalacticBundle:
    """Read a bundle and check all of it: size, schema, checksum, names, types, shapes, golden values.

    Raises:
        FileError: the file is missing, too large, damaged, foreign, of a newer schema, or this version of
            propmat computes something else with it than the version that wrote it.
    """
    text, tensors = read_tensors(path, GALACTIC_KIND)
    try:
        bundle = _parse(text, tensors)
        computed = _golden_log_flux(bundle, tensors["golden.points"])
        difference = float((computed - tensors["golden.log_flux"]).abs().max())
    except (InputError, ArithmeticError, IndexError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise damaged(path, error) from error
    if not difference <= GOLDEN_TOLERANCE:
        raise FileError(f"{path}: ln J differs by {difference:.3g} from the golden values it carries; do not use it.")
    return bundle


def _parse(text: str, tensors: Mapping[str, Tensor]) -> GalacticBundle:
    """Card, grid and weights of a header text and its tensors."""
    card = GalacticCard.from_json(text)
    for name, kind in _TENSORS.items():
        if tensors[name].dtype != kind:
            raise ValueError(f"{name} must be {kind}")
    prefix = "weight."
    weights = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name not in _TENSORS}
    if {prefix + name for name in weights} != set(tensors) - set(_TENSORS):
        raise ValueError("unknown tensors")
    return GalacticBundle(card, tensors["grid.energy"].numpy(), weights)


def _golden_points(card: GalacticCard) -> Tensor:
    """(point, parameter): two points inside the domain."""
    cube = np.array([[0.5], [0.2]]) * np.ones(len(card.space.names))
    return torch.from_numpy(card.space.from_unit(cube))


def _golden_log_flux(bundle: GalacticBundle, points: Tensor) -> Tensor:
    """(point, species, row) ln J."""
    log_flux: Tensor = bundle.network()(points)
    if not bool(log_flux.isfinite().all()):
        raise InputError("the emulator gives values that are not finite.")
    return log_flux
