"""The step error of the simulator: halving every length of the step control leaves the flux at Earth alone."""

from __future__ import annotations

import math

import pytest

from propmat.heliosphere import Heliosphere, simulate
from propmat.spectra import proton_lis

PAPER = Heliosphere.preset("paper")
PARAMETERS = {"B0": 5.0, "tilt": 15.0, "K0": 0.15, "a": 0.5, "b": 2.0}
LIS = proton_lis()


def flux(model: Heliosphere, polarity: int, energy: float, particles: int, seed: int) -> tuple[float, float]:
    run = simulate(
        model,
        species="proton",
        polarity=polarity,
        kinetic_energy=energy,
        parameters=PARAMETERS,
        particles=particles,
        seed=seed,
    )
    value, error = run.modulate(LIS)
    return float(value[0]), float(error[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("polarity", "energy", "particles"),
    [
        (1, 0.3, 16_000),
        (1, 1.0, 10_000),
        (1, 3.0, 4_000),
        (1, 10.0, 1_500),
        (-1, 0.3, 25_000),
        (-1, 1.0, 10_000),
        (-1, 3.0, 4_000),
        (-1, 10.0, 1_500),
    ],
)
def test_halving_every_step_length_changes_no_flux_by_two_percent(polarity: int, energy: float, particles: int) -> None:
    """|Delta| + 2 sigma <= 2 %. Half lengths cost four times the steps, so they get half the particles."""
    coarse, coarse_error = flux(PAPER, polarity, energy, 2 * particles, seed=21)
    fine, fine_error = flux(PAPER.replace(step_size=0.5), polarity, energy, particles, seed=22)
    change, sigma = coarse / fine - 1.0, math.hypot(coarse_error / coarse, fine_error / fine)
    print(f"drift sign {polarity:+d}, {energy} GeV: {100.0 * change:+.2f} +- {100.0 * sigma:.2f} %")
    assert abs(change) + 2.0 * sigma < 0.02
