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

from propmat.measurements import antiproton_lis, conditions, rotation_fluxes, rotations, voyager_proton_lis
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
    voyager(source)
    solar(source)
    galprop(source)
    for species in ("proton", "antiproton"):
        known = rotations(species)
        bins = rotation_fluxes(species, 2531).flux.size
        print(f"{species}: {len(known)} rotations {known[0]}-{known[-1]}, {bins} bins")
    print(f"Voyager 1: {voyager_proton_lis().flux.size} points; antiproton LIS: {antiproton_lis().flux.size} energies")
    print(conditions(2531))


if __name__ == "__main__":
    main()
