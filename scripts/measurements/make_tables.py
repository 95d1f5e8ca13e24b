"""Write the tables of datasets/measurements/ from a folder of collected source files.

    python scripts/measurements/make_tables.py ../shared

The folder holds ``data/*.csv`` and ``reference/galprop_reference.h5``. The sources are not part of the repository; the
tables keep the published figures, in our own columns, with the reference to cite. Every table is read back through the
package's own validation before the script ends.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import h5py

from propmat.measurements import (
    MEAN_FLUXES,
    RATIOS,
    VOYAGER_ELEMENTS,
    antiproton_lis,
    conditions,
    mean_flux,
    mean_ratio,
    rotation_fluxes,
    rotations,
    voyager_lis,
    voyager_proton_lis,
)
from propmat.resources import datasets_dir

COMMAND = "python scripts/measurements/make_tables.py ../shared"
REVERSAL_YEARS = {1999, 2000, 2001, 2012, 2013, 2014, 2023, 2024}
LIS_RANGE_GEV = (0.01, 1000.0)

AMS_HEADER = """
title: AMS-02 {species} flux per Bartels rotation, 20 May 2011 to June 2022
reference: M. Aguilar et al. (AMS), Phys. Rev. Lett. 134, 051002 (2025), doi:10.1103/PhysRevLett.134.051002
source: published figures as collected in github.com/zhaopw5/lstmPaper at commit 315c119
units: rigidity in GV; flux and all errors in m^-2 s^-1 sr^-1 GV^-1
columns: rotation = Bartels rotation; rigidity_low, rigidity_high = ends of the bin; flux = mean over the bin
columns: statistical = statistical error
columns: time_dependent = the part of the systematic error that varies from rotation to rotation
columns: systematic = total systematic error; it already contains time_dependent
note: Rotations without data: {absent}.
note: Statistical errors that the source rounds to 0, and that are kept so: {rounded}.
"""
VOYAGER_HEADER = """
title: Voyager 1 proton spectrum in local interstellar space, 2012 day 342 to 2015 day 181
reference: A. C. Cummings et al., Astrophys. J. 831, 18 (2016), doi:10.3847/0004-637X/831/1/18
source: published figures as collected in github.com/davidpelosi21/correlation_SSN_Flux at commit 6f4f662
source: energy intervals from github.com/lenamiernik/interstellar-radiation-modeling at commit 20a5469
units: kinetic energy in GeV; flux and errors in m^-2 s^-1 sr^-1 GeV^-1 (published per MeV)
columns: kinetic_energy_low, kinetic_energy_high = ends of the interval
columns: kinetic_energy = energy at which the flux is quoted
columns: total = published error; systematic = published systematic error, 5 % of the flux
note: total already contains systematic; do not add them.
"""
VOYAGER_ELEMENT_HEADER = """
title: Voyager 1 {element} spectrum in local interstellar space, 2012 day 342 to 2015 day 181
reference: A. C. Cummings et al., Astrophys. J. 831, 18 (2016), doi:10.3847/0004-637X/831/1/18
source: {source}
units: kinetic energy in GeV per nucleon; flux and errors in m^-2 s^-1 sr^-1 (GeV/n)^-1 (published per MeV/n)
columns: series = number of a series of intervals; the series overlap in energy
columns: kinetic_energy_low, kinetic_energy_high = ends of the interval
columns: kinetic_energy = {quoted}
columns: total = published error; systematic = published systematic error, 5 % of the flux
note: All isotopes together. total already contains systematic; do not add them.
"""
VOYAGER_SOURCES = {
    "helium": "published figures as collected in github.com/davidpelosi21/correlation_SSN_Flux at commit 6f4f662",
    "heavier": "published figures as collected in github.com/cosmicrays/DRAGON2-Beta_version at commit cd58870",
}
AMS_MEAN_HEADER = """
title: AMS-02 {what}, mean of May 2011 to May 2018
reference: M. Aguilar et al. (AMS), Phys. Rept. 894, 1 (2021), doi:10.1016/j.physrep.2020.09.003
source: published figures as collected in {source}
units: rigidity in GV; {units}
columns: {columns}
columns: statistical = statistical error; systematic = total systematic error
note: Statistical errors that the source rounds to 0, and that are kept so: {rounded}.
"""
KISS = "github.com/carmeloevoli/KISS-CosmicRayDataBase at commit c582d77"
BALAN = "github.com/sowmiya-balan/AMS02antiprotonLikelihood at commit f965701"
CONDITIONS_HEADER = """
title: Heliospheric conditions per Bartels rotation
reference: tilt and polar field: Wilcox Solar Observatory, wso.stanford.edu
reference: J. T. Hoeksema, Space Sci. Rev. 72, 137 (1995)
reference: field and wind: OMNI2, J. H. King and N. E. Papitashvili, J. Geophys. Res. 110, A02104 (2005)
source: WSO and daily OMNI figures as collected in github.com/zhaopw5/lstmPaper at commit 315c119, averaged per rotation
units: tilt in deg; B in nT; V in km/s; days_B and days_V in days
columns: start, end = first and last day of the rotation
columns: tilt_L = classic line-of-sight model, tilt_R = radial model; both interpolated in time
columns: polarity = sign of the filtered polar field, (north - south)/2
columns: polarity_certain = false for every rotation that touches 1999-2001, 2012-2014 or 2023-2024
columns: polarity_certain = false also where the filtered field is missing; polarity is then that of the rotation before
columns: B = mean field magnitude over days_B days with data; V = mean wind speed over days_V days with data
note: Tilts above 70 deg are lower limits.
"""
LIS_HEADER = """
title: Antiproton and proton local interstellar spectra of one GALPROP run (reference point P0)
reference: GALPROP, galprop.stanford.edu
reference: A. W. Strong and I. V. Moskalenko, Astrophys. J. 509, 212 (1998), doi:10.1086/306470
reference: T. A. Porter, G. Johannesson and I. V. Moskalenko, Astrophys. J. Suppl. 262, 30 (2022)
source: a run of GALPROP 56.0.2870 with an exact steady-state solution of its discrete operator
units: kinetic energy in GeV; flux in m^-2 s^-1 sr^-1 GeV^-1
columns: antiproton = secondary + tertiary; proton = primary + secondary; both at R = 8.5 kpc, z = 0
parameters: D0 = {D0:g}e28 cm^2/s at 4 GV, delta = {delta:g}, eta = {eta:g}, v_A = {vA:g} km/s, z_h = {z_h:g} kpc
parameters: nu1 = {nu1:g}, nu2 = {nu2:g}, R_br1 = {R1:.5g} GV
note: Normalised to a primary proton flux of 4.4e-2 at 100 GeV; antiprotons have no factor of their own.
note: Output figures only. They stand in until the solver of this project exists.
"""


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a source CSV, comments skipped."""
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def write_table(name: str, header: str, columns: str, rows: Iterable[Sequence[object]]) -> None:
    """Write one table of our schema; ``columns`` are separated by spaces."""
    path = datasets_dir() / "measurements" / name
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {line}\n" for line in [*header.strip().splitlines(), f"command: {COMMAND}"])
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns.split())
        writer.writerows(rows)
    print(f"wrote {path.name}")


def ams(source: Path, species: str, short: str) -> None:
    """AMS-02 flux of one species per Bartels rotation."""
    names = ("bartels_rotation", "x_lo", "x_hi", "flux", "err_stat", "err_tdep", "err_syst")
    rows = [[row[name] for name in names] for row in read_rows(source / f"data/ams02_{short}_prl2025_bartels.csv")]
    present = {int(row[0]) for row in rows}
    absent = ", ".join(str(n) for n in range(min(present), max(present) + 1) if n not in present)
    rounded = sum(float(row[4]) == 0 for row in rows)
    header = AMS_HEADER.format(species=species, absent=absent, rounded=rounded)
    columns = "rotation rigidity_low rigidity_high flux statistical time_dependent systematic"
    write_table(f"ams02_{species}_2025.csv", header, columns, rows)


def voyager(source: Path) -> None:
    """Voyager 1 protons in local interstellar space, MeV to GeV."""
    rows = []
    for row in read_rows(source / "data/voyager_lis.csv"):
        if row["quantity"] == "H" and row["sub_exp"].startswith("Voyager1 "):
            energies = (float(row[name]) * 1e-3 for name in ("e_lo_MeV", "e_hi_MeV", "e_MeV"))
            fluxes = (float(row[name]) * 1e3 for name in ("flux", "err_total_pub", "err_syst"))
            rows.append([f"{value:.10g}" for value in (*energies, *fluxes)])
    columns = "kinetic_energy_low kinetic_energy_high kinetic_energy flux total systematic"
    write_table("voyager1_proton_2016.csv", VOYAGER_HEADER, columns, rows)


def voyager_element(source: Path, element: str, symbol: str) -> None:
    """Voyager 1 nuclei of one element in local interstellar space; a new series where the energies start again."""
    rows: list[list[str]] = []
    series, last = 1, 0.0
    for row in read_rows(source / "data/voyager_lis.csv"):
        if row["quantity"] == symbol and row["sub_exp"].startswith("Voyager1 "):
            low, high, quoted = (float(row[name]) * 1e-3 for name in ("e_lo_MeV", "e_hi_MeV", "e_MeV"))
            fluxes = (float(row[name]) * 1e3 for name in ("flux", "err_total_pub", "err_syst"))
            series += low < last
            last = low
            rows.append([str(series), *(f"{value:.10g}" for value in (low, high, quoted, *fluxes))])
    helium = element == "helium"
    header = VOYAGER_ELEMENT_HEADER.format(
        element=element,
        source=VOYAGER_SOURCES["helium" if helium else "heavier"],
        quoted="energy at which the flux is quoted" if helium else "geometric centre of the interval (ours)",
    )
    columns = "series kinetic_energy_low kinetic_energy_high kinetic_energy flux total systematic"
    write_table(f"voyager1_{element}_2016.csv", header, columns, rows)


def ams_mean(name: str, what: str, meaning: str, collection: str, columns: str, rows: list[list[str]]) -> None:
    """One table of AMS-02 means; its last two columns are the statistical and the systematic error."""
    ratio = "ratio" in columns
    units = "ratio and errors: pure numbers" if ratio else "flux and errors in m^-2 s^-1 sr^-1 GV^-1"
    rounded = sum(float(row[-2]) == 0 for row in rows)
    header = AMS_MEAN_HEADER.format(what=what, source=collection, units=units, columns=meaning, rounded=rounded)
    write_table(name, header, f"{columns} statistical systematic", rows)


def ams_means(source: Path) -> None:
    """AMS-02 fluxes and ratios averaged over seven years: protons, antiprotons, antiproton/proton, B/C."""
    kiss = [row for row in read_rows(source / "data/ams02_time_averaged.csv") if row["ads"] == "2021PhR...894....1A"]
    balan = read_rows(source / "data/ams02_pbar_and_ratio_physrep2021.csv")
    protons = pick([row for row in kiss if row["quantity"] == "H"], "e_bin_lo e_bin_hi value err_sta_lo err_sys_lo")
    carbon = pick(
        [row for row in kiss if row["quantity"] == "B/C" and row["e_type"] == "R"], "e value err_sta_lo err_sys_lo"
    )
    antiprotons = pick(balan, "x_lo x_hi flux err_stat err_syst")
    ratios = pick(balan, "x_lo x_hi pbar_over_p err_stat_ratio err_syst_ratio")
    bins = "rigidity_low rigidity_high"
    flux_of_bin = "rigidity_low, rigidity_high = ends of the bin; flux = mean over the bin"
    ratio_of_bin = "rigidity_low, rigidity_high = ends of the bin; ratio = ratio of the fluxes in the bin"
    centre = "rigidity = centre of the bin, whose ends the source does not give; ratio = ratio of the fluxes"
    ams_mean("ams02_proton_mean_2021.csv", "proton flux", flux_of_bin, KISS, f"{bins} flux", protons)
    ams_mean("ams02_antiproton_mean_2021.csv", "antiproton flux", flux_of_bin, BALAN, f"{bins} flux", antiprotons)
    name, what = "ams02_antiproton_to_proton_2021.csv", "antiproton to proton ratio"
    ams_mean(name, what, ratio_of_bin, BALAN, f"{bins} ratio", ratios)
    ams_mean("ams02_boron_to_carbon_2021.csv", "boron to carbon ratio", centre, KISS, "rigidity ratio", carbon)


def pick(rows: list[dict[str, str]], names: str) -> list[list[str]]:
    """Some columns of rows; ``names`` are separated by spaces."""
    return [[row[name] for name in names.split()] for row in rows]


def near_reversal(row: dict[str, str]) -> bool:
    """Whether any day of the rotation lies in a year of polarity reversal."""
    return bool({date.fromisoformat(row[name]).year for name in ("t_start", "t_end")} & REVERSAL_YEARS)


def solar(source: Path) -> None:
    """Tilt, polarity, field and wind per Bartels rotation."""
    before = ("bartels_rotation", "t_start", "t_end", "tilt_L_deg", "tilt_R_deg")
    after = ("B_nT", "n_days_B", "V_km_s", "n_days_V")
    rows, polarity = [], ""
    for row in read_rows(source / "data/heliosphere_per_bartels.csv"):
        certain = bool(row["polarity"]) and not near_reversal(row)
        polarity = row["polarity"] or polarity
        flag = str(certain).lower()
        rows.append([*(row[name] for name in before), polarity, flag, *(row[name] for name in after)])
    columns = "rotation start end tilt_L tilt_R polarity polarity_certain B days_B V days_V"
    write_table("conditions.csv", CONDITIONS_HEADER, columns, rows)


def galprop(source: Path) -> None:
    """Antiproton and proton LIS of the GALPROP reference point P0."""
    with h5py.File(source / "reference/galprop_reference.h5") as file:
        point = file["points/P0"]
        header = LIS_HEADER.format(**point.attrs)
        spectra = [point[f"exact/{name}"][:] for name in ("Ekin", "flux/antiproton", "flux/proton")]
    low, high = LIS_RANGE_GEV
    rows = [[f"{value:.9g}" for value in row] for row in zip(*spectra, strict=True) if low <= row[0] <= high]
    write_table("galprop_p0_antiproton_lis.csv", header, "kinetic_energy antiproton proton", rows)


def main() -> None:
    """Write all tables, then read each one back."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="folder with data/ and reference/")
    source = parser.parse_args().source
    ams(source, "proton", "p")
    ams(source, "antiproton", "pbar")
    ams_means(source)
    voyager(source)
    for element, symbol in (("helium", "He"), ("boron", "B"), ("carbon", "C")):
        voyager_element(source, element, symbol)
    solar(source)
    galprop(source)
    for species in ("proton", "antiproton"):
        known = rotations(species)
        bins = rotation_fluxes(species, 2531).flux.size
        print(f"{species}: {len(known)} rotations {known[0]}-{known[-1]}, {bins} bins")
    print(f"Voyager 1: {voyager_proton_lis().flux.size} points; antiproton LIS: {antiproton_lis().flux.size} energies")
    for name in MEAN_FLUXES:
        print(f"mean {name} flux: {mean_flux(name).flux.size} bins")
    for name in RATIOS:
        print(f"mean {name}: {mean_ratio(name).ratio.size} points")
    for name in VOYAGER_ELEMENTS:
        print(f"Voyager 1 {name}: {voyager_lis(name).flux.size} points")
    print(conditions(2531))


if __name__ == "__main__":
    main()
