"""Our tables hold the figures of the sources they were made from (skipped where the sources are not at hand)."""

import csv
from pathlib import Path

import numpy as np
import pytest

from propmat.measurements import (
    MeanFlux,
    antiproton_lis,
    conditions,
    galprop_proton_lis,
    mean_flux,
    mean_ratio,
    rotation_fluxes,
    rotations,
    voyager_lis,
    voyager_proton_lis,
)

SHARED = Path(__file__).parents[4] / "shared"
pytestmark = pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="no ../shared/data beside the repository")


def source(name: str) -> list[dict[str, str]]:
    with (SHARED / "data" / name).open() as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


@pytest.mark.parametrize(("species", "short"), [("proton", "p"), ("antiproton", "pbar")])
def test_ams(species: str, short: str) -> None:
    rows = source(f"ams02_{short}_prl2025_bartels.csv")
    tables = [rotation_fluxes(species, rotation) for rotation in rotations(species)]
    errors = ("statistical", "time_dependent", "systematic")
    ours = [
        np.repeat([float(table.rotation) for table in tables], 11),
        np.concatenate([table.rigidity_edges[:-1] for table in tables]),
        np.concatenate([table.rigidity_edges[1:] for table in tables]),
        *(np.concatenate([getattr(table, name) for table in tables]) for name in ("flux", *errors)),
    ]
    theirs = ("bartels_rotation", "x_lo", "x_hi", "flux", "err_stat", "err_tdep", "err_syst")
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(our, [float(row[their]) for row in rows])
    total = np.concatenate([table.total for table in tables])
    np.testing.assert_allclose(total, [float(row["err_total"]) for row in rows], rtol=1e-5)


def test_voyager() -> None:
    rows = [r for r in source("voyager_lis.csv") if r["quantity"] == "H" and r["ads"].startswith("2016ApJ")]
    data = voyager_proton_lis()
    pairs = {
        "e_lo_MeV": data.kinetic_energy_low * 1e3,
        "e_hi_MeV": data.kinetic_energy_high * 1e3,
        "e_MeV": data.kinetic_energy * 1e3,
        "flux": data.flux / 1e3,
        "err_total_pub": data.total / 1e3,
        "err_syst": data.systematic / 1e3,
    }
    for their, ours in pairs.items():
        np.testing.assert_allclose(ours, [float(row[their]) for row in rows], rtol=1e-12)


@pytest.mark.parametrize(("element", "symbol"), [("helium", "He"), ("boron", "B"), ("carbon", "C")])
def test_voyager_elements(element: str, symbol: str) -> None:
    rows = [r for r in source("voyager_lis.csv") if r["quantity"] == symbol and r["ads"].startswith("2016ApJ")]
    data = voyager_lis(element)
    for their, ours, unit in (
        ("e_lo_MeV", data.kinetic_energy_low, 1e3),
        ("e_hi_MeV", data.kinetic_energy_high, 1e3),
        ("e_MeV", data.kinetic_energy, 1e3),
        ("flux", data.flux, 1e-3),
        ("err_total_pub", data.total, 1e-3),
        ("err_syst", data.systematic, 1e-3),
    ):
        np.testing.assert_allclose(ours * unit, [float(row[their]) for row in rows], rtol=1e-9)


def test_ams_means() -> None:
    kiss = [row for row in source("ams02_time_averaged.csv") if row["ads"].startswith("2021PhR...894")]
    balan = source("ams02_pbar_and_ratio_physrep2021.csv")
    protons, carbon = ([row for row in kiss if row["quantity"] == name] for name in ("H", "B/C"))
    for rows, values, errors, ours in (
        (protons, "value", ("err_sta_up", "err_sys_up"), mean_flux("proton")),
        (balan, "flux", ("err_stat", "err_syst"), mean_flux("antiproton")),
        (balan, "pbar_over_p", ("err_stat_ratio", "err_syst_ratio"), mean_ratio("antiproton/proton")),
        (carbon, "value", ("err_sta_up", "err_sys_up"), mean_ratio("boron/carbon")),
    ):
        found = ours.flux if isinstance(ours, MeanFlux) else ours.ratio
        np.testing.assert_array_equal(found, [float(row[values]) for row in rows])
        np.testing.assert_array_equal(ours.statistical, [float(row[errors[0]]) for row in rows])
        np.testing.assert_array_equal(ours.systematic, [float(row[errors[1]]) for row in rows])
    edges = mean_flux("proton").rigidity_edges
    np.testing.assert_array_equal(edges, [1.0, *(float(row["e_bin_hi"]) for row in protons)])
    np.testing.assert_array_equal(mean_ratio("boron/carbon").rigidity, [float(row["e"]) for row in carbon])


def test_conditions() -> None:
    for row in source("heliosphere_per_bartels.csv"):
        ours = conditions(int(row["bartels_rotation"]))
        assert (ours.start.isoformat(), ours.end.isoformat()) == (row["t_start"], row["t_end"])
        assert (ours.B0, ours.wind, ours.tilt) == tuple(float(row[n]) for n in ("B_nT", "V_km_s", "tilt_L_deg"))
        assert conditions(ours.rotation, tilt="R").tilt == float(row["tilt_R_deg"])
        assert row["polarity"] in ("", str(ours.polarity))


def test_galprop() -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(SHARED / "reference" / "galprop_reference.h5") as file:
        point = file["points/P0/exact"]
        energy = point["Ekin"][:]
        inside = (energy >= 0.01) & (energy <= 1000.0)
        for name, ours in (("antiproton", antiproton_lis()), ("proton", galprop_proton_lis())):
            np.testing.assert_allclose(ours.kinetic_energy, energy[inside], rtol=1e-8)
            np.testing.assert_allclose(ours.flux, point[f"flux/{name}"][:][inside], rtol=1e-8)
