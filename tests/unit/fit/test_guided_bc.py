"""chi^2 of B/C: zero for data that are the model's at one of the potentials, and that of the converged solver."""

import numpy as np
import pytest

from propmat.fit.guided_galaxy import BORON, CARBON, POTENTIALS, BoronToCarbon, coarse_galaxy
from propmat.galaxy import Galaxy, LocalSpectra
from propmat.heliosphere import force_field
from propmat.parameters import GALAXY
from propmat.species import FloatArray, kinetic_energy_from_rigidity
from propmat.spectra import flux_per_rigidity

ENERGY = np.geomspace(0.01, 1000.0, 60)
SPECTRA = LocalSpectra(
    ENERGY,
    {name: weight * (ENERGY + 0.9) ** -slope for name, weight, slope in zip(
        (*BORON, *CARBON), (0.1, 0.2, 0.9, 0.1), (3.0, 3.0, 2.7, 2.7), strict=True
    )},
)  # fmt: skip


def ratio(spectra: LocalSpectra, rigidity: FloatArray, potential: float) -> FloatArray:
    """B/C at Earth at equal rigidity."""

    def element(isotopes: tuple[str, ...]) -> FloatArray:
        energies = [kinetic_energy_from_rigidity(rigidity, name) for name in isotopes]
        found: FloatArray = sum(
            flux_per_rigidity(force_field(spectra.spectrum(name), energy, potential, name), energy, name)
            for name, energy in zip(isotopes, energies, strict=True)
        )
        return found

    return element(BORON) / element(CARBON)


def test_data_are_those_below_200_gv() -> None:
    likelihood = BoronToCarbon()
    assert likelihood.rigidity[0] == 2.032
    assert likelihood.rigidity[-1] < 200.0
    assert likelihood.dof == likelihood.rigidity.size - 11


@pytest.mark.parametrize("potential", [POTENTIALS[0], POTENTIALS[7], POTENTIALS[-1]])
def test_the_potential_is_profiled(potential: float) -> None:
    likelihood = BoronToCarbon()
    likelihood.ratio = ratio(SPECTRA, likelihood.rigidity, potential)
    assert likelihood.chi_square_of(SPECTRA) == pytest.approx(0.0, abs=1e-20)
    likelihood.ratio = likelihood.ratio + 3.0 * likelihood.total * (likelihood.rigidity > 100.0)
    # Modulation moves hardly anything above 100 GV, so no other potential makes up for it.
    assert likelihood.chi_square_of(SPECTRA) == pytest.approx(9.0 * np.sum(likelihood.rigidity > 100.0), rel=0.01)


def test_chi_square_is_that_of_the_solved_points_in_their_order() -> None:
    likelihood = BoronToCarbon(workers=1)
    cube = np.stack([np.full(10, 0.4), np.full(10, 0.6)])
    one_by_one = [
        likelihood.chi_square_of(likelihood.galaxy.solve(parameters, species=(*BORON, *CARBON)))
        for parameters in (dict(zip(GALAXY.names, point, strict=True)) for point in likelihood.points(cube).tolist())
    ]
    assert likelihood.chi_square(cube) == pytest.approx(one_by_one, rel=1e-6)
    assert one_by_one[0] != pytest.approx(one_by_one[1], rel=0.01)


@pytest.mark.slow
def test_the_coarse_model_has_the_ratio_of_the_converged_one() -> None:
    rigidity = BoronToCarbon().rigidity
    for point in GALAXY.sobol(4, seed=3).tolist():
        parameters = dict(zip(GALAXY.names, point, strict=True))
        coarse, fine = (
            ratio(galaxy.solve(parameters, species=(*BORON, *CARBON)), rigidity, 0.57)
            for galaxy in (coarse_galaxy(), Galaxy.preset("converged"))
        )
        assert np.abs(coarse / fine - 1.0).max() < 0.01
