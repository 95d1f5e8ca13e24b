"""Transfer matrices: folding is linear and conserves f = J/p^2, histograms conserve particles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from propmat.errors import InputError
from propmat.species import SPECIES, momentum_from_kinetic_energy
from propmat.spectra import proton_lis
from propmat.transfer import TransferGrid, fold

PROTON = SPECIES["proton"]
EDGES = np.geomspace(0.05, 200.0, 81)


def random_matrix(shape: tuple[int, int], seed: int) -> np.ndarray:
    """Positive rows that sum to one."""
    matrix = np.random.default_rng(seed).random(shape)
    return matrix / matrix.sum(axis=-1, keepdims=True)


def constant_phase_space_density(species_name: str):
    return lambda energy: 3.0 * momentum_from_kinetic_energy(energy, species_name) ** 2


def test_the_default_grid_covers_the_data_with_rising_columns() -> None:
    grid = TransferGrid.default()
    assert grid.shape == (28, 162)
    assert grid.toa[[0, -1]] == pytest.approx([0.08, 50.0])
    assert np.all(grid.lis_edges[:, 0] < grid.toa)
    assert np.all(grid.lis_edges[:, -1] > 100.0 * grid.toa)
    ratios = grid.lis_edges / grid.toa[:, None]
    np.testing.assert_allclose(ratios, np.broadcast_to(ratios[0], ratios.shape), rtol=1e-12)


def test_identity_matrix_folds_to_the_bin_mean_of_the_lis() -> None:
    """Without modulation each row returns p^2 <J/p^2> of its own narrow bin: the LIS at the bin's centre."""
    centres = np.sqrt(EDGES[1:] * EDGES[:-1])
    grid, lis = TransferGrid.absolute(centres, EDGES), proton_lis()
    folded = fold(np.eye(centres.size), grid, lis, PROTON)
    steepest, width = 5.0, np.log(EDGES[1] / EDGES[0])  # J/p^2 falls no faster than T^-5
    np.testing.assert_allclose(folded, lis(centres), rtol=(steepest * width) ** 2 / 24)
    fine = np.exp(np.linspace(np.log(EDGES[:-1]), np.log(EDGES[1:]), 201, axis=-1))
    mean = np.trapezoid(lis(fine) / momentum_from_kinetic_energy(fine, PROTON) ** 2, dx=1 / 200, axis=-1)
    exact = momentum_from_kinetic_energy(centres, PROTON) ** 2 * mean
    np.testing.assert_allclose(folded, exact, rtol=1e-5)


@pytest.mark.parametrize("name", ["proton", "antiproton", "helium4", "electron"])
@pytest.mark.parametrize("seed", [0, 1])
def test_an_isotropic_constant_density_is_not_modulated(name: str, seed: int) -> None:
    """Liouville: f = J/p^2 constant in energy stays what it is, whatever the matrix, if rows sum to one."""
    grid, lis = TransferGrid.default(), constant_phase_space_density(name)
    folded = fold(random_matrix(grid.shape, seed), grid, lis, SPECIES[name])
    np.testing.assert_allclose(folded, lis(grid.toa), rtol=1e-12)


def test_folding_is_linear_in_the_matrix_and_in_the_lis() -> None:
    grid, lis = TransferGrid.default(), proton_lis()
    first, second = random_matrix(grid.shape, 2), random_matrix(grid.shape, 3)
    mixed = fold(0.3 * first + 0.7 * second, grid, lis, PROTON)
    parts = 0.3 * fold(first, grid, lis, PROTON) + 0.7 * fold(second, grid, lis, PROTON)
    np.testing.assert_allclose(mixed, parts, rtol=1e-12)
    np.testing.assert_allclose(
        fold(first, grid, lambda energy: 2.5 * lis(energy), PROTON), 2.5 * fold(first, grid, lis, PROTON), rtol=1e-12
    )


def test_folding_takes_batches() -> None:
    grid, lis = TransferGrid.default(), proton_lis()
    matrices = np.stack([random_matrix(grid.shape, seed) for seed in range(3)])
    folded = fold(matrices, grid, lis, PROTON)
    assert folded.shape == (3, grid.toa.size)
    np.testing.assert_allclose(folded[1], fold(matrices[1], grid, lis, PROTON), rtol=1e-12)


def test_rigidity_alone_matters_to_the_fold_of_one_species() -> None:
    """p and anti-p of one LIS fold alike: the charge's sign acts through the matrix only."""
    grid, lis, matrix = TransferGrid.default(), proton_lis(), random_matrix(TransferGrid.default().shape, 4)
    np.testing.assert_array_equal(fold(matrix, grid, lis, PROTON), fold(matrix, grid, lis, SPECIES["antiproton"]))


@given(st.integers(0, 2**32 - 1), st.integers(1, 50))
def test_counts_conserve_particles_even_beyond_the_grid(seed: int, particles: int) -> None:
    grid = TransferGrid.relative([0.1, 1.0, 10.0], [0.0, 0.1, 0.5, 2.0])
    energies = grid.toa[:, None] * np.random.default_rng(seed).lognormal(0.5, 1.5, (3, particles))
    counts = grid.counts(energies)
    assert counts.shape == grid.shape
    np.testing.assert_array_equal(counts.sum(axis=-1), particles)


def test_counts_land_in_the_right_columns() -> None:
    grid = TransferGrid.absolute([1.0, 2.0], [1.0, 2.0, 4.0, 8.0])
    counts = grid.counts([[0.5, 1.0, 1.9, 2.0], [4.0, 7.9, 8.0, 99.0]])
    np.testing.assert_array_equal(counts, [[3, 1, 0], [0, 0, 4]])


def test_histogram_of_unmodulated_particles_folds_back_to_the_lis() -> None:
    """The binned estimate agrees with the unbinned one p^2 <J/p^2> up to the width of the columns."""
    grid, lis = TransferGrid.default(), proton_lis()
    gain = np.random.default_rng(5).gamma(4.0, 0.1, (grid.toa.size, 4000))
    energies = grid.toa[:, None] * np.exp(gain)
    toa_momentum = momentum_from_kinetic_energy(grid.toa, PROTON)
    unbinned = toa_momentum**2 * np.mean(lis(energies) / momentum_from_kinetic_energy(energies, PROTON) ** 2, axis=1)
    binned = fold(grid.counts(energies) / energies.shape[1], grid, lis, PROTON)
    np.testing.assert_allclose(binned, unbinned, rtol=5e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_counts_refuse_energies_that_are_not_finite(bad: float) -> None:
    with pytest.raises(InputError, match="1 exit energies are NaN or infinite"):
        TransferGrid.absolute([1.0, 2.0], [1.0, 4.0]).counts([[1.0, 2.0], [3.0, bad]])


def test_counts_refuse_a_wrong_number_of_rows() -> None:
    with pytest.raises(InputError, match="2 rows"):
        TransferGrid.absolute([1.0, 2.0], [1.0, 4.0]).counts(np.ones((3, 5)))


@pytest.mark.parametrize(
    ("toa", "edges"),
    [
        ([1.0, 2.0], [[1.0, 2.0]]),
        ([1.0], [[1.0, 2.0]]),
        ([2.0, 1.0], [[1.0, 2.0], [1.0, 2.0]]),
        ([1.0, 2.0], [[1.0, 2.0], [2.0, 1.0]]),
        ([1.0, 2.0], [[0.0, 2.0], [1.0, 2.0]]),
        ([1.0, 2.0], [[1.0, np.nan], [1.0, 2.0]]),
        ([1.0, 2.0], [[1.0, np.inf], [1.0, 2.0]]),
    ],
)
def test_grids_that_cannot_be_are_refused(toa: list[float], edges: list[list[float]]) -> None:
    with pytest.raises(InputError, match="transfer grid"):
        TransferGrid(np.array(toa), np.array(edges))
