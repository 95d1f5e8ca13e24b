"""A galaxy of which everything is known: fluxes are sums over the injection with kernels that depend on the transport.

Not the physics: just as linear in the injection, and normalised as the solver does it.
"""

from __future__ import annotations

import numpy as np

from propmat.emulator.config import OptimizerConfig, ScheduleFreeConfig, SGDConfig
from propmat.emulator.galactic_network import GalacticNetworkConfig
from propmat.emulator.galactic_training import GalacticTrainerConfig, GalacticTrainingConfig
from propmat.galaxy.sources import NORMALISATION_ENERGY, injection_shape
from propmat.parameters import GALAXY
from propmat.samples import SpectraGrid, SpectraTable
from propmat.species import FloatArray, rigidity_from_kinetic_energy

ENERGY = np.geomspace(1e-3, 1e5, 201)
SPECIES = ("proton", "antiproton", "helium4")
PROTON_FLUX = 0.05


def toy_flux(points: FloatArray) -> FloatArray:
    """(sample, species, energy) of (sample, 10)."""
    found = []
    for point in points:
        values = dict(zip(GALAXY.names, point.tolist(), strict=True))
        shapes = [
            injection_shape(rigidity_from_kinetic_energy(ENERGY, name), values)
            / injection_shape(rigidity_from_kinetic_energy(NORMALISATION_ENERGY, name), values)
            for name in ("proton", "carbon12")
        ]
        width = 0.1 + 0.3 * values["v_A"] / 80.0
        distance = np.log(ENERGY)[:, None] - np.log(ENERGY)
        near = np.exp(-0.5 * (distance / width) ** 2)
        near /= near.sum(axis=1, keepdims=True)
        far = np.exp(-0.5 * ((np.log(np.maximum(10.0 * ENERGY, 20.0))[:, None] - np.log(ENERGY)) / 0.8) ** 2)
        escape = values["z_h"] / values["D0"] * (ENERGY + 0.5) ** -values["delta"]
        proton = near @ shapes[0] * escape
        fluxes = [proton, 1e-4 * (far @ (shapes[0] + 0.1 * shapes[1])) * escape, 0.1 * (near @ shapes[1]) * escape]
        at_pivot = np.exp(np.interp(np.log(NORMALISATION_ENERGY), np.log(ENERGY), np.log(proton)))
        found.append(np.stack(fluxes) * PROTON_FLUX / at_pivot)
    return np.array(found)


def toy_spectra(count: int, seed: int) -> tuple[SpectraGrid, SpectraTable]:
    """Samples at ``count`` Sobol points."""
    points = GALAXY.sobol(count, seed=seed)
    nothing = np.zeros((count, 0, ENERGY.size))
    table = SpectraTable(
        key=np.array([f"{seed}-{number}".encode() for number in range(count)], dtype="S64"),
        parameters=points,
        seed=np.zeros(count, dtype=np.uint64),
        fluxes=toy_flux(points),
        parts=nothing,
        injections=nothing,
        matrices=np.zeros((count, 0, ENERGY.size, ENERGY.size), dtype=np.float32),
    )
    return SpectraGrid(ENERGY, SPECIES), table


def toy_galactic_config(first: int, second: int) -> GalacticTrainingConfig:
    """A small network for so many epochs of the two phases."""
    return GalacticTrainingConfig(
        GalacticNetworkConfig(n_basis=6, n_amplitude=6, latent=24, hidden=24, layers=1),
        OptimizerConfig(
            ScheduleFreeConfig(epochs=first, lr=0.01, warmup_steps=20), SGDConfig(epochs=second, lr=1e-7, momentum=0.9)
        ),
        GalacticTrainerConfig(species=SPECIES, threads=1, batch_size=32, energy_low=0.03, energy_high=600.0),
    )
