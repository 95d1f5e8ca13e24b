from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from propmat.emulator.network import NetworkConfig, PropMatNetwork, smooth_matrices
from propmat.emulator.particle_data import ParticleData
from propmat.emulator.particle_likelihood import interpolation, log_probability
from propmat.parameters import HELIOSPHERE

ROWS, COLUMNS = 6, 9


def network(smoothing: float = 0.0) -> PropMatNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        made = PropMatNetwork(NetworkConfig(3, 4, 5, 1), HELIOSPHERE, (ROWS, COLUMNS), (1, -1))
        with torch.no_grad():
            for weight in made.synthesis.parameters():
                weight.normal_()
    smooth_matrices(made, smoothing, smoothing)
    return made.double()


def particles(row: Tensor, seed: int = 0) -> ParticleData:
    generator = np.random.default_rng(seed)
    number = len(row)
    return ParticleData(
        torch.from_numpy(HELIOSPHERE.sobol(number, seed=seed)),
        torch.ones(number, dtype=torch.float64),
        torch.from_numpy(generator.choice([1, -1], number).astype(np.int8)),
        row,
        torch.from_numpy(generator.integers(0, COLUMNS, number).astype(np.int16)),
    )


def matrices(made: PropMatNetwork, data: ParticleData) -> Tensor:
    """(n, toa, lis) ln M of each particle's own point and sign."""
    each = [made(data.points[i], data.nucleons_per_charge[i], int(data.drift_sign[i])) for i in range(len(data))]
    return torch.stack(each)


@pytest.mark.parametrize("smoothing", [0.0, 1.0])
def test_at_a_row_it_is_the_row_of_the_matrix(smoothing: float) -> None:
    made = network(smoothing)
    data = particles(torch.arange(ROWS, dtype=torch.float64).repeat(7))
    found = log_probability(made, data)
    index = torch.arange(len(data))
    expected = matrices(made, data)[index, data.row.long(), data.column.long()]
    assert torch.allclose(found, expected, rtol=0.0, atol=1e-12)


def test_anywhere_the_columns_are_a_distribution() -> None:
    made = network()
    one = particles(torch.linspace(0.0, ROWS - 1.0, 23, dtype=torch.float64))
    total = torch.zeros(len(one), dtype=torch.float64)
    for column in range(COLUMNS):
        fixed = ParticleData(**(vars(one) | {"column": torch.full_like(one.column, column)}))
        total += log_probability(made, fixed).exp()
    assert torch.allclose(total, torch.ones_like(total), rtol=0.0, atol=1e-12)


def test_it_does_not_depend_on_the_company() -> None:
    made = network()
    data = particles(torch.rand(40, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * (ROWS - 1))
    alone = torch.cat([log_probability(made, data[torch.tensor([i])]) for i in range(len(data))])
    assert torch.allclose(log_probability(made, data), alone, rtol=0.0, atol=1e-12)
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(2))
    assert torch.allclose(log_probability(made, data[order]), alone[order], rtol=0.0, atol=1e-12)


def test_a_cubic_is_interpolated_exactly() -> None:
    rows = torch.arange(9, dtype=torch.float64)
    row = torch.linspace(0.0, 8.0, 41, dtype=torch.float64)
    first, weights = interpolation(row, 9)
    assert torch.all((first >= 0) & (first <= 5))
    for power in range(4):
        values = (rows**power)[first[:, None] + torch.arange(4)]
        assert torch.allclose((weights * values).sum(dim=1), row**power, rtol=1e-12, atol=1e-12)


def test_between_rows_a_moving_gaussian_keeps_its_width() -> None:
    """What the interpolation of ln M is for: that of M itself would widen it by a quarter of the squared step."""
    column = torch.arange(60, dtype=torch.float64)
    step, width, columns = 4.0, 3.0, 60
    made = PropMatNetwork(NetworkConfig(1, 1, 1, 1), HELIOSPHERE, (ROWS, columns), (1, -1)).double()
    centre = 20.0 + step * torch.arange(ROWS, dtype=torch.float64)
    with torch.no_grad():
        for synthesis in made.synthesis:
            synthesis.basis.zero_()
            synthesis.mean.copy_(-0.5 * ((column - centre[:, None]) / width) ** 2)
    one = particles(torch.full((columns,), 2.5, dtype=torch.float64))
    with torch.no_grad():
        probability = log_probability(made, ParticleData(**(vars(one) | {"column": column.short()}))).exp()
    mean = torch.sum(probability * column)
    assert float(mean) == pytest.approx(30.0, abs=1e-6)
    assert float(torch.sum(probability * (column - mean) ** 2)) == pytest.approx(width**2, rel=1e-3)


def test_its_derivative_reaches_all_weights() -> None:
    made = network()
    data = particles(torch.rand(200, dtype=torch.float64, generator=torch.Generator().manual_seed(4)) * (ROWS - 1))
    (-log_probability(made, data).mean()).backward()
    for name, weight in made.named_parameters():
        assert weight.grad is not None and bool(weight.grad.abs().sum() > 0), name
