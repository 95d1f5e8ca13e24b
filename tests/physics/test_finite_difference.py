"""The finite-difference solution against exact solutions, limits, and its own refinement."""

from __future__ import annotations

import numpy as np
import pytest

from propmat.constants import AU_PER_DAY_IN_M_S
from propmat.errors import InputError
from propmat.heliosphere import finite_difference
from propmat.heliosphere.finite_difference import (
    constant_wind,
    power_law_diffusion,
    shocked_wind,
    solve_spherical,
)
from propmat.species import FloatArray, momentum_from_kinetic_energy
from propmat.spectra import proton_lis

LIS = proton_lis()
ENERGY = np.array([0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0])
SPEED = 400e3 / AU_PER_DAY_IN_M_S
WINDS = {"constant": constant_wind(400.0), "shock": shocked_wind(400.0)}
CASES = [("constant", 0.3, 1.0), ("constant", 0.1, 1.0), ("constant", 0.05, 0.5), ("shock", 0.1, 1.0)]


def momentum(energy: FloatArray) -> FloatArray:
    return momentum_from_kinetic_energy(energy, "proton")


def heliosphere_flux(wind: str, normalisation: float, slope: float, n_radius: int, n_momentum: int) -> FloatArray:
    solution = solve_spherical(
        LIS,
        "proton",
        wind=WINDS[wind],
        diffusion=power_law_diffusion(normalisation, slope, "proton"),
        n_radius=n_radius,
        n_momentum=n_momentum,
    )
    return solution.flux(ENERGY)


# Limits and invariants


@pytest.mark.parametrize("wind", WINDS)
def test_a_flat_phase_space_density_stays_flat(wind: str) -> None:
    solution = solve_spherical(
        lambda energy: momentum(np.asarray(energy)) ** 2,
        "proton",
        wind=WINDS[wind],
        diffusion=power_law_diffusion(0.1, 1.0, "proton"),
        n_radius=51,
        n_momentum=101,
    )
    np.testing.assert_allclose(solution.phase_space, 1.0, rtol=1e-9)


def test_without_wind_the_flux_is_the_lis_at_every_radius() -> None:
    solution = solve_spherical(
        LIS, "proton", wind=constant_wind(0.0), diffusion=power_law_diffusion(0.1, 1.0, "proton"), n_momentum=201
    )
    lis = LIS(solution.kinetic_energy) / momentum(solution.kinetic_energy) ** 2
    np.testing.assert_allclose(solution.phase_space, np.repeat(lis[:, None], 201, axis=1), rtol=1e-9)


@pytest.mark.parametrize("wind", WINDS)
def test_weak_modulation_is_the_convection_diffusion_limit(wind: str) -> None:
    """To first order in V/kappa, f = f_LIS (1 - q M), M = int_1^r_outer V/(3 kappa) dr, q = -d ln f_LIS / d ln p.

    Put f_LIS into the loss term: r^2 kappa f1' = q f_LIS (r^2 V - r_inner^2 V_inner)/3. What is left is of second
    order, so that it falls by 4 when kappa doubles; at strong diffusion or high energy the LIS comes back.
    """
    energy = np.array([0.3, 1.0, 3.0])
    radius = np.linspace(1.0, 122.0, 200_001)
    speed, inner = WINDS[wind](radius), WINDS[wind](np.array([0.01]))[0]
    path = np.trapezoid((speed - inner * (0.01 / radius) ** 2) / 3.0, radius)
    low, high = np.exp(-1e-4), np.exp(1e-4)
    grid = np.sqrt(momentum(energy) ** 2 * np.array([[low], [high]]) ** 2 + 0.938272**2) - 0.938272
    slope = -np.diff(np.log(LIS(grid) / momentum(grid) ** 2), axis=0)[0] / 2e-4
    residual = []
    for normalisation in (20.0, 40.0):
        diffusion = power_law_diffusion(normalisation, 0.5, "proton")
        solution = solve_spherical(LIS, "proton", wind=WINDS[wind], diffusion=diffusion, n_radius=61, n_momentum=1001)
        kappa = diffusion(np.ones(3), momentum(energy))
        residual.append(solution.flux(energy) / LIS(energy) - (1.0 - slope * path / kappa))
    assert np.all(np.abs(residual[1]) < 5e-3)
    np.testing.assert_allclose(residual[0] / residual[1], 4.0, rtol=0.05)


# An exact solution


class PowerLaws:
    """f = sum_i p^-q_i g_i(r) solves the equation for constant V and kappa = k r.

    With v = V/k, g = r^s needs s^2 + (2 - v) s - 2 q v/3 = 0; the two roots combine so that g' = 0 at r_inner.
    """

    r_inner, r_outer, diffusion = 0.05, 100.0, 0.25
    terms = ((2.5, 1.0), (4.0, 3.0))

    def lis(self, energy: object, /) -> FloatArray:
        p = momentum(np.asarray(energy, dtype=np.float64))
        return np.asarray(np.sum([weight * p ** (2.0 - q) for q, weight in self.terms], axis=0))

    def flux(self, energy: FloatArray, radius: float) -> FloatArray:
        p = momentum(energy)
        return np.asarray(np.sum([w * p ** (2.0 - q) * self.profile(q, radius) for q, w in self.terms], axis=0))

    def profile(self, q: float, radius: float) -> float:
        v = SPEED / self.diffusion
        root = np.sqrt((2.0 - v) ** 2 + 8.0 * q * v / 3.0)
        up, down = 0.5 * (v - 2.0 + root), 0.5 * (v - 2.0 - root)
        mix = -up / down * self.r_inner ** (up - down)
        return float((radius**up + mix * radius**down) / (self.r_outer**up + mix * self.r_outer**down))

    def error(self, n_radius: int, n_momentum: int) -> FloatArray:
        solution = solve_spherical(
            self.lis,
            "proton",
            wind=constant_wind(400.0),
            diffusion=lambda radius, rigidity: self.diffusion * radius + 0.0 * rigidity,
            r_inner=self.r_inner,
            r_outer=self.r_outer,
            n_radius=n_radius,
            n_momentum=n_momentum,
        )
        radii = (1.0, 10.0, 50.0)
        return np.array([solution.flux(ENERGY, radius) / self.flux(ENERGY, radius) - 1.0 for radius in radii])


def test_exact_solution_is_reached_at_second_order() -> None:
    coarse, middle, fine = (PowerLaws().error(*grid) for grid in ((51, 151), (101, 301), (201, 601)))
    assert np.max(np.abs(fine)) < 2e-3
    np.testing.assert_allclose(coarse / middle, 4.0, rtol=0.15)
    np.testing.assert_allclose(middle / fine, 4.0, rtol=0.06)


# Refinement: a grid of second order is wrong by a third of its distance to the grid with doubled steps


@pytest.mark.parametrize(("wind", "normalisation", "slope"), CASES)
def test_default_grid_is_accurate_to_a_permille(wind: str, normalisation: float, slope: float) -> None:
    default = heliosphere_flux(wind, normalisation, slope, 201, 601)
    in_radius = heliosphere_flux(wind, normalisation, slope, 101, 601) / default - 1.0
    in_momentum = heliosphere_flux(wind, normalisation, slope, 201, 301) / default - 1.0
    assert np.max(np.abs(in_radius) + np.abs(in_momentum)) / 3.0 < 1e-3


@pytest.mark.parametrize("wind", WINDS)
def test_refinement_is_of_second_order(wind: str) -> None:
    grids = ((41, 126), (81, 251), (161, 501))
    coarse, middle, fine = (heliosphere_flux(wind, 0.1, 1.0, *grid) for grid in grids)
    ratio = np.linalg.norm((coarse - middle) / fine) / np.linalg.norm((middle - fine) / fine)
    assert ratio == pytest.approx(4.0, rel=0.1)


def test_march_and_global_solve_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    marched = heliosphere_flux("constant", 0.1, 1.0, 61, 151)
    monkeypatch.setattr(finite_difference, "_march", finite_difference._solve_globally)
    np.testing.assert_allclose(heliosphere_flux("constant", 0.1, 1.0, 61, 151), marched, rtol=1e-9)


def test_a_smaller_reflecting_sphere_changes_nothing() -> None:
    flux = [
        solve_spherical(
            LIS,
            "proton",
            wind=WINDS["constant"],
            diffusion=power_law_diffusion(0.1, 1.0, "proton"),
            r_inner=r_inner,
        ).flux(ENERGY)
        for r_inner in (0.01, 0.005)
    ]
    np.testing.assert_allclose(flux[0], flux[1], rtol=1e-4)


# Bad input


@pytest.mark.parametrize(
    "wrong",
    [
        {"species": "protn"},
        {"wind": constant_wind(-1.0)},
        {"diffusion": lambda radius, rigidity: 0.0 * radius * rigidity},
        {"energy_range": (10.0, 0.1)},
        {"r_inner": 200.0},
        {"n_radius": 2},
    ],
)
def test_impossible_requests_are_refused(wrong: dict[str, object]) -> None:
    request: dict[str, object] = {
        "species": "proton",
        "wind": constant_wind(400.0),
        "diffusion": power_law_diffusion(0.1, 1.0, "proton"),
    }
    with pytest.raises(InputError):
        solve_spherical(LIS, **(request | wrong))  # type: ignore[arg-type]


def test_a_solution_is_not_extrapolated() -> None:
    diffusion = power_law_diffusion(0.1, 1.0, "proton")
    solution = solve_spherical(LIS, "proton", wind=WINDS["constant"], diffusion=diffusion, n_radius=51, n_momentum=101)
    with pytest.raises(InputError, match="kinetic_energy"):
        solution.flux(0.01)
    with pytest.raises(InputError, match="radius"):
        solution.flux(1.0, radius=200.0)
