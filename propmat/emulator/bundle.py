"""An emulator as one ``.safetensors`` file: weights, grid, golden values, and a JSON header that describes them.

The header's one text, ``propmat``, is the JSON of a :class:`Card` with kind and schema version; the tensor ``sha256``
is the checksum of that text and all other tensors. Nothing in the file is executed, and nothing but the schema is
believed before the checksum agrees.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from propmat.emulator.network import NetworkConfig, PropMatNetwork
from propmat.errors import FileError, InputError
from propmat.parameters import Parameter, ParameterSpace
from propmat.samples.files import write_atomic
from propmat.transfer import TransferGrid

SCHEMA: Final = 1
"""Version of the layout; a file with a higher one is refused."""
KIND: Final = "propmat heliosphere emulator"
MAX_BYTES: Final = 64 * 1024**2
"""Largest file that is read."""
GOLDEN_TOLERANCE: Final = 1e-6
"""Largest difference of ln M from the golden values: far above rounding on another machine."""


@dataclass(frozen=True)
class Card:
    """What an emulator is.

    Attributes:
        space: parameters with their trained ranges.
        network: size of the network.
        drift_signs: trained drift signs.
        nucleons_per_charge: lowest and highest trained A/|Z|.
        provenance: JSON: sample store and its hash, training configuration, package versions.
        accuracy: JSON of :class:`propmat.emulator.metrics.Accuracy` on the validation points, which no gradient saw but
            which chose the epoch; may be empty.
    """

    space: ParameterSpace
    network: NetworkConfig
    drift_signs: tuple[int, ...]
    nucleons_per_charge: tuple[float, float]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    accuracy: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if sorted(self.drift_signs) not in ([-1], [1], [-1, 1]):
            raise InputError(f"drift signs {self.drift_signs} must be +1, -1 or both.")
        low, high = self.nucleons_per_charge
        if not 0 < low <= high < np.inf:
            raise InputError(f"A/|Z| range {self.nucleons_per_charge} must be positive and ordered.")
        if not self.space.parameters:
            raise InputError(f"space {self.space.name!r} has no parameters.")
        for parameter in self.space.parameters:
            lowest = 0.0 if parameter.logarithmic else -np.inf
            if not lowest < parameter.low < parameter.high < np.inf:
                raise InputError(f"range [{parameter.low}, {parameter.high}] of {parameter.name} is impossible.")

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    def to_json(self) -> str:
        """Text of the header."""
        return json.dumps({"kind": KIND, "schema": SCHEMA, **self.as_dict()}, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Card:
        """The inverse of :meth:`to_json` (ValueError, KeyError or TypeError if it is not one)."""
        values = json.loads(text)
        if set(values) != {"kind", "schema", *cls.__dataclass_fields__}:
            raise ValueError(f"header keys {sorted(values)}")
        space = values["space"]
        if not isinstance(values["provenance"], dict) or not isinstance(values["accuracy"], dict):
            raise TypeError("provenance and accuracy must be objects")
        low, high = values["nucleons_per_charge"]
        return cls(
            ParameterSpace(str(space["name"]), tuple(Parameter(**parameter) for parameter in space["parameters"])),
            NetworkConfig(**values["network"]),
            tuple(values["drift_signs"]),
            (float(low), float(high)),
            values["provenance"],
            values["accuracy"],
        )


@dataclass(frozen=True, eq=False)
class Bundle:
    """Contents of a bundle.

    Attributes:
        card: the header.
        grid: rows and columns.
        weights: float32 tensors of the network by name.
    """

    card: Card
    grid: TransferGrid
    weights: Mapping[str, Tensor]

    def network(self) -> PropMatNetwork:
        """The network with these weights, in float64 and without gradients of the weights.

        Raises:
            InputError: weights that do not fit the architecture.
        """
        with torch.device("meta"):
            expected = PropMatNetwork(self.card.network, self.card.space, self.grid.shape, self.card.drift_signs)
        shapes = {name: tuple(weight.shape) for name, weight in expected.state_dict().items()}
        if shapes != {name: tuple(weight.shape) for name, weight in self.weights.items()}:
            raise InputError("the weights do not fit the architecture of the header.")
        if not all(weight.dtype == torch.float32 and bool(weight.isfinite().all()) for weight in self.weights.values()):
            raise InputError("the weights must be finite float32.")
        with torch.random.fork_rng(devices=[]):
            network = PropMatNetwork(self.card.network, self.card.space, self.grid.shape, self.card.drift_signs)
        network.load_state_dict(dict(self.weights))
        return network.double().eval().requires_grad_(False)


def save_bundle(path: Path, bundle: Bundle) -> None:
    """Write a bundle atomically: under a temporary name, fsynced, renamed.

    Raises:
        FileError: the folder cannot be written.
        InputError: weights that do not fit the architecture, or golden values that are not finite.
    """
    golden = _golden_points(bundle.card)
    tensors = {
        "grid.toa": torch.tensor(bundle.grid.toa),
        "grid.lis_edges": torch.tensor(bundle.grid.lis_edges),
        "golden.points": golden,
        "golden.log_matrix": _golden_log_matrix(bundle, golden),
        **{f"weight.{name}": weight for name, weight in bundle.weights.items()},
    }
    write_tensors(path, bundle.card.to_json(), tensors)


def load_bundle(path: Path) -> Bundle:
    """Read a bundle and check all of it: size, schema, checksum, names, types, shapes, golden values.

    Raises:
        FileError: the file is missing, too large, damaged, foreign, of a newer schema, or this version of
            propmat computes something else with it than the version that wrote it.
    """
    text, tensors = read_tensors(path, KIND)
    try:
        bundle = _parse(text, tensors)
        computed = _golden_log_matrix(bundle, tensors["golden.points"])
        difference = float((computed - tensors["golden.log_matrix"]).abs().max())
    except (InputError, ArithmeticError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise damaged(path, error) from error
    if not difference <= GOLDEN_TOLERANCE:
        raise FileError(f"{path}: ln M differs by {difference:.3g} from the golden values it carries; do not use it.")
    return bundle


def read_kind(path: Path) -> str:
    """The kind of emulator that a bundle says it holds; empty if it is no readable bundle."""
    try:
        with safe_open(path, framework="pt") as file:
            return str(json.loads((file.metadata() or {})["propmat"])["kind"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, RecursionError):
        return ""


def read_tensors(path: Path, kind: str) -> tuple[str, dict[str, Tensor]]:
    """Header text and tensors of a bundle, checked for size, kind, schema and checksum.

    Args:
        path: the file.
        kind: of emulator that is expected.

    Raises:
        FileError: the file is missing, too large, damaged, foreign, or of a newer schema.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise FileError(f"{path}: {size} bytes are more than an emulator can have ({MAX_BYTES}).")
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError, UnicodeDecodeError) as error:
        raise FileError(f"{path} cannot be read as a safetensors file: {error}") from error
    text = metadata.get("propmat", "")
    _check_kind(path, text, kind)
    try:
        if set(metadata) != {"propmat"} or not torch.equal(tensors.pop("sha256"), _digest(text, tensors)):
            raise ValueError("its content does not match its checksum")
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise damaged(path, error) from error
    return text, tensors


def write_tensors(path: Path, text: str, tensors: Mapping[str, Tensor]) -> None:
    """Write header text and tensors with their checksum, atomically (FileError: the folder cannot be written)."""
    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomic(path, save(kept | {"sha256": _digest(text, kept)}, {"propmat": text}))


def damaged(path: Path, error: Exception) -> FileError:
    """What to say of a bundle whose content contradicts itself."""
    return FileError(f"{path} is damaged or no valid emulator: {error}. Get or train it again.")


def _check_kind(path: Path, text: str, expected: str) -> None:
    """Refuse files of other programs and of a newer schema, before anything else is read from the header."""
    try:
        values = json.loads(text)
        kind, schema = values["kind"], values["schema"]
    except (ValueError, KeyError, TypeError, RecursionError):
        kind, schema = None, None
    if kind != expected or type(schema) is not int:
        raise FileError(f"{path} is a safetensors file, but not an emulator of propmat.")
    if schema != SCHEMA:
        raise FileError(f"{path} has schema {schema}; this version of propmat reads {SCHEMA}.")


def _parse(text: str, tensors: Mapping[str, Tensor]) -> Bundle:
    """Card, grid and weights of a header text and its tensors."""
    card = Card.from_json(text)
    toa, edges = tensors["grid.toa"], tensors["grid.lis_edges"]
    if {toa.dtype, edges.dtype, tensors["golden.points"].dtype, tensors["golden.log_matrix"].dtype} != {torch.float64}:
        raise ValueError("grid and golden values must be float64")
    prefix = "weight."
    others = {"grid.toa", "grid.lis_edges", "golden.points", "golden.log_matrix"}
    weights = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name not in others}
    if {prefix + name for name in weights} != set(tensors) - others:
        raise ValueError("unknown tensors")
    return Bundle(card, TransferGrid(toa.numpy(), edges.numpy()), weights)


def _golden_points(card: Card) -> Tensor:
    """(point, parameter): two points inside the domain."""
    cube = np.array([[0.5], [0.2]]) * np.ones(len(card.space.names))
    return torch.from_numpy(card.space.from_unit(cube))


def _golden_log_matrix(bundle: Bundle, points: Tensor) -> Tensor:
    """(drift sign, point, toa, lis) ln M at the middle of the trained A/|Z|."""
    network = bundle.network()
    ratio = torch.full(points.shape[:-1], float(np.mean(bundle.card.nucleons_per_charge)), dtype=torch.float64)
    log_matrix = torch.stack([network(points, ratio, sign) for sign in bundle.card.drift_signs])
    if not bool(log_matrix.isfinite().all()):
        raise InputError("the emulator gives values that are not finite.")
    return log_matrix


def _digest(text: str, tensors: Mapping[str, Tensor]) -> Tensor:
    """(32,) bytes of the sha256 over the header text and the name, type, shape and bytes of every tensor."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return torch.tensor(list(digest.digest()), dtype=torch.uint8)
