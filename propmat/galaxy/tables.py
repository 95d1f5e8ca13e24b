"""Gas and cross sections read from an HDF5 file of tables: a user's own, or those dumped from GALPROP for comparison.

Layout, at the root of the file (of a dump of GALPROP, in its group ``aux``); T is the kinetic energy [GeV/n] if not
said otherwise:

- ``gas/{r, z, nHI, nH2, nHII}``: nodes [kpc] and (r, z) number densities [cm^-3], averaged over each cell in z;
- ``inelastic_mb/{Carbon_12, ...}``: (energy, 3) T [MeV/n], cross section on H and on He [mb];
- ``production_mb/{daughter}/{parent}``: (energy,) on the T of the daughter's inelastic table, in mb per H atom with
  helium, times A_parent / A_daughter;
- ``nucleon_cs_mb``: (energy, 7) T, pp and pHe inelastic, antiproton-p and -He non-annihilation, annihilation;
- ``pbar_production/{Ekin_GeV_per_n, dsigma_dp_KMO_mb_per_GeV}``: (projectile p, He4, C12, O16; target H, He4;
  projectile T; antiproton T) d sigma / dp [mb/GeV].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
from scipy.interpolate import PchipInterpolator, RegularGridInterpolator

from propmat.errors import FileError
from propmat.galaxy.interactions import HELIUM_PER_HYDROGEN, Interactions
from propmat.species import SPECIES, FloatArray, Species, beta_from_kinetic_energy

_LIGHT: Final = (
    "Hydrogen Helium Lithium Beryllium Boron Carbon Nitrogen Oxygen Fluorine Neon Sodium Magnesium Aluminium Silicon"
)
_ELEMENTS: Final = dict(enumerate(_LIGHT.split(), start=1)) | {26: "Iron"}
_NAMES: Final = {
    f"{_ELEMENTS[species.charge]}_{species.mass_number}": species
    for species in SPECIES.values()
    if species.charge in _ELEMENTS and species.mass_number > 0
}


@dataclass(frozen=True, eq=False)
class TableGas:
    """Densities between the nodes of a table: monotone cubic in the column, linear in radius.

    Above the table HI and H2 are absent and HII falls as exp(-|z| / kpc) (galaxy.md).

    Attributes:
        name: of the set.
        radius, height: nodes [kpc]; the heights from below to above the plane.
        density: (3, radius, height) HI, H2, HII [cm^-3].
    """

    name: str
    radius: FloatArray
    height: FloatArray
    density: FloatArray

    def column(self, radius: FloatArray, height: FloatArray) -> FloatArray:
        """See :meth:`propmat.galaxy.interactions.Gas.column`."""
        middle = self.height.size // 2
        folded = 0.5 * (self.density + self.density[..., ::-1])[..., middle:]
        nodes = self.height[middle:]
        edges = np.concatenate([[0.0], nodes + 0.5 * (nodes[1] - nodes[0])])
        sums = np.concatenate([np.zeros_like(folded[..., :1]), np.cumsum(folded * np.diff(edges), axis=-1)], axis=-1)
        inside = PchipInterpolator(edges, sums, axis=-1)(np.minimum(height, edges[-1]))
        beyond = np.maximum(height - edges[-1], 0.0)
        inside[2] += folded[2, :, -1:] * -np.expm1(-beyond)
        column = np.empty((3, radius.size, height.size))
        for kind in range(3):
            for level in range(height.size):
                column[kind, :, level] = np.interp(radius, self.radius, inside[kind, :, level])
        return column


@dataclass(frozen=True, eq=False)
class TableNuclei:
    """Nuclear cross sections interpolated in ln T, constant beyond the tables.

    Attributes:
        name: of the set.
        isotopes: heaviest first.
        inelastic_table: species name -> T and cross section per H atom.
        production_table: (parent, daughter) names -> T and cross section per H atom.
    """

    name: str
    isotopes: tuple[Species, ...]
    inelastic_table: Mapping[str, tuple[FloatArray, FloatArray]]
    production_table: Mapping[tuple[str, str], tuple[FloatArray, FloatArray]]

    def inelastic(self, species: Species, kinetic_energy: FloatArray) -> FloatArray:
        """See :meth:`propmat.galaxy.interactions.NuclearCrossSections.inelastic`."""
        return _interpolate(*self.inelastic_table[species.name], kinetic_energy)

    def production(self, parent: Species, daughter: Species, kinetic_energy: FloatArray) -> FloatArray | None:
        """See :meth:`propmat.galaxy.interactions.NuclearCrossSections.production`."""
        found = self.production_table.get((parent.name, daughter.name))
        return None if found is None else _interpolate(*found, kinetic_energy)


@dataclass(frozen=True, eq=False)
class TableAntiprotons:
    """Antiproton tables, interpolated bilinearly in the logarithms.

    Attributes:
        name: of the set.
        kinetic_energy: (energy,) of projectiles [GeV/n] and antiprotons [GeV].
        produced: (projectile, energy, energy) d sigma / dT [mb/GeV] per H atom.
        destroyed: T, total inelastic and non-annihilation cross sections per H atom.
        as_galprop: interpolate between projectiles as GALPROP 56 does.
    """

    name: str
    kinetic_energy: FloatArray
    produced: FloatArray
    destroyed: tuple[FloatArray, FloatArray, FloatArray]
    as_galprop: bool = False

    def production(
        self, projectile: Species, projectile_energy: FloatArray, antiproton_energy: FloatArray
    ) -> FloatArray | None:
        """See :meth:`propmat.galaxy.interactions.AntiprotonCrossSections.production`."""
        if projectile.name == "deuteron":
            return None
        table = self.produced[0] if projectile.mass_number == 1 else self._nucleus(projectile.mass_number)
        if np.array_equal(projectile_energy, self.kinetic_energy) and projectile_energy is antiproton_energy:
            return table
        nodes = np.log(self.kinetic_energy)
        lowest = table[table > 0].min() * 1.0e-6
        logarithm = RegularGridInterpolator((nodes, nodes), np.log(np.maximum(table, lowest)))
        points = np.meshgrid(
            np.clip(np.log(projectile_energy), *nodes[[0, -1]]),
            np.clip(np.log(antiproton_energy), *nodes[[0, -1]]),
            indexing="ij",
        )
        found = np.exp(logarithm(np.stack(points, axis=-1)))
        return np.asarray(np.where(found > 1.5 * lowest, found, 0.0))

    def _nucleus(self, mass_number: int) -> FloatArray:
        """The table of a nucleus: ln(cross section) between those of He4, C12 and O16, linear in ln A.

        With :attr:`as_galprop` it is quadratic and the helium table stands at A = 1, as in that code's routine; only
        4He itself is taken as it is.
        """
        if mass_number == 4:
            helium: FloatArray = self.produced[1]
            return helium
        nodes, wanted = np.log([1.0 if self.as_galprop else 4.0, 12.0, 16.0]), np.log(mass_number)
        if self.as_galprop:
            weights = np.linalg.solve(np.vander(nodes).T, np.vander([wanted], 3)[0])
        else:
            last = 1 if wanted < nodes[1] else 2
            share = (wanted - nodes[last - 1]) / (nodes[last] - nodes[last - 1])
            weights = np.zeros(3)
            weights[last - 1], weights[last] = 1.0 - share, share
        positive = np.all(self.produced[1:] > 0, axis=0)
        logarithms = np.log(np.where(positive, self.produced[1:], 1.0))
        table: FloatArray = np.where(positive, np.exp(np.tensordot(weights, logarithms, axes=1)), 0.0)
        return table

    def inelastic(self, kinetic_energy: FloatArray) -> FloatArray:
        """See :meth:`propmat.galaxy.interactions.AntiprotonCrossSections.inelastic`."""
        return _interpolate(self.destroyed[0], self.destroyed[1], kinetic_energy)

    def non_annihilation(self, kinetic_energy: FloatArray) -> FloatArray:
        """See :meth:`propmat.galaxy.interactions.AntiprotonCrossSections.non_annihilation`."""
        return _interpolate(self.destroyed[0], self.destroyed[2], kinetic_energy)


def read_tables(path: str | Path) -> Interactions:
    """Gas, nuclear and antiproton cross sections of a file in the layout above.

    Raises:
        FileError: the file is missing, is no HDF5 file, or lacks a table or has one of the wrong shape.
    """
    try:
        with h5py.File(path, "r") as file:
            dumped = "aux" in file
            group, name = file["aux"] if dumped else file, Path(path).name
            return Interactions(_gas(group, name), _nuclei(group, name), _antiprotons(group, name, as_galprop=dumped))
    except OSError as error:
        raise FileError(f"cannot read the tables of {path}: {error}") from None
    except (KeyError, ValueError, IndexError, TypeError, AttributeError) as error:
        raise FileError(f"{path} is not a file of gas and cross-section tables: {error}") from None


def _gas(group: Any, name: str) -> TableGas:
    radius, height = _array(group, "gas/r"), _array(group, "gas/z", lowest=-np.inf)
    density = np.stack([_array(group, f"gas/{kind}", (radius.size, height.size)) for kind in ("nHI", "nH2", "nHII")])
    _check_increasing("gas/r", radius)
    if not np.allclose(height, np.linspace(-height[-1], height[-1], height.size)) or height.size % 2 == 0:
        raise ValueError("gas/z must be uniform and symmetric about the plane, which is one of its nodes")
    return TableGas(name, radius, height, density)


def _nuclei(group: Any, name: str) -> TableNuclei:
    inelastic, production = {}, {}
    for key in group["inelastic_mb"]:
        if key in _NAMES:
            columns = _array(group, f"inelastic_mb/{key}", (None, 3))
            _check_increasing(f"T of inelastic_mb/{key}", columns[:, 0])
            inelastic[_NAMES[key].name] = (columns[:, 0] / 1e3, columns[:, 1] + HELIUM_PER_HYDROGEN * columns[:, 2])
    if "proton" not in inelastic:
        raise ValueError("inelastic_mb/Hydrogen_1 is missing")
    for daughter_key, parents in group["production_mb"].items():
        for parent_key in parents:
            if daughter_key in _NAMES and parent_key in _NAMES:
                daughter, parent = _NAMES[daughter_key], _NAMES[parent_key]
                energy = inelastic[daughter.name][0]
                values = _array(group, f"production_mb/{daughter_key}/{parent_key}", energy.shape)
                production[parent.name, daughter.name] = (energy, values * daughter.mass_number / parent.mass_number)
    found = sorted(inelastic, key=lambda key: (SPECIES[key].mass_number, SPECIES[key].charge), reverse=True)
    return TableNuclei(name, tuple(SPECIES[key] for key in found), inelastic, production)


def _antiprotons(group: Any, name: str, *, as_galprop: bool) -> TableAntiprotons:
    nucleon = _array(group, "nucleon_cs_mb", (None, 7))
    surviving = nucleon[:, 3] + HELIUM_PER_HYDROGEN * nucleon[:, 4]
    annihilated = nucleon[:, 5] + HELIUM_PER_HYDROGEN * nucleon[:, 6]
    energy = _array(group, "pbar_production/Ekin_GeV_per_n", (None,))
    _check_increasing("pbar_production/Ekin_GeV_per_n", energy)
    _check_increasing("T of nucleon_cs_mb", nucleon[:, 0])
    shape = (4, 2, energy.size, energy.size)
    per_momentum = _array(group, "pbar_production/dsigma_dp_KMO_mb_per_GeV", shape)
    per_atom = per_momentum[:, 0] + HELIUM_PER_HYDROGEN * per_momentum[:, 1]
    produced = per_atom / beta_from_kinetic_energy(energy, "antiproton")
    if not np.any(produced[0] > 0):
        raise ValueError("no antiprotons are produced by protons")
    return TableAntiprotons(name, energy, produced, (nucleon[:, 0], surviving + annihilated, surviving), as_galprop)


def _check_increasing(key: str, values: FloatArray) -> None:
    if values.size < 2 or np.any(np.diff(values) <= 0.0):
        raise ValueError(f"{key} must be at least two increasing values")


def _array(group: Any, key: str, shape: tuple[int | None, ...] = (None,), lowest: float = 0.0) -> FloatArray:
    """A table of the file (ValueError if it has another shape, or values that are below ``lowest`` or not finite)."""
    values = np.array(group[key], np.float64)
    if values.ndim != len(shape) or any(size not in (None, is_) for size, is_ in zip(shape, values.shape, strict=True)):
        raise ValueError(f"{key} has the shape {values.shape}")
    if not np.all(np.isfinite(values)) or np.any(values < lowest):
        raise ValueError(f"{key} holds values that are negative or not finite")
    return values


def _interpolate(nodes: FloatArray, values: FloatArray, kinetic_energy: FloatArray) -> FloatArray:
    found: FloatArray = np.interp(np.log(kinetic_energy), np.log(nodes), values)
    return found
