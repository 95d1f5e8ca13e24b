"""Predicted bin fluxes agree with folding and integrating by hand, and with autograd's derivatives."""

import numpy as np
import pytest
import torch
from fit_toy_emulator import ToyEmulator

from propmat.errors import InputError
from propmat.fit.lis import FixedLis, LisModel
from propmat.fit.observations import Conditions
from propmat.fit.prediction import FluxModel
from propmat.species import get_species
from propmat.spectra import proton_lis, rigidity_bin_average
from propmat.transfer import fold

EDGES = np.array([1.0, 1.92, 2.97, 5.9, 16.6, 41.9])
CONDITIONS = Conditions(np.array([4.5, 6.0, 5.0]), np.array([10.0, 40.0, 20.0]), (1, -1, 1))
MODULATION = torch.tensor([[0.2, 0.5, 1.5], [0.1, 0.2, 0.9], [0.4, 0.9, 2.5]], dtype=torch.float64)
VALUES = torch.tensor([0.02, -0.1, 0.05, 0.1, -0.2, 0.1], dtype=torch.float64)


@pytest.fixture(scope="module")
def model() -> FluxModel:
    return FluxModel(ToyEmulator(), CONDITIONS, EDGES, "proton", LisModel(proton_lis(), 1.0))


def test_flux_equals_folding_and_averaging_by_hand(model: FluxModel) -> None:
    emulator, lis = ToyEmulator(), LisModel(proton_lis(), 1.0).spectrum(VALUES.numpy())
    predicted = model.flux(MODULATION, VALUES).numpy()
    for i, polarity in enumerate(CONDITIONS.polarity):
        point = torch.cat([torch.tensor([CONDITIONS.B0[i], CONDITIONS.tilt[i]]), MODULATION[i]])
        matrix = emulator.log_matrix(point, 1.0, polarity).exp().numpy()
        rows = np.log(fold(matrix, emulator.grid, lis, get_species("proton")))

        def spectrum(energy: np.ndarray, rows: np.ndarray = rows) -> np.ndarray:
            return np.exp(emulator.row_interpolation(energy.ravel()) @ rows).reshape(energy.shape)

        assert np.allclose(predicted[i], rigidity_bin_average(spectrum, EDGES, "proton"), rtol=1e-12)


def test_batch_equals_one_by_one(model: FluxModel) -> None:
    generator = torch.Generator().manual_seed(1)
    scale = 0.9 + 0.2 * torch.rand(2, 4, 1, 1, generator=generator, dtype=torch.float64)
    values = VALUES * scale[..., 0]
    batch = model.flux(MODULATION * scale, values)
    assert batch.shape == (2, 4, 3, EDGES.size - 1)
    assert torch.allclose(batch[1, 2], model.flux(MODULATION * scale[1, 2], values[1, 2]), rtol=1e-13)


def test_opposite_charge_at_opposite_polarity_is_the_same_law() -> None:
    lis = FixedLis(proton_lis())
    flipped = Conditions(CONDITIONS.B0, CONDITIONS.tilt, tuple(-polarity for polarity in CONDITIONS.polarity))
    none = torch.zeros(0, dtype=torch.float64)
    protons = FluxModel(ToyEmulator(), CONDITIONS, EDGES, "proton", lis).flux(MODULATION, none)
    antiprotons = FluxModel(ToyEmulator(), flipped, EDGES, "antiproton", lis).flux(MODULATION, none)
    assert torch.equal(protons, antiprotons)


def test_derivatives_agree_with_finite_differences(model: FluxModel) -> None:
    inputs = (MODULATION.clone().requires_grad_(), VALUES.clone().requires_grad_())
    assert torch.autograd.gradcheck(lambda m, v: model.flux(m, v).log(), inputs)


def test_untrained_channel_is_an_error() -> None:
    with pytest.raises(InputError, match="not trained"):
        FluxModel(ToyEmulator(), CONDITIONS, EDGES, "helium4", FixedLis(proton_lis()))
