"""chi^2 of the boron-to-carbon ratio of AMS-02 over the ten parameters of the Galaxy, from propmat's solver."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Final

import numpy as np

from propmat.galaxy import SIMULATOR_VERSION, Galaxy, LocalSpectra
from propmat.heliosphere import force_field
from propmat.measurements import mean_ratio
from propmat.parameters import GALAXY, ParameterSpace
from propmat.species import FloatArray, kinetic_energy_from_rigidity
from propmat.spectra import flux_per_rigidity

BORON: Final = ("boron10", "boron11")
CARBON: Final = ("carbon12", "carbon13")
HIGHEST_RIGIDITY: Final = 200.0
"""[GV]; above, papers/000 (II) takes no data, since the model has no break of the diffusion coefficient."""
POTENTIALS: Final = tuple(0.35 + 0.025 * step for step in range(19))
"""Force-field potentials looked at, 0.35 to 0.8 GV: neutron monitors give monthly ones of 0.43 to 0.72 GV for the seven
years of the data (Väisänen et al., J. Geophys. Res., 2023), and another interstellar spectrum shifts them by 0.1."""


def coarse_galaxy() -> Galaxy:
    """The converged model on a grid that is just fine enough for B/C at 2-200 GV: 0.12 % rms and 0.8 % at most off."""
    return Galaxy.preset("converged").replace(
        name="converged*", energies=97, energy_high=1.0e4, shapes=20, heights=30, radial_step=0.5
    )


class BoronToCarbon:
    """B/C of May 2011 to May 2018, 2-200 GV, behind a force field whose potential is the best of :data:`POTENTIALS`.

    papers/000 modulates with HELPROP. The shipped heliosphere emulator knows A/|Z| = 1 only, and boron and carbon of
    one rigidity (A/|Z| of 2 to 2.2) are modulated nearly alike, so that one potential, profiled, is enough here.

    Args:
        galaxy: the model to solve.
        workers: threads; as many as cores by default.
    """

    source = "B/C"

    def __init__(self, galaxy: Galaxy | None = None, workers: int | None = None) -> None:
        self.galaxy, self._workers = galaxy or coarse_galaxy(), workers
        data = mean_ratio("boron/carbon")
        used = data.rigidity <= HIGHEST_RIGIDITY
        self.rigidity, self.ratio, self.total = data.rigidity[used], data.ratio[used], data.total[used]

    @property
    def space(self) -> ParameterSpace:
        """Table I of papers/000."""
        return GALAXY

    @property
    def names(self) -> tuple[str, ...]:
        """The ten parameters."""
        return GALAXY.names

    @property
    def dof(self) -> int:
        """Points less ten parameters and the potential."""
        return self.rigidity.size - len(GALAXY.names) - 1

    @property
    def identity(self) -> Mapping[str, object]:
        """Solver, model, data and modulation."""
        return {
            "simulator": [SIMULATOR_VERSION, self.galaxy.as_dict()],
            "data": [values.tolist() for values in (self.rigidity, self.ratio, self.total)],
            "potentials": POTENTIALS,
        }

    def chi_square(self, cube: FloatArray) -> FloatArray:
        """(walker,) of (walker, coordinate)."""
        with warnings.catch_warnings():
            # So far from the data that a flux vanishes: a bad fit, not worth a word.
            warnings.filterwarnings("ignore", message="the flux of .* is below 0", category=UserWarning)
            solved = self.galaxy.solve_many(self.points(cube), species=(*BORON, *CARBON), workers=self._workers)
            return np.array([self.chi_square_of(spectra) for spectra in solved])

    def chi_square_of(self, spectra: LocalSpectra) -> float:
        """chi^2 of interstellar spectra at the best potential."""
        potential = np.array(POTENTIALS)[:, None]
        boron, carbon = (self._flux(spectra, isotopes, potential) for isotopes in (BORON, CARBON))
        squares = np.sum(((boron / carbon - self.ratio) / self.total) ** 2, axis=-1)
        return float(np.min(squares))

    def _flux(self, spectra: LocalSpectra, isotopes: tuple[str, ...], potential: FloatArray) -> FloatArray:
        """(potential, rigidity) flux per GV of an element at Earth, its isotopes together."""
        total = np.zeros((potential.size, self.rigidity.size))
        for isotope in isotopes:
            energy = kinetic_energy_from_rigidity(self.rigidity, isotope)
            flux = force_field(spectra.spectrum(isotope), energy, potential, isotope)
            total += flux_per_rigidity(flux, energy, isotope)
        return total

    def points(self, cube: FloatArray) -> FloatArray:
        """(…, parameter) of Table I, uniform in each or in its ln."""
        return GALAXY.from_unit(cube)
