from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import propmat
from propmat.emulator import Emulator, load
from propmat.errors import FileError, InputError
from propmat.species import get_species
from propmat.spectra import BrokenPowerLaw, proton_lis
from propmat.transfer import fold

POINT = {"B0": 5.0, "tilt": 15.0, "K0": 0.15, "a": 0.5, "b": 2.0}


def test_rows_of_a_matrix_sum_to_one(emulator: Emulator) -> None:
    matrix = emulator.matrix(POINT, species="proton", polarity=1)
    assert matrix.shape == emulator.grid.shape
    assert matrix.dtype == np.float64
    assert np.all(matrix > 0)
    np.testing.assert_allclose(matrix.sum(axis=-1), 1.0, rtol=1e-12)


def test_arrays_broadcast_and_agree_with_scalars(emulator: Emulator) -> None:
    batch = emulator.matrix(
        POINT | {"K0": np.array([0.1, 0.2, 0.3]), "tilt": np.array([[5.0], [40.0]])}, species="proton", polarity=-1
    )
    assert batch.shape == (2, 3, *emulator.grid.shape)
    single = emulator.matrix(POINT | {"K0": 0.3, "tilt": 40.0}, species="proton", polarity=-1)
    np.testing.assert_allclose(batch[1, 2], single, rtol=1e-10)


def test_only_the_drift_sign_tells_proton_from_antiproton(emulator: Emulator) -> None:
    proton, antiproton, other = (
        emulator.matrix(POINT, species=species, polarity=polarity)
        for species, polarity in (("proton", 1), ("antiproton", -1), ("antiproton", 1))
    )
    np.testing.assert_array_equal(proton, antiproton)
    assert not np.allclose(proton, other)


def test_flux_at_the_rows_is_the_folded_matrix(emulator: Emulator) -> None:
    matrix = emulator.matrix(POINT, species="proton", polarity=1)
    folded = fold(matrix, emulator.grid, proton_lis(), get_species("proton"))
    flux = emulator.flux(POINT, proton_lis(), species="proton", polarity=1, kinetic_energy=emulator.grid.toa)
    np.testing.assert_allclose(flux, folded, rtol=1e-12)


def test_flux_shapes(emulator: Emulator) -> None:
    many = POINT | {"K0": np.array([0.1, 0.2, 0.3])}
    settings = {"species": "proton", "polarity": 1}
    assert emulator.flux(many, proton_lis(), kinetic_energy=[1.0, 2.0], **settings).shape == (3, 2)  # type: ignore[arg-type]
    assert emulator.flux(many, proton_lis(), kinetic_energy=1.0, **settings).shape == (3,)  # type: ignore[arg-type]
    assert emulator.flux(POINT, proton_lis(), kinetic_energy=1.0, **settings).shape == ()  # type: ignore[arg-type]


def test_flux_is_linear_in_the_spectrum(emulator: Emulator) -> None:
    lis = BrokenPowerLaw(get_species("proton"), 1.0, (2.7,))
    double = BrokenPowerLaw(get_species("proton"), 2.0, (2.7,))
    one, two = (
        emulator.flux(POINT, spectrum, species="proton", polarity=1, kinetic_energy=[0.3, 3.3, 33.0])
        for spectrum in (lis, double)
    )
    np.testing.assert_allclose(two, 2.0 * one, rtol=1e-12)


def test_interpolation_between_rows_is_exact_for_power_laws(emulator: Emulator) -> None:
    rows = emulator.grid.toa
    energy = np.concatenate([np.geomspace(rows[0], rows[-1], 57)[1:-1], rows])
    operator = emulator.row_interpolation(energy)
    assert operator.shape == (energy.size, rows.size)
    for index in (-3.0, 0.0, 1.7):
        np.testing.assert_allclose(np.exp(operator @ np.log(rows**index)), energy**index, rtol=1e-10)


def test_derivatives_agree_with_finite_differences(emulator: Emulator) -> None:
    start = torch.from_numpy(emulator.parameters.stack(POINT))
    weight = torch.from_numpy(emulator.grid.phase_space_lis(proton_lis(), get_species("proton")))

    def log_flux(point: torch.Tensor) -> torch.Tensor:
        return (emulator.log_matrix(point, 1.0, 1).exp() * weight).sum(dim=-1).log()

    jacobian = torch.func.jacrev(log_flux)(start)
    for index in range(5):
        step = torch.zeros(5, dtype=torch.float64)
        step[index] = 1e-5 * start[index]
        slope = (log_flux(start + step) - log_flux(start - step)) / (2 * step[index])
        torch.testing.assert_close(jacobian[:, index], slope, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"B0": 20.0}, r"B0 = 20.* nT is outside .*\[3, 9\]"),
        ({"K0": float("nan")}, "K0 is NaN"),
        ({"a": 0.9, "b": 0.5}, "b = 0.5 must be at least a = 0.9"),
        ({"tlit": 3.0}, "'tilt'"),
    ],
)
def test_bad_parameters_are_named(emulator: Emulator, changes: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        emulator.matrix(POINT | changes, species="proton", polarity=1)


@pytest.mark.parametrize(
    ("species", "polarity", "message"),
    [
        ("protn", 1, "'proton'"),
        ("electron", 1, "lepton"),
        ("helium4", 1, r"A/\|Z\| = 2 is outside"),
        ("proton", 0, "polarity = 0"),
    ],
)
def test_bad_channels_are_named(emulator: Emulator, species: str, polarity: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        emulator.matrix(POINT, species=species, polarity=polarity, extrapolate=True)


def test_extrapolation_is_explicit_and_never_silent_about_nonsense(emulator: Emulator) -> None:
    matrix = emulator.matrix(POINT | {"B0": 9.5}, species="proton", polarity=1, extrapolate=True)
    np.testing.assert_allclose(matrix.sum(axis=-1), 1.0)
    for name, value in (("K0", float("nan")), ("K0", 0.0), ("K0", -1.0), ("tilt", float("inf"))):
        with pytest.raises(InputError, match=name):
            emulator.matrix(POINT | {name: value}, species="proton", polarity=1, extrapolate=True)


@pytest.mark.parametrize("energy", [0.01, 100.0, float("nan"), -1.0])
def test_energies_outside_the_rows(emulator: Emulator, energy: float) -> None:
    with pytest.raises(InputError, match="kinetic_energy"):
        emulator.flux(POINT, proton_lis(), species="proton", polarity=1, kinetic_energy=[1.0, energy])


def test_load_by_path_and_by_name(bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert propmat.load(bundle_path).card == load(str(bundle_path)).card
    (tmp_path / "emulators").mkdir()
    (tmp_path / "emulators" / "toy.safetensors").write_bytes(bundle_path.read_bytes())
    monkeypatch.setattr("propmat.emulator.inference.datasets_dir", lambda: tmp_path)
    assert load("toy").card == load(bundle_path).card
    with pytest.raises(InputError, match="'toy'"):
        load("toyy")
    with pytest.raises(FileError, match="missing"):
        load(tmp_path / "missing.safetensors")
    with pytest.raises(FileError, match="emulators"):
        load(tmp_path / "emulators")
