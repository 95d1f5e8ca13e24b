"""The random numbers: published known answers, and the first moments of the normal deviates."""

from __future__ import annotations

import math

import numpy as np
import pytest

from propmat.heliosphere.kernels.philox import four_normals, philox, uniform

# philox4x32-10 of the Random123 distribution: counter, key, result
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text: str) -> list[np.uint64]:
    return [np.uint64(int(word, 16)) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN_ANSWERS)
def test_known_answers(counter: str, key: str, result: str) -> None:
    assert list(philox(*words(counter), *words(key))) == words(result)


def test_a_uniform_is_never_0_or_1() -> None:
    lowest, highest = (uniform(np.uint64(word)) for word in (0, 0xFFFFFFFF))
    assert lowest == 2.0**-33
    assert highest == 1.0 - 2.0**-33
    assert all(math.isfinite(n) for n in four_normals(*words("00000000 00000000 ffffffff ffffffff")))


def test_the_normals_have_the_moments_and_independence_of_normals() -> None:
    """Mean, variance, third and fourth moment and correlations of 4 x 50,000 deviates within 4.5 sigma."""
    count = 50_000
    zero = np.uint64(0)
    n = np.array(
        [four_normals(*philox(np.uint64(k), np.uint64(k % 7), zero, zero, np.uint64(12), zero)) for k in range(count)]
    )
    for power, expected, variance in ((1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)):
        sigma = math.sqrt(variance / count)
        np.testing.assert_allclose((n**power).mean(axis=0), expected, rtol=0, atol=4.5 * sigma)
    for quantity in (n, n**2):  # the squares see what Box-Muller's shared radius would leave behind
        correlation = np.corrcoef(quantity, rowvar=False) - np.eye(4)
        assert np.abs(correlation).max() < 4.5 / math.sqrt(count)
    assert abs(np.corrcoef(n[:-1, 0], n[1:, 0])[0, 1]) < 4.5 / math.sqrt(count)
