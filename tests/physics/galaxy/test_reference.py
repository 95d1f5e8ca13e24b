"""GALPROP's own fluxes, transfer matrix and local coefficients, on its grid, in its scheme and with its tables."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from propmat.galaxy import Galaxy, LocalSpectra
from propmat.galaxy.momentum import (
    KILOPARSEC_CM,
    MILLIBARN_CM2,
    SPEED_OF_LIGHT_CM_S,
    momentum_diffusion,
    momentum_loss,
    spatial_diffusion,
)
from propmat.galaxy.prepared import prepare
from propmat.galaxy.solver import Point
from propmat.species import FloatArray, beta_from_kinetic_energy, get_species

REFERENCE = Path(__file__).parents[4] / "shared" / "reference" / "galprop_reference.h5"
pytestmark = pytest.mark.skipif(not REFERENCE.exists(), reason=f"no {REFERENCE}")

OBSERVED = ["proton", "proton_primary", "antiproton", "He", "He4", "B", "B10", "B11", "C", "C12", "C13"]
BOUND = 0.003
"""Largest deviation from 0.05 GeV to 1 TeV (antiprotons: 0.3 to 100 GeV): below all of issue 5; measured: 7e-4."""
OURS = {
    "He4": ["helium4"],
    "He": ["helium3", "helium4"],
    "C12": ["carbon12"],
    "C13": ["carbon13"],
    "C": ["carbon12", "carbon13"],
    "B10": ["boron10"],
    "B11": ["boron11"],
    "B": ["boron10", "boron11"],
}
"""Our species for GALPROP's isotopes and elements."""
NUCLEI = {"Hydrogen_1": "proton", "Helium_4": "helium4", "Carbon_12": "carbon12", "Boron_11": "boron11"}


def galaxy() -> Galaxy:
    return Galaxy.preset("galprop_grid", REFERENCE)


def parameters(point: str) -> dict[str, float]:
    """Of a reference point, which has no second break."""
    with h5py.File(REFERENCE) as file:
        attributes = file["points"][point].attrs
        found = {key: float(attributes[key]) for key in ("nu1", "nu2", "D0", "eta", "delta", "z_h")}
        found |= {"R_br1": float(attributes["R1"]), "v_A": float(attributes["vA"])}
    return found | {"nu3": found["nu2"], "R_br2": 1.0e4}


def points() -> list[str]:
    if not REFERENCE.exists():
        return ["none"]
    with h5py.File(REFERENCE) as file:
        return [name for name, group in file["points"].items() if "exact" in group]


@pytest.fixture(scope="module", params=points())
def solved(request: pytest.FixtureRequest) -> tuple[LocalSpectra, dict[str, FloatArray]]:
    """Our spectra and the exact fluxes of GALPROP, at one point."""
    with h5py.File(REFERENCE) as file:
        group = file["points"][request.param]["exact"]
        theirs = {name: np.array(values) for name, values in group["flux"].items()}
        energy = np.array(group["Ekin"])
    found = galaxy().solve(parameters(request.param))
    np.testing.assert_allclose(found.kinetic_energy, energy, rtol=2e-4)
    return found, theirs


def total(found: LocalSpectra, name: str) -> FloatArray:
    return np.sum([found.flux(part) for part in OURS.get(name, [name])], axis=0)


@pytest.mark.parametrize("name", OBSERVED)
def test_fluxes_agree_at_every_point(solved: tuple[LocalSpectra, dict[str, FloatArray]], name: str) -> None:
    found, theirs = solved
    low, high = (0.3, 100.0) if name == "antiproton" else (0.05, 1000.0)
    kept = (found.kinetic_energy >= low) & (found.kinetic_energy <= high)
    deviation = total(found, name)[kept] / theirs[name][kept] - 1.0
    assert np.abs(deviation).max() < BOUND


def test_boron_to_carbon_agrees_at_every_point(solved: tuple[LocalSpectra, dict[str, FloatArray]]) -> None:
    found, theirs = solved
    kept = (found.kinetic_energy >= 0.05) & (found.kinetic_energy <= 1000.0)
    deviation = (total(found, "B") / total(found, "C") / (theirs["B"] / theirs["C"]) - 1.0)[kept]
    assert np.abs(deviation).max() < BOUND


def test_columns_of_the_proton_matrix_agree() -> None:
    """The response to an injection at one energy, wherever it exceeds 1e-4 of its largest value."""
    prepared = prepare(galaxy())
    system = Point(prepared, parameters("P0"), ["proton"]).system
    observed = np.einsum("eo,m->emo", np.eye(prepared.energy.size), system.basis.sun)
    primaries = system.propagate_adjoint({"proton": observed}, system.basis.sources[:1], {"proton"})
    matrix = primaries["proton"][:, 0].T
    with h5py.File(REFERENCE) as file:
        columns = [
            (int(group.attrs["injection_index"]), np.array(group["G_seconds"]))
            for group in file["proton_green"].values()
        ]
    for index, theirs in columns:
        ours = matrix[:, index]
        kept = theirs > 1e-4 * theirs.max()
        assert np.abs(ours[kept] / theirs[kept] - 1.0).max() < 0.003  # measured: 7e-4


@pytest.mark.parametrize(("nucleus", "name"), NUCLEI.items())
def test_local_coefficients_agree(nucleus: str, name: str) -> None:
    """Diffusion, losses and destruction at the Sun; measured: 5e-4, from the mass of the proton."""
    with h5py.File(REFERENCE) as file:
        rows = np.array(file["aux/local_coefficients"][nucleus])
        gas = file["aux/gas"]
        level = int(np.argmin(np.abs(np.array(gas["z"]))))
        sun = int(np.argmin(np.abs(np.array(gas["r"]) - 8.5)))
        densities = [float(gas[kind][sun, level]) for kind in ("nHI", "nH2", "nHII")]
    kept = (rows[:, 0] > 10.0) & (rows[:, 0] < 1e6)
    energy = rows[kept, 0] / 1e3
    species, point = get_species(name), parameters("P0")
    diffusion = spatial_diffusion(species, energy, point) * KILOPARSEC_CM**2
    np.testing.assert_allclose(diffusion, rows[kept, 5], rtol=1e-3)
    np.testing.assert_allclose(momentum_diffusion(species, energy, point) * 1e6, rows[kept, 6], rtol=1e-3)
    neutral, ionised = densities[0] + 2.0 * densities[1], densities[2]
    loss = momentum_loss(species, energy) @ np.array([0.0, neutral, ionised, ionised * np.log(ionised), 0.0])
    np.testing.assert_allclose(loss * 1e3, rows[kept, 7], rtol=1e-3)
    rate = SPEED_OF_LIGHT_CM_S * beta_from_kinetic_energy(energy, species) * MILLIBARN_CM2 * (neutral + ionised)
    rate = rate * prepare(galaxy()).interactions.nuclei.inelastic(species, energy)
    np.testing.assert_allclose(rate, rows[kept, 8], rtol=1e-3, atol=1e-3 * rows[kept, 8].max())
