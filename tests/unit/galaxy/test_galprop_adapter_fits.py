"""The reader, on small files in the layout in which GALPROP stores its nuclei."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from propmat.errors import FileError, InputError
from propmat.galaxy.galprop_adapter import read_nuclei

pytest.importorskip("astropy")

REFERENCE = Path(__file__).parents[4] / "shared" / "reference" / "galprop_reference.h5"
STEP = 0.5
"""Decades between energies."""
ENERGY = 10.0 ** (1.0 + STEP * np.arange(9))
"""MeV/n."""
SPECIES = [
    ("tertiary_antiprotons", -1, 1, 0),
    ("secondary_antiprotons", -1, 1, 0),
    ("secondary_protons", 1, 1, 0),
    ("Hydrogen_1", 1, 1, 0),
    ("Helium_4", 2, 4, 0),
]


def write_nuclei(path, species, flux, axes, energy_start=1.0, energy_step=0.5, names=True):  # type: ignore[no-untyped-def]
    """GALPROP's file of J [cm^-2 s^-1 sr^-1 (MeV/n)^-1], (species, energy, ..., x); axes: (start, step) from x on."""
    from astropy.io import fits

    energy = 10.0 ** (energy_start + energy_step * np.arange(flux.shape[1]))
    image = flux * energy.reshape(-1, *[1] * (flux.ndim - 2)) ** 2
    hdu = fits.PrimaryHDU(image.astype(">f4"))
    for number, (start, step) in enumerate([*axes, (energy_start, energy_step), (1, 1)], 1):
        hdu.header[f"CRVAL{number}"] = float(start)
        hdu.header[f"CDELT{number}"] = float(step)
    for number, (name, charge, mass_number, electrons) in enumerate(species, 1):
        if names:
            hdu.header[f"NAME{number:03d}"] = name
        hdu.header[f"NUCZ{number:03d}"] = charge
        hdu.header[f"NUCA{number:03d}"] = mass_number
        hdu.header[f"NUCK{number:03d}"] = electrons
    hdu.writeto(path)


def spectra(count: int = len(SPECIES)) -> np.ndarray[Any, Any]:
    """(species, energy) each with a level of its own, falling as E^-2.7."""
    return (1.0 + np.arange(count))[:, None] * 1e-3 * ENERGY**-2.7


def plane_file(path: Path, **options: Any) -> Path:
    """Fluxes linear in radius, as at the Sun at r = 8.5."""
    slope = 1.0 + 0.1 * (np.arange(25) - 8.5)
    write_nuclei(path, SPECIES, spectra()[:, :, None, None] * slope, [(0.0, 1.0), (0.0, 0.1)], **options)
    return path


def test_units_and_totals(tmp_path: Path) -> None:
    found = read_nuclei(plane_file(tmp_path / "nuclei_56_x.gz"))
    assert found.kinetic_energy == pytest.approx(ENERGY * 1e-3)
    expected = spectra() * 1e7  # 1/(cm2 MeV) = 1e7/(m2 GeV)
    assert found.species == ("antiproton", "proton", "helium4")
    for name, rows in {"antiproton": [0, 1], "proton": [2, 3], "helium4": [4]}.items():
        np.testing.assert_allclose(found.flux(name), expected[rows].sum(axis=0), rtol=1e-6)
    parts = ["antiproton_tertiary", "antiproton_secondary", "proton_secondary", "proton_primary"]
    assert sorted(found.parts) == sorted(parts)
    for row, part in enumerate(parts):
        np.testing.assert_allclose(found.flux(part), expected[row], rtol=1e-6)


def test_files_without_names_tell_the_origin_by_their_order(tmp_path: Path) -> None:
    named = read_nuclei(plane_file(tmp_path / "named"))
    unnamed = read_nuclei(plane_file(tmp_path / "unnamed", names=False))
    assert named.parts.keys() == unnamed.parts.keys()
    for part in named.parts:
        np.testing.assert_array_equal(named.flux(part), unnamed.flux(part))


@pytest.mark.parametrize("radius", [0.0, 8.0, 8.3, 24.0])
def test_linear_in_radius(tmp_path: Path, radius: float) -> None:
    found = read_nuclei(plane_file(tmp_path / "nuclei_56_x"), radius)
    ratio = found.flux("helium4") / (spectra()[4] * 1e7)
    np.testing.assert_allclose(ratio, 1.0 + 0.1 * (radius - 8.5), rtol=2e-6)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_full_files_are_read_in_the_plane_at_the_sun(tmp_path: Path, dimensions: int) -> None:
    """Fluxes linear in every coordinate, the plane and y = 0 between grid points."""
    x, height = -12.0 + 3.0 * np.arange(9), -0.7 + 0.4 * np.arange(5)
    if dimensions == 2:
        place = 100.0 + x + 5.0 * height[:, None]
        axes = [(-12.0, 3.0), (-0.7, 0.4)]
    else:
        place = 100.0 + x + 5.0 * height[:, None, None] + 2.0 * (-1.0 + 0.7 * np.arange(4))[:, None]
        axes = [(-12.0, 3.0), (-1.0, 0.7), (-0.7, 0.4)]
    spectrum = spectra().reshape(*spectra().shape, *[1] * dimensions)
    write_nuclei(tmp_path / "nuclei_full_56_x", SPECIES, spectrum * place, axes)
    found = read_nuclei(tmp_path / "nuclei_full_56_x")
    np.testing.assert_allclose(found.flux("helium4"), 108.5 * spectra()[4] * 1e7, rtol=2e-6)


def test_electrons_attached_and_foreign_isotopes(tmp_path: Path) -> None:
    species = [
        ("Beryllium_7*", 4, 7, 1),
        ("Beryllium_7", 4, 7, 0),
        ("Scandium_45", 21, 45, 0),
        ("DM_positrons", 1, 0, 0),
    ]
    flux = spectra(4)[:, :, None, None] * np.ones(25)
    write_nuclei(tmp_path / "nuclei_56_x", species, flux, [(0.0, 1.0), (0.0, 0.1)])
    with pytest.warns(UserWarning, match=r"does not know them: Scandium_45\."):
        found = read_nuclei(tmp_path / "nuclei_56_x")
    assert found.species == ("beryllium7", "positron")
    np.testing.assert_allclose(found.flux("beryllium7"), 3e-3 * ENERGY**-2.7 * 1e7, rtol=1e-6)
    assert set(found.parts) == {"positron_dark_matter"}


def test_the_reference_in_galprops_layout(tmp_path: Path) -> None:
    """Everything the reference run propagated, written as GALPROP does: the same totals as the reference made of it."""
    if not REFERENCE.is_file():
        pytest.skip(f"{REFERENCE} is absent")
    import h5py

    with h5py.File(REFERENCE) as file:
        group = file["points/P0/stock"]
        flux, energy, total = group["flux_all"][...], group["Ekin"][...], dict(group["flux"])
        total = {name: values[...] for name, values in total.items()}
        names = [name.decode() for name in group["species"]]
        species = list(zip(names, group["Z"][...].tolist(), group["A"][...].tolist(), [0] * len(names), strict=True))
    start, step = np.log10(energy[0] * 1e3), np.log10(energy[-1] / energy[0]) / (len(energy) - 1)
    path = tmp_path / "nuclei_56_P0.gz"
    image = (flux * 1e-7)[:, :, None, None] * np.ones(48)
    write_nuclei(path, species, image, [(0.0, 0.425), (0.0, 0.1)], start, step)
    found = read_nuclei(path)
    assert len(found.species) == 19
    primary = np.interp(np.log(100.0), np.log(energy), np.log(found.flux("proton_primary")))
    assert np.exp(primary) == pytest.approx(0.044, rel=1e-6), "where GALPROP normalised it"
    np.testing.assert_allclose(found.kinetic_energy, energy, rtol=1e-9)
    pairs = {"proton": "proton", "antiproton": "antiproton", "antiproton_tertiary": "antiproton_tertiary"}
    pairs |= {"helium4": "He4", "boron10": "B10", "boron11": "B11", "carbon12": "C12", "oxygen18": "O18"}
    for ours, theirs in pairs.items():
        np.testing.assert_allclose(found.flux(ours), total[theirs], rtol=1e-6)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.3, 0.6, 0.95])
def test_truncated_files(tmp_path: Path, packed: bool, kept: float) -> None:
    content = plane_file(tmp_path / "whole").read_bytes()
    assert len(content) > 2 * 2880
    content = content[: 2880 * 2 + len(SPECIES) * len(ENERGY) * 25 * 4]  # without the padding at the end
    if packed:
        content = gzip.compress(content)
    path = tmp_path / "nuclei_56_x"
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(FileError, match="truncated or no FITS file"):
        read_nuclei(path)


def test_what_is_no_nuclei_file(tmp_path: Path) -> None:
    from astropy.io import fits

    with pytest.raises(FileError, match="does not exist"):
        read_nuclei(tmp_path / "absent")
    (tmp_path / "garbage").write_bytes(b"Segmentation fault\n" * 1000)
    with pytest.raises(FileError, match="truncated or no FITS file"):
        read_nuclei(tmp_path / "garbage")
    fits.PrimaryHDU(np.zeros((4, 5))).writeto(tmp_path / "picture")
    with pytest.raises(FileError, match="not 4 or 5 axes"):
        read_nuclei(tmp_path / "picture")
    fits.PrimaryHDU(np.zeros((2, 3, 1, 4))).writeto(tmp_path / "cube")
    with pytest.raises(FileError, match="CRVAL3 = None is no number"):
        read_nuclei(tmp_path / "cube")


@pytest.mark.parametrize(("key", "value"), [("NUCZ004", None), ("NUCA001", "one"), ("CDELT3", -0.1), ("CRVAL1", "r")])
def test_headers_that_lack_something_name_it(tmp_path: Path, key: str, value: object) -> None:
    from astropy.io import fits

    path = plane_file(tmp_path / "nuclei_56_x")
    with fits.open(path, mode="update") as hdus:
        if value is None:
            del hdus[0].header[key]
        else:
            hdus[0].header[key] = value
    with pytest.raises(FileError, match=key):
        read_nuclei(path)


@pytest.mark.parametrize("bad", [-1e-9, np.nan, np.inf])
def test_fluxes_that_no_converged_run_has(tmp_path: Path, bad: float) -> None:
    flux = spectra()[:, :, None, None] * np.ones(25)
    flux[3, 4] = bad
    write_nuclei(tmp_path / "nuclei_56_x", SPECIES, flux, [(0.0, 1.0), (0.0, 0.1)])
    with pytest.raises(FileError, match="flux of Hydrogen_1 is negative or not finite"):
        read_nuclei(tmp_path / "nuclei_56_x")


def test_a_sun_off_the_grid(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"radius = 24\.5 kpc is outside the allowed range \[0, 24\]"):
        read_nuclei(plane_file(tmp_path / "nuclei_56_x"), 24.5)
    flux = spectra()[:, :, None, None] * np.ones((2, 25))
    write_nuclei(tmp_path / "nuclei_full_56_x", SPECIES, flux, [(0.0, 1.0), (0.5, 0.1)])
    with pytest.raises(FileError, match="axis 2 does not contain the galactic plane"):
        read_nuclei(tmp_path / "nuclei_full_56_x")


def test_astropy_is_asked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = plane_file(tmp_path / "nuclei_56_x")
    monkeypatch.setitem(__import__("sys").modules, "astropy.io.fits", None)
    with pytest.raises(InputError, match=r"propmat\[galprop\]"):
        read_nuclei(path)
