"""GALPROP's output: the nuclei of a FITS file at the Sun.

Layout (as GALPROP 54 to 56 store it): one image of E^2 J, E the kinetic energy per nucleon [MeV/n], J the flux
[cm^-2 s^-1 sr^-1 (MeV/n)^-1]; FITS axes (r, z, energy, species), or (x, y, z, energy, species) for the full file of a
run in three dimensions; start and step of each axis in CRVALn and CDELTn (log10 of MeV/n for the energy). ``nuclei_``
files hold the plane alone, along r or along x through the centre. NUCZnnn, NUCAnnn and NUCKnnn give charge, mass number
and attached electrons of species nnn, NAMEnnn (since 56) its name.
"""

from __future__ import annotations

import gzip
import importlib
import io
import warnings
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from propmat.errors import FileError, InputError, out_of_range
from propmat.galaxy.local_spectra import LocalSpectra
from propmat.galaxy.sources import SUN_RADIUS_KPC
from propmat.species import SPECIES, FloatArray

_MEV_PER_GEV: Final = 1e3
_TO_OUR_FLUX: Final = 1e4 * _MEV_PER_GEV
"""cm^-2 MeV^-1 -> m^-2 GeV^-1."""
_GZIP_MAGIC: Final = b"\x1f\x8b"
_ORIGINS: Final = {
    "primary_": "primary",
    "secondary_": "secondary",
    "tertiary_": "tertiary",
    "knock_on_": "knock_on",
    "DM_": "dark_matter",
}
_ORIGINS_BY_ORDER: Final[dict[tuple[int, int], tuple[str, ...]]] = {
    (1, 1): ("primary", "secondary"),
    (-1, 1): ("secondary", "tertiary", "dark_matter"),
}
"""Files without names: GALPROP stores protons and antiprotons in this order, counted from the end."""


@dataclass(frozen=True)
class _Entry:
    """One species of the file; ``origin`` is empty where it is alone in its (charge, mass number)."""

    name: str
    charge: int
    mass_number: int
    origin: str = ""


def read_nuclei(path: Path, radius: float = SUN_RADIUS_KPC) -> LocalSpectra:
    """The spectra at the Sun from a nuclei file of GALPROP (``nuclei_56_<run>.gz`` or ``nuclei_full_56_<run>``).

    Fluxes are interpolated linearly in position, as GALPROP does for its own normalisation. Totals are sums over
    origins (primary, secondary, tertiary, ...) and over nuclei with and without an attached electron; the parts of
    protons, antiprotons and leptons are kept as ``"proton_primary"`` etc. Isotopes that propmat does not know are left
    out, with a warning that lists them.

    Args:
        path: the file, compressed by gzip or not.
        radius: galactocentric radius of the Sun [kpc], on the positive x axis.

    Raises:
        FileError: the file is missing, truncated, or no nuclei file of GALPROP.
        InputError: ``radius`` is outside the file's grid, or astropy is missing.
    """
    header, image = _load(Path(path))
    try:
        energy = 10.0 ** (_number(header, "CRVAL", image.ndim - 1) + _energy_steps(header, image)) / _MEV_PER_GEV
        entries = _entries(header, image.shape[0])
        local = _at_sun(header, image, radius)
    except _LayoutError as error:
        raise FileError(f"{path} is no nuclei file of GALPROP: {error}.") from error
    flux = local / (energy * _MEV_PER_GEV) ** 2 * _TO_OUR_FLUX
    for entry, row in zip(entries, flux, strict=True):
        if not np.all(np.isfinite(row)) or np.any(row < 0):
            raise FileError(f"{path}: the flux of {entry.name} is negative or not finite; GALPROP did not converge.")
    fluxes, parts, unknown = _sorted_by_species(entries, flux)
    if unknown:
        warnings.warn(f"{path}: left out, since propmat does not know them: {', '.join(unknown)}.", stacklevel=2)
    if not fluxes:
        raise FileError(f"{path} holds no species that propmat knows.")
    return LocalSpectra(energy, fluxes, parts)


class _LayoutError(Exception):
    """What is missing in the header."""


def astropy_fits() -> Any:
    """The module astropy.io.fits.

    Raises:
        InputError: astropy is missing.
    """
    try:
        return importlib.import_module("astropy.io.fits")
    except ModuleNotFoundError as error:
        raise InputError("GALPROP's FITS files need astropy: pip install 'propmat[galprop]'.") from error


def _load(path: Path) -> tuple[Mapping[str, Any], Any]:
    """Header and image; an uncompressed image stays on disk until sliced (a full 3-D file takes gigabytes)."""
    fits = astropy_fits()
    damage = (OSError, EOFError, zlib.error, TypeError, ValueError, KeyError, IndexError, fits.VerifyError)
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what astropy warns about ends in an error below
            packed = file.read(2) == _GZIP_MAGIC
            source = io.BytesIO(gzip.decompress(path.read_bytes())) if packed else path
            with fits.open(source, memmap=not packed) as hdus:
                header, image = hdus[0].header, hdus[0].data
    except FileNotFoundError:
        raise FileError(f"{path} does not exist.") from None
    except damage as error:
        raise FileError(f"{path} is truncated or no FITS file ({error}).") from error
    if image is None or image.ndim not in (4, 5):
        raise FileError(f"{path} is no nuclei file of GALPROP: its first image has not 4 or 5 axes.")
    return header, image


def _number(header: Mapping[str, Any], key: str, axis: int) -> float:
    """A number of a FITS axis, counted from 1."""
    value = header.get(f"{key}{axis}")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise _LayoutError(f"{key}{axis} = {value!r} is no number")
    if key == "CDELT" and value <= 0:
        raise _LayoutError(f"{key}{axis} = {value} is not positive")
    return float(value)


def _energy_steps(header: Mapping[str, Any], image: Any) -> FloatArray:
    if image.shape[1] < 2:
        raise _LayoutError("it holds fewer than two energies")
    return np.arange(image.shape[1]) * _number(header, "CDELT", image.ndim - 1)


def _at_sun(header: Mapping[str, Any], image: Any, radius: float) -> FloatArray:
    """(species, energy) at x or r = ``radius`` and y = z = 0."""
    values = image
    for axis in range(1, image.ndim - 1):  # FITS counts from the last axis of the array
        count = values.shape[-1]
        start, step = _number(header, "CRVAL", axis), _number(header, "CDELT", axis)
        place = ((radius if axis == 1 else 0.0) - start) / step
        slack = 1e-6 if count > 1 else 1.0  # of one plane, GALPROP has chosen the nearest
        if not -slack <= place <= count - 1 + slack:
            if axis > 1:
                raise _LayoutError(f"axis {axis} does not contain the galactic plane")
            raise out_of_range("radius", radius, start, start + (count - 1) * step, "kpc")
        if count == 1:
            values = values[..., 0]
            continue
        lower = int(np.clip(np.floor(place), 0, count - 2))
        near, far = (np.asarray(values[..., lower + shift], dtype=np.float64) for shift in (0, 1))
        with np.errstate(invalid="ignore"):  # infinities are reported with the name of their species
            values = near + (place - lower) * (far - near)
    return np.asarray(values, dtype=np.float64)


def _entries(header: Mapping[str, Any], count: int) -> list[_Entry]:
    found = []
    for number in range(1, count + 1):
        charge, mass_number = header.get(f"NUCZ{number:03d}"), header.get(f"NUCA{number:03d}")
        if not isinstance(charge, int) or not isinstance(mass_number, int):
            raise _LayoutError(f"NUCZ{number:03d} or NUCA{number:03d} is missing")
        name = str(header.get(f"NAME{number:03d}", "")).strip()
        found.append(_Entry(name or f"Z = {charge}, A = {mass_number}", charge, mass_number, _named_origin(name)))
    return [
        _Entry(entry.name, entry.charge, entry.mass_number, entry.origin or _ordered_origin(found, index))
        for index, entry in enumerate(found)
    ]


def _named_origin(name: str) -> str:
    return next((origin for prefix, origin in _ORIGINS.items() if name.startswith(prefix)), "")


def _ordered_origin(entries: Sequence[_Entry], index: int) -> str:
    """Origin by the place among the entries of the same nucleus that have no origin in their name."""
    kind = (entries[index].charge, entries[index].mass_number)
    after = [entry for entry in entries[index + 1 :] if (entry.charge, entry.mass_number) == kind and not entry.origin]
    order = _ORIGINS_BY_ORDER.get(kind, ())
    return order[len(after)] if len(after) < len(order) else ""


def _sorted_by_species(
    entries: Sequence[_Entry], flux: FloatArray
) -> tuple[dict[str, FloatArray], dict[str, FloatArray], list[str]]:
    """Totals, parts, and the names of what propmat does not know."""
    names = {(species.charge, species.mass_number): species.name for species in SPECIES.values()}
    fluxes: dict[str, FloatArray] = {}
    parts: dict[str, FloatArray] = {}
    unknown = []
    for entry, row in zip(entries, flux, strict=True):
        name = names.get((entry.charge, entry.mass_number))
        if name is None:
            unknown.append(entry.name)
            continue
        fluxes[name] = fluxes[name] + row if name in fluxes else row
        if entry.origin:
            part = f"{name}_{entry.origin}"
            parts[part] = parts[part] + row if part in parts else row
    return fluxes, parts, unknown
