from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).parent))

from toy_galaxy import ENERGY, PROTON_FLUX, SPECIES, toy_flux, toy_galactic_config, toy_spectra

import propmat
from propmat.emulator import GalacticEmulator
from propmat.emulator import bundle as bundles
from propmat.emulator.galactic_bundle import load_galactic_bundle, save_galactic_bundle
from propmat.emulator.galactic_columns import Columns, GalacticGrid, Injection
from propmat.emulator.galactic_data import split_by_transport
from propmat.emulator.galactic_metrics import galactic_accuracy
from propmat.emulator.galactic_network import GalacticNetwork, GalacticNetworkConfig
from propmat.emulator.galactic_training import train_on_spectra
from propmat.errors import FileError, InputError
from propmat.galaxy.sources import injection_shape
from propmat.parameters import GALAXY
from propmat.species import rigidity_from_kinetic_energy

GRID = GalacticGrid.within(ENERGY, 0.03, 600.0)
SMALL = GalacticNetworkConfig(n_basis=4, n_amplitude=4, latent=8, hidden=8, layers=1)
POINT = {name: float(value) for name, value in zip(GALAXY.names, GALAXY.from_unit(np.full(10, 0.4)), strict=True)}


@pytest.fixture(scope="module")
def galactic_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    axes, table = toy_spectra(192, seed=1)
    out = tmp_path_factory.mktemp("galaxy")
    return train_on_spectra(
        toy_galactic_config(12, 2), table, axes, GALAXY, out, proton_flux=PROTON_FLUX, progress=False
    )


@pytest.fixture(scope="module")
def emulator(galactic_path: Path) -> GalacticEmulator:
    found = propmat.load(galactic_path)
    assert isinstance(found, GalacticEmulator)
    return found


def network(seed: int = 0) -> GalacticNetwork:
    torch.manual_seed(seed)
    return GalacticNetwork(SMALL, GALAXY, GRID, SPECIES).double()


def test_injection_is_that_of_the_solver() -> None:
    points = GALAXY.sobol(16, seed=3)
    found = Injection(GRID)(torch.from_numpy(points)).numpy()
    for group, species in enumerate(("proton", "carbon12")):
        rigidity, pivot = (rigidity_from_kinetic_energy(energy, species) for energy in (ENERGY, 100.0))
        for point, row in zip(points, found, strict=True):
            values = dict(zip(GALAXY.names, point.tolist(), strict=True))
            expected = injection_shape(rigidity, values) / injection_shape(pivot, values) * (rigidity / pivot) ** 2.35
            assert np.allclose(row[group], expected, rtol=1e-10)


def test_the_reference_injection_leaves_the_amplitude() -> None:
    values = POINT | {"nu1": 2.35, "nu2": 2.35, "nu3": 2.35}
    model, point = network(), torch.from_numpy(GALAXY.stack(values))[None]
    with torch.no_grad():
        coefficients = model.coefficients(point)
        for number, amplitude in enumerate(model.amplitudes):
            expected = amplitude(coefficients[number][:, : SMALL.n_amplitude])[0]
            inner = slice(20, -20)  # near the ends the columns reach energies at which nothing is injected
            assert torch.allclose(model(point)[0, number, inner], expected[inner], atol=0.3)


def test_columns_average() -> None:
    columns, constant = Columns(GRID), torch.ones(1, 2, ENERGY.size, dtype=torch.float64)
    assert torch.allclose(columns.everywhere(constant), torch.ones((), dtype=torch.float64))
    reached = columns.near(constant[:, 0])
    assert float(reached.max()) == pytest.approx(1.0)
    assert torch.allclose(reached[:, :, 13], torch.ones((), dtype=torch.float64))


def test_the_matrix_depends_on_the_transport_only(emulator: GalacticEmulator) -> None:
    other = POINT | {"nu1": 1.7, "nu3": 2.9, "R_br1": 40.0, "R_br2": 300.0}
    for species in SPECIES:
        for injected in ("proton", "nuclei"):
            assert np.array_equal(emulator.green(POINT, injected, species), emulator.green(other, injected, species))


def test_flux_is_the_matrix_times_the_injection(emulator: GalacticEmulator) -> None:
    spectra = emulator.solve(POINT)
    for species in SPECIES:
        total = sum(spectra.green(name, species) @ emulator.injection(POINT, name) for name in ("proton", "nuclei"))
        assert np.allclose(total, spectra.flux(species), rtol=1e-12)
        assert np.all(emulator.green(POINT, "proton", species) >= 0.0)
    assert not np.any(emulator.green(POINT, "nuclei", "proton"))


def test_batches_are_single_points(emulator: GalacticEmulator) -> None:
    points = GALAXY.sobol(6, seed=8).reshape(2, 3, 10)
    batch = emulator.flux(dict(zip(GALAXY.names, np.moveaxis(points, -1, 0), strict=True)), "antiproton")
    assert batch.shape == (2, 3, emulator.kinetic_energy.size)
    single = emulator.solve(dict(zip(GALAXY.names, points[1, 2], strict=True)))
    assert np.allclose(single.flux("antiproton"), batch[1, 2], rtol=1e-12)
    assert np.array_equal(single.kinetic_energy, emulator.kinetic_energy)


def test_training_learns(emulator: GalacticEmulator) -> None:
    points = GALAXY.sobol(32, seed=77)
    truth = toy_flux(points)[:, :, emulator.grid.first : emulator.grid.last + 1]
    with torch.no_grad():
        predicted = emulator.log_flux(torch.from_numpy(points)).exp().numpy()
    spread = np.std(np.log(truth), axis=0).mean()
    assert np.sqrt(np.mean(np.log(predicted / truth) ** 2)) < 0.3 * spread


def test_derivatives(emulator: GalacticEmulator) -> None:
    point = torch.from_numpy(GALAXY.stack(POINT))[None].requires_grad_()
    total = emulator.log_flux(point).sum()
    (gradient,) = torch.autograd.grad(total, point)
    for index in range(10):
        step = 1e-6 * float(point.detach()[0, index].abs() + 0.1)
        shift = torch.zeros_like(point).index_fill_(1, torch.tensor(index), step)
        with torch.no_grad():
            numeric = (emulator.log_flux(point + shift) - emulator.log_flux(point - shift)).sum() / (2.0 * step)
        assert float(gradient[0, index]) == pytest.approx(float(numeric), rel=1e-4, abs=1e-4)


def test_wrong_input_is_refused(emulator: GalacticEmulator) -> None:
    with pytest.raises(InputError, match="v_A"):
        emulator.solve(POINT | {"v_A": 90.0})
    assert np.all(emulator.solve(POINT | {"v_A": 90.0}, extrapolate=True).flux("proton") > 0.0)
    with pytest.raises(InputError, match="D0"):
        emulator.solve(POINT | {"D0": -1.0}, extrapolate=True)
    with pytest.raises(InputError, match="one parameter point"):
        emulator.solve(POINT | {"eta": np.zeros(2)})
    with pytest.raises(InputError, match="helium4"):
        emulator.flux(POINT, "helium5")
    with pytest.raises(InputError, match="nuclei"):
        emulator.green(POINT, "nucleus", "proton")


def test_what_is_saved_is_loaded(galactic_path: Path, tmp_path: Path) -> None:
    first = load_galactic_bundle(galactic_path)
    save_galactic_bundle(tmp_path / "again.safetensors", first)
    assert (tmp_path / "again.safetensors").read_bytes() == galactic_path.read_bytes()
    assert load_galactic_bundle(tmp_path / "again.safetensors").card == first.card


def test_random_damage_is_a_file_error(galactic_path: Path, tmp_path: Path) -> None:
    original = galactic_path.read_bytes()
    generator = np.random.default_rng(0)
    header_end = 8 + int.from_bytes(original[:8], "little")
    for trial in range(100):
        damaged = bytearray(original)
        place = int(generator.integers(header_end if trial % 2 else len(original)))
        damaged[place] ^= int(generator.integers(1, 256))
        (tmp_path / "damaged.safetensors").write_bytes(bytes(damaged))
        with pytest.raises(FileError):
            propmat.load(tmp_path / "damaged.safetensors")


@pytest.mark.parametrize(
    "changes",
    [
        {"extra": 1},
        {"network": {"n_basis": 10**9}},
        {"species": ["proton"]},
        {"species": "proton"},
        {"species": ["electron"]},
        {"species": [1]},
        {"rows": [0, 10**9]},
        {"rows": [0.5, 100]},
        {"rows": 3},
        {"proton_flux": -1.0},
        {"space": {"name": "s", "parameters": []}},
        {"provenance": 3},
        {"schema": 2},
        {"kind": "propmat heliosphere emulator"},
    ],
)
def test_headers_that_lie_are_refused(galactic_path: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    with safe_open(galactic_path, framework="pt") as file:
        header = json.loads(file.metadata()["propmat"]) | changes
        tensors = {name: file.get_tensor(name) for name in file.keys() if name != "sha256"}  # noqa: SIM118
    text, path = json.dumps(header), tmp_path / "lie.safetensors"
    save_file(tensors | {"sha256": bundles._digest(text, tensors)}, path, {"propmat": text})
    with pytest.raises(FileError, match="lie"):
        propmat.load(path)


def test_golden_values_refuse_forged_weights(galactic_path: Path, tmp_path: Path) -> None:
    with safe_open(galactic_path, framework="pt") as file:
        text = file.metadata()["propmat"]
        tensors = {name: file.get_tensor(name) for name in file.keys() if name != "sha256"}  # noqa: SIM118
    tensors["weight.amplitudes.0.mean"] = tensors["weight.amplitudes.0.mean"] + 0.01
    path = tmp_path / "forged.safetensors"
    save_file(tensors | {"sha256": bundles._digest(text, tensors)}, path, {"propmat": text})
    with pytest.raises(FileError, match="golden"):
        propmat.load(path)


def test_same_seed_same_weights_and_no_other_run_is_resumed(tmp_path: Path) -> None:
    axes, table = toy_spectra(48, seed=2)

    def run(out: Path, epochs: int) -> Path:
        out.mkdir()
        return train_on_spectra(
            toy_galactic_config(epochs, 1), table, axes, GALAXY, out, proton_flux=PROTON_FLUX, progress=False
        )

    first, second = run(tmp_path / "a", 3), run(tmp_path / "b", 3)
    assert first.read_bytes() == second.read_bytes()
    with pytest.raises(InputError, match="another configuration"):
        train_on_spectra(
            toy_galactic_config(4, 1),
            table,
            axes,
            GALAXY,
            tmp_path / "a",
            proton_flux=PROTON_FLUX,
            resume=True,
            progress=False,
        )


def test_the_split_keeps_transports_together() -> None:
    _, table = toy_spectra(16, seed=4)
    doubled = type(table).concatenate([table, table.select(slice(0, 16))])
    doubled.parameters[16:, :5] = doubled.parameters[:16, :5][::-1]
    training, validation = split_by_transport(doubled, 0.25, 0)
    assert (len(training), len(validation)) == (24, 8)
    sides = [{tuple(row) for row in part.parameters[:, 5:]} for part in (training, validation)]
    assert not sides[0] & sides[1]


def test_accuracy_of_a_known_error() -> None:
    names, truth = ("boron10", "boron11", "carbon12", "carbon13"), np.ones((3, 4, 50))
    predicted = truth * np.array([1.02, 1.02, 1.01, 1.01])[:, None]
    found = galactic_accuracy(names, np.geomspace(0.05, 300.0, 50), predicted, truth)
    ratio = [band for band in found.bands if band.quantity == "B/C"]
    assert len(ratio) == 3
    assert all(band.percentile_99 == pytest.approx(1.02 / 1.01 - 1.0) for band in ratio)
    assert "B/C" in found.table()
