from __future__ import annotations

import numpy as np
import pytest
import torch

from propmat.emulator import NetworkConfig
from propmat.emulator.network import ParameterMap, PropMatNetwork, Smoothing, plain_weights, smooth_matrices
from propmat.errors import InputError
from propmat.parameters import HELIOSPHERE

SHAPE = (6, 15)


@pytest.fixture
def network() -> PropMatNetwork:
    torch.manual_seed(3)
    return PropMatNetwork(NetworkConfig(n_basis=5, latent=7, hidden=11), HELIOSPHERE, SHAPE, (1, -1)).double()


def points(number: int) -> torch.Tensor:
    return torch.from_numpy(HELIOSPHERE.sobol(number, seed=1))


def test_rows_are_positive_and_sum_to_one(network: PropMatNetwork) -> None:
    matrix = network(points(16), torch.full((16,), 2.0), -1).exp()
    assert matrix.shape == (16, *SHAPE)
    assert bool((matrix > 0).all())
    torch.testing.assert_close(matrix.sum(dim=-1), torch.ones(16, SHAPE[0], dtype=torch.float64))


def test_drift_sign_and_nucleons_per_charge_matter(network: PropMatNetwork) -> None:
    ones = torch.ones(4)
    reference = network(points(4), ones, 1)
    assert not torch.allclose(reference, network(points(4), ones, -1))
    assert not torch.allclose(reference, network(points(4), 2.0 * ones, 1))
    nearby = network(points(4), ones + 1e-6, 1)
    torch.testing.assert_close(reference, nearby, atol=1e-5, rtol=0)


def test_batch_shape_does_not_matter(network: PropMatNetwork) -> None:
    flat = network(points(8), torch.ones(8), 1)
    nested = network(points(8).reshape(2, 4, 5), torch.ones(2, 4), 1)
    torch.testing.assert_close(nested.reshape(flat.shape), flat)


def test_derivatives_agree_with_finite_differences(network: PropMatNetwork) -> None:
    start = points(3).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: network(x, torch.ones(3), 1), (start,))


def test_parameter_map_takes_the_box_to_minus_one_and_one() -> None:
    mapping = ParameterMap(HELIOSPHERE)
    ends = torch.tensor([[p.low, p.high] for p in HELIOSPHERE.parameters], dtype=torch.float64).T
    torch.testing.assert_close(mapping(ends), torch.tensor([-1.0, 1.0], dtype=torch.float64)[:, None].expand(2, 5))
    middle = ends.clone()
    middle[:, 2] = float(np.sqrt(0.03 * 1.5))
    assert float(mapping(middle)[0, 2]) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    "settings", [{"n_basis": 0}, {"latent": 5000}, {"layers": 2.0}, {"hidden": True}, {"hidden": "64"}]
)
def test_impossible_sizes_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InputError, match=f"emulator.{next(iter(settings))}"):
        NetworkConfig(**settings)  # type: ignore[arg-type]


def test_smoothed_network_equals_its_plain_weights() -> None:
    """Training through the smoothing and inference without it are the same function; sums of a column stay."""
    torch.manual_seed(3)
    config = NetworkConfig(n_basis=4, latent=6, hidden=8)
    trained = PropMatNetwork(config, HELIOSPHERE, SHAPE, (1, -1))
    before = trained.synthesis[0].basis.detach().clone()
    smooth_matrices(trained, 1.0, 2.0)
    assert trained.synthesis[0].basis.diff(dim=-1).std() < 0.5 * before.diff(dim=-1).std()
    plain = PropMatNetwork(config, HELIOSPHERE, SHAPE, (1, -1))
    plain.load_state_dict(plain_weights(trained))
    points = torch.from_numpy(HELIOSPHERE.sobol(8, seed=1))
    ones = torch.ones(8, dtype=torch.float64)
    for sign in (1, -1):
        torch.testing.assert_close(plain(points, ones, sign), trained(points, ones, sign))


def test_smoothing_keeps_constants_and_width_zero_keeps_everything() -> None:
    matrices = torch.randn(3, *SHAPE)
    torch.testing.assert_close(Smoothing(SHAPE, 0.0, 0.0)(matrices), matrices)
    torch.testing.assert_close(Smoothing(SHAPE, 1.5, 3.0)(torch.ones(SHAPE)), torch.ones(SHAPE))
