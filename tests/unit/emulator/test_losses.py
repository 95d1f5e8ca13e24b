from __future__ import annotations

import pytest
import torch

from propmat.emulator.losses import PSEUDOCOUNT, get_loss, log_squared, multinomial, smoothed_log_target
from propmat.errors import InputError


def histogram(seed: int = 0, particles: int = 4000) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    probability = torch.softmax(-0.5 * ((torch.arange(30.0) - 12.0) / 4.0) ** 2, dim=0).expand(6, 30)
    drawn = torch.multinomial(probability, particles, replacement=True, generator=generator)
    return torch.stack([torch.bincount(row, minlength=30) for row in drawn]).float().reshape(2, 3, 30)


def test_likelihood_is_best_at_the_observed_frequencies() -> None:
    counts = histogram() + 1.0
    frequencies = counts / counts.sum(dim=-1, keepdim=True)
    best = multinomial(frequencies.log(), counts)
    entropy = -(frequencies * frequencies.log()).sum(dim=-1).mean()
    torch.testing.assert_close(best, entropy)
    generator = torch.Generator().manual_seed(1)
    for _ in range(20):
        other = torch.log_softmax(frequencies.log() + 0.1 * torch.randn(2, 3, 30, generator=generator), dim=-1)
        assert multinomial(other, counts) > best


def test_likelihood_ignores_empty_columns() -> None:
    counts = torch.tensor([[[0.0, 10.0, 0.0]]])
    assert multinomial(torch.tensor([[[-50.0, 0.0, -50.0]]]), counts) == 0.0


def test_squared_logarithms_vanish_only_at_their_target() -> None:
    counts = histogram()
    target = smoothed_log_target(counts)
    assert log_squared(target, counts) == 0.0
    torch.testing.assert_close(log_squared(target + 0.3, counts), torch.tensor(0.09))


def test_target_is_a_smoothed_matrix() -> None:
    counts = torch.zeros(1, 1, 31)
    counts[0, 0, 15] = 1000.0
    matrix = smoothed_log_target(counts).exp()[0, 0]
    torch.testing.assert_close(matrix.sum(), torch.tensor(1.0))
    torch.testing.assert_close(matrix, matrix.flip(0))
    assert int(matrix.argmax()) == 15
    assert float(matrix.min()) == pytest.approx(PSEUDOCOUNT / (1000.0 + 31 * PSEUDOCOUNT), rel=1e-4)


def test_unknown_loss_names_the_nearest() -> None:
    with pytest.raises(InputError, match="multinomial"):
        get_loss("multinomal")
