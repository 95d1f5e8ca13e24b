"""A small file of gas and cross sections in the layout of :mod:`propmat.galaxy.tables`: invented, smooth, plausible."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from propmat.species import FloatArray

ISOTOPES = {
    "Hydrogen_1": 1,
    "Helium_4": 4,
    "Beryllium_10": 10,
    "Boron_10": 10,
    "Boron_11": 11,
    "Carbon_12": 12,
    "Carbon_13": 13,
    "Oxygen_16": 16,
}
"""Isotopes of the toy network and their mass numbers."""
PRODUCTION_MB = {
    ("Carbon_12", "Beryllium_10"): 4.0,
    ("Carbon_12", "Boron_10"): 20.0,
    ("Carbon_12", "Boron_11"): 65.0,
    ("Carbon_13", "Boron_11"): 50.0,
    ("Carbon_13", "Carbon_12"): 60.0,
    ("Oxygen_16", "Helium_4"): 300.0,
    ("Oxygen_16", "Boron_10"): 13.0,
    ("Oxygen_16", "Boron_11"): 31.0,
    ("Oxygen_16", "Carbon_12"): 60.0,
    ("Oxygen_16", "Carbon_13"): 30.0,
}
"""(parent, daughter) -> cross section per H atom, the same at all energies [mb]."""
POINTS = 41
"""Energies of all tables."""
POINT = {
    "nu1": 2.03,
    "nu2": 2.22,
    "nu3": 2.22,
    "R_br1": 3.1,
    "R_br2": 1.0e4,
    "D0": 6.45,
    "eta": 0.22,
    "delta": 0.41,
    "v_A": 10.09,
    "z_h": 6.85,
}
"""The best fit of papers/000, Table III, without a second break."""


def inelastic_mb(mass_number: int) -> float:
    """On hydrogen, the same at all energies [mb]; on helium three times as much."""
    return 30.0 * mass_number**0.75


def write_tables(path: Path, *, gas: float = 1.0, thickness: float = 0.0) -> Path:
    """Write the file.

    Args:
        path: of the new file.
        gas: multiplies all densities.
        thickness: half of that of a uniform disc of ``gas`` HI / cm^3 [kpc]; 0: layers falling with r and z.
    """
    energy = np.geomspace(1.0e-3, 1.0e5, POINTS)
    with h5py.File(path, "w") as file:
        _write_gas(file, gas, thickness)
        for isotope, mass_number in ISOTOPES.items():
            cross = np.full_like(energy, inelastic_mb(mass_number))
            file[f"inelastic_mb/{isotope}"] = np.stack([1.0e3 * energy, cross, 3.0 * cross], axis=1)
        for (parent, daughter), cross_section in PRODUCTION_MB.items():
            file[f"production_mb/{daughter}/{parent}"] = np.full_like(
                energy, cross_section * ISOTOPES[parent] / ISOTOPES[daughter]
            )
        columns = [30.0, 90.0, 25.0, 75.0, 20.0 * energy**-0.4, 60.0 * energy**-0.4]
        file["nucleon_cs_mb"] = np.stack([energy, *(np.broadcast_to(column, energy.shape) for column in columns)], 1)
        file["pbar_production/Ekin_GeV_per_n"] = energy
        file["pbar_production/dsigma_dp_KMO_mb_per_GeV"] = _antiprotons(energy)
    return path


def _write_gas(file: h5py.File, scale: float, thickness: float) -> None:
    radius = np.linspace(0.0, 20.0, 21)
    if thickness > 0.0:
        height = 2.0 * thickness * np.arange(-1.0, 2.0)  # the middle cell is the disc
        densities = {"nHI": np.array([0.0, 1.0, 0.0]), "nH2": np.zeros(3), "nHII": np.zeros(3)}
        falling = np.ones_like(radius)
    else:
        height = np.linspace(-4.0, 4.0, 81)
        layer = np.abs(height)
        densities = {
            "nHI": 0.7 * np.exp(-layer / 0.2),
            "nH2": 0.2 * np.exp(-layer / 0.1),
            "nHII": 0.03 * np.exp(-layer / 1.0),
        }
        falling = np.exp(-(((radius - 5.0) / 8.0) ** 2))
    file["gas/r"], file["gas/z"] = radius, height
    for kind, profile in densities.items():
        file[f"gas/{kind}"] = scale * falling[:, None] * profile


def _antiprotons(energy: FloatArray) -> FloatArray:
    """(projectile, target, projectile energy, antiproton energy), smooth at the threshold [mb/GeV]."""
    above = np.maximum(1.0 - (6.0 + energy) / energy[:, None], 0.0)
    shape = above**4 / (1.0 + energy) ** 2.3
    projectiles = np.array([1.0, 4.0, 11.0, 14.0])
    targets = np.array([1.0, 3.5])
    return projectiles[:, None, None, None] * targets[:, None, None] * shape
