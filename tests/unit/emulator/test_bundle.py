from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from propmat.emulator import bundle as bundles
from propmat.emulator.bundle import Bundle, Card, load_bundle, save_bundle
from propmat.emulator.network import NetworkConfig
from propmat.errors import FileError, InputError
from propmat.parameters import HELIOSPHERE, ParameterSpace


def contents(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    with safe_open(path, framework="pt") as file:
        names = list(file.keys())
        return json.loads(file.metadata()["propmat"]), {
            name: file.get_tensor(name) for name in names if name != "sha256"
        }


def forge(path: Path, header: dict[str, Any] | str, tensors: dict[str, torch.Tensor]) -> Path:
    """A file with a correct checksum, by someone who knows how it is made."""
    text = header if isinstance(header, str) else json.dumps(header)
    save_file(tensors | {"sha256": bundles._digest(text, tensors)}, path, {"propmat": text})
    return path


def test_what_is_saved_is_loaded(bundle_path: Path, tmp_path: Path) -> None:
    first = load_bundle(bundle_path)
    save_bundle(tmp_path / "again.safetensors", first)
    second = load_bundle(tmp_path / "again.safetensors")
    assert second.card == first.card
    assert np.array_equal(second.grid.toa, first.grid.toa)
    assert np.array_equal(second.grid.lis_edges, first.grid.lis_edges)
    assert all(torch.equal(first.weights[name], second.weights[name]) for name in first.weights)
    assert (tmp_path / "again.safetensors").read_bytes() == bundle_path.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["again.safetensors"]


def test_ranges_of_the_bundle_rule(bundle_path: Path, tmp_path: Path) -> None:
    bundle = load_bundle(bundle_path)
    narrow = ParameterSpace("mine", (replace(HELIOSPHERE["B0"], high=6.0), *HELIOSPHERE.parameters[1:]))
    save_bundle(tmp_path / "narrow.safetensors", replace(bundle, card=replace(bundle.card, space=narrow)))
    assert load_bundle(tmp_path / "narrow.safetensors").card.space == narrow


def test_random_damage_is_a_file_error(bundle_path: Path, tmp_path: Path) -> None:
    original = bundle_path.read_bytes()
    generator = np.random.default_rng(0)
    header_end = 8 + int.from_bytes(original[:8], "little")
    for trial in range(200):
        damaged = bytearray(original)
        end = header_end if trial % 2 else len(original)
        place = int(generator.integers(end))
        damaged[place] ^= int(generator.integers(1, 256))
        path = tmp_path / "damaged.safetensors"
        path.write_bytes(bytes(damaged))
        with pytest.raises(FileError):
            load_bundle(path)


@pytest.mark.parametrize("length", [0, 4, 8, 100, -1, -4096])
def test_truncation_is_a_file_error(bundle_path: Path, tmp_path: Path, length: int) -> None:
    (tmp_path / "short.safetensors").write_bytes(bundle_path.read_bytes()[:length])
    with pytest.raises(FileError, match="short"):
        load_bundle(tmp_path / "short.safetensors")


def test_golden_values_refuse_forged_weights(bundle_path: Path, tmp_path: Path) -> None:
    header, tensors = contents(bundle_path)
    load_bundle(forge(tmp_path / "honest.safetensors", header, tensors))
    name = "weight.synthesis.0.mean"
    tensors[name] = tensors[name].clone()
    tensors[name][3, 5] += 0.01
    with pytest.raises(FileError, match="golden"):
        load_bundle(forge(tmp_path / "forged.safetensors", header, tensors))


def test_a_newer_schema_says_so(bundle_path: Path, tmp_path: Path) -> None:
    header, tensors = contents(bundle_path)
    with pytest.raises(FileError, match="schema 2"):
        load_bundle(forge(tmp_path / "new.safetensors", header | {"schema": 2}, tensors))


def test_a_foreign_file_says_so(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(3)}, tmp_path / "foreign.safetensors")
    with pytest.raises(FileError, match="not an emulator of propmat"):
        load_bundle(tmp_path / "foreign.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(FileError, match="safetensors"):
        load_bundle(tmp_path / "text.safetensors")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.safetensors").open("wb") as file:
        file.truncate(bundles.MAX_BYTES + 1)
    with pytest.raises(FileError, match="more than an emulator can have"):
        load_bundle(tmp_path / "huge.safetensors")


@pytest.mark.parametrize(
    "changes",
    [
        {"extra": 1},
        {"network": {"n_basis": 12, "latent": 16, "hidden": 32, "layers": 3}},
        {"network": {"n_basis": 10**9, "latent": 16, "hidden": 32, "layers": 2}},
        {"network": "large"},
        {"drift_signs": [1]},
        {"drift_signs": [1, 1]},
        {"drift_signs": [[1], 0]},
        {"drift_signs": None},
        {"nucleons_per_charge": [2.0, 1.0]},
        {"nucleons_per_charge": [float("nan"), 1.0]},
        {"nucleons_per_charge": [10**400, 1.0]},
        {"nucleons_per_charge": "x"},
        {"space": {"name": "s", "parameters": []}},
        {"space": {"name": "s", "parameters": [{"name": "B0", "low": "a", "high": 2.0}]}},
        {"space": []},
        {"provenance": 3},
        {"accuracy": [1]},
        {"kind": "galaxy"},
        {"schema": "1"},
        {"schema": True},
    ],
)
def test_headers_that_lie_are_refused(bundle_path: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    header, tensors = contents(bundle_path)
    with pytest.raises(FileError, match="lie"):
        load_bundle(forge(tmp_path / "lie.safetensors", header | changes, tensors))


@pytest.mark.parametrize("text", ["", "[]", "{", '"x"', "null", "[" * 100_000, '{"kind": 1}'])
def test_headers_that_are_no_header(bundle_path: Path, tmp_path: Path, text: str) -> None:
    _, tensors = contents(bundle_path)
    with pytest.raises(FileError, match="not an emulator"):
        load_bundle(forge(tmp_path / "lie.safetensors", text, tensors))


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("grid.toa", torch.zeros(10, dtype=torch.float64)),
        ("grid.toa", torch.ones(10)),
        ("grid.lis_edges", torch.tensor(1.0, dtype=torch.float64)),
        ("golden.points", torch.ones(2, 3, dtype=torch.float64)),
        ("golden.log_matrix", torch.ones(2, 2, 3, 3, dtype=torch.float64)),
        ("golden.log_matrix", torch.zeros(0, dtype=torch.float64)),
        ("weight.synthesis.0.mean", torch.full((10, 40), float("nan"))),
        ("weight.synthesis.0.mean", torch.zeros(10, 40, dtype=torch.float16)),
        ("weight.synthesis.0.mean", torch.zeros(10, 41)),
        ("weight.extra", torch.zeros(3)),
        ("extra", torch.zeros(3)),
        ("weight.synthesis.0.mean", None),
        ("grid.toa", None),
        ("golden.points", None),
    ],
)
def test_tensors_that_do_not_fit_are_refused(
    bundle_path: Path, tmp_path: Path, name: str, tensor: torch.Tensor | None
) -> None:
    header, tensors = contents(bundle_path)
    if tensor is None:
        del tensors[name]
    else:
        tensors[name] = tensor
    with pytest.raises(FileError, match="damaged or no valid emulator"):
        load_bundle(forge(tmp_path / "misfit.safetensors", header, tensors))


def test_an_unwritable_place_is_a_file_error(bundle_path: Path, tmp_path: Path) -> None:
    bundle = load_bundle(bundle_path)
    with pytest.raises(FileError, match="nowhere"):
        save_bundle(tmp_path / "nowhere" / "x.safetensors", bundle)


def test_misfitting_weights_are_not_saved(bundle_path: Path, tmp_path: Path) -> None:
    bundle = load_bundle(bundle_path)
    other = Card(HELIOSPHERE, NetworkConfig(n_basis=3), (1, -1), (1.0, 1.0))
    with pytest.raises(InputError, match="architecture"):
        save_bundle(tmp_path / "x.safetensors", Bundle(other, bundle.grid, bundle.weights))
    assert not list(tmp_path.iterdir())
