"""Power laws at high energy, and what breaks do to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toy_tables import POINT

from propmat.galaxy import Galaxy, LocalSpectra
from propmat.species import FloatArray, rigidity_from_kinetic_energy

HIGH = (1.0e3, 3.0e4)
"""Energies far above the first break and the losses, and far below the end of the grid [GeV/n]."""


def slope(found: LocalSpectra, flux: FloatArray, name: str, between: tuple[float, float] = HIGH) -> float:
    """d ln(flux) / d ln(R)."""
    kept = (found.kinetic_energy > between[0]) & (found.kinetic_energy < between[1])
    rigidity = rigidity_from_kinetic_energy(found.kinetic_energy[kept], name)
    return float(np.polyfit(np.log(rigidity), np.log(flux[kept]), 1)[0])


def destroyed_share(galaxy: Galaxy, thin: Galaxy, parameters: dict[str, float], name: str) -> float:
    """Share of a species that is destroyed on its way, at the lower of the HIGH energies."""
    with_gas, without = galaxy.solve(parameters, species=[name]), thin.solve(parameters, species=[name])
    place = int(np.argmax(with_gas.kinetic_energy > HIGH[0]))
    times = [found.flux(name)[place] / found.injection(name)[place] for found in (with_gas, without)]
    return 1.0 - times[0] / times[1]


@pytest.mark.parametrize(("nu2", "delta"), [(2.22, 0.41), (2.4, 0.3), (2.3, 0.6)])
@pytest.mark.parametrize("name", ["proton", "carbon12"])
def test_primaries_fall_as_injection_and_diffusion_together(
    toy_tables: Path, thin_tables: Path, name: str, nu2: float, delta: float
) -> None:
    """-(nu2 + delta): a flux 1 / (1 + x) with x ~ R^-delta destroyed is flatter by less than delta x."""
    parameters = POINT | {"nu2": nu2, "nu3": nu2, "delta": delta}
    galaxy, thin = Galaxy.preset("converged", toy_tables), Galaxy.preset("converged", thin_tables)
    found = galaxy.solve(parameters, species=[name])
    primary = found.flux("proton_primary" if name == "proton" else name)
    bound = delta * destroyed_share(galaxy, thin, parameters, name)
    expected = -(nu2 + delta)
    assert expected - 1e-3 < slope(found, primary, name) < expected + bound + 1e-3
    assert bound < 0.1


def test_the_second_break_changes_the_slope_of_the_flux_by_as_much_as_that_of_the_injection(thin_tables: Path) -> None:
    parameters = POINT | {"nu3": 1.9, "R_br2": 300.0}
    found = Galaxy.preset("converged", thin_tables).solve(parameters, species=["proton"])
    flux = found.flux("proton_primary")
    assert slope(found, flux, "proton") == pytest.approx(-(1.9 + 0.41), abs=2e-3)
    assert slope(found, flux, "proton", (30.0, 150.0)) == pytest.approx(-(2.22 + 0.41), abs=1e-2)


@pytest.mark.parametrize("delta", [0.3, 0.41, 0.6])
def test_secondary_over_primary_falls_as_the_diffusion_coefficient_rises(thin_tables: Path, delta: float) -> None:
    """R^-delta with production cross sections that do not depend on energy, and hardly any destruction."""
    found = Galaxy.preset("converged", thin_tables).solve(POINT | {"delta": delta}, species=["boron11", "carbon12"])
    ratio = found.flux("boron11") / found.flux("carbon12")
    assert slope(found, ratio, "boron11") == pytest.approx(-delta, abs=1e-3)


def test_escape_times_of_all_nuclei_are_equal_at_equal_rigidity(thin_tables: Path) -> None:
    """Without gas and reacceleration, transport knows a nucleus by its rigidity and speed only."""
    parameters = POINT | {"D0": 20.0, "v_A": 6.0, "eta": 0.0}
    found = Galaxy.preset("converged", thin_tables).solve(parameters, species=["proton", "helium4", "oxygen16"])
    energy = found.kinetic_energy
    rigidity = np.geomspace(1.0e3, 1.0e4, 5)
    times = []
    for name in ("proton", "helium4", "oxygen16"):
        flux = found.flux("proton_primary" if name == "proton" else name)
        own = rigidity_from_kinetic_energy(energy, name)
        times.append(np.exp(np.interp(np.log(rigidity), np.log(own), np.log(flux / found.injection(name)))))
    np.testing.assert_allclose(times[1:], [times[0]] * 2, rtol=1e-3)
