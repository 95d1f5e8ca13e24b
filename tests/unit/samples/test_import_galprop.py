"""A user's own GALPROP outputs become samples: with the parameters of a manifest or of the galdef files beside them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from fake_spectra import ENERGY, fake_spectra

from propmat.errors import FileError, InputError
from propmat.galaxy.galprop_adapter import GalpropSettings, write_galdef
from propmat.galaxy.local_spectra import LocalSpectra
from propmat.parameters import GALAXY
from propmat.samples import NUCLEI_FILES, SpectraStore, find_sources, plan_galprop_import, read_manifest
from propmat.samples.galprop import galdef_parameters
from propmat.species import FloatArray

POINTS = GALAXY.sobol(4, seed=1)
POINTS[0] = [parameter.high for parameter in GALAXY.parameters]  # where a rounding error would leave the range


@pytest.fixture(autouse=True)
def read_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that hold the parameters in place of FITS images; the reader of those has its own tests."""

    def read(path: Path) -> LocalSpectra:
        try:
            return fake_spectra(np.loadtxt(path))
        except (ValueError, OSError):
            raise FileError(f"{path} is truncated or no FITS file.") from None

    monkeypatch.setattr("propmat.samples.galprop.read_nuclei", read)


def outputs(folder: Path, points: FloatArray = POINTS, *, galdefs: bool = True) -> Path:
    folder.mkdir()
    for number, point in enumerate(points):
        np.savetxt(folder / f"nuclei_56_run{number}.gz", point)
        if galdefs:
            parameters = dict(zip(GALAXY.names, point.tolist(), strict=True))
            write_galdef(folder / f"galdef_56_run{number}", parameters, GalpropSettings("galprop"))
    return folder


def manifest(folder: Path, rows: list[list[object]], titles: tuple[str, ...] = ("path", *GALAXY.names)) -> Path:
    with (folder / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows([titles, *rows])
    return folder / "list.csv"


def check(store: SpectraStore) -> None:
    table = SpectraStore.open(store.path).read()
    np.testing.assert_allclose(table.parameters, POINTS, rtol=1e-8)
    for sample, point in enumerate(POINTS):
        assert np.array_equal(table.fluxes[sample, 0], fake_spectra(point).flux("proton"))
    assert store.header.simulator == "galprop" and store.header.simulator_version == "56"


def test_galdef_files_beside_the_outputs(tmp_path: Path) -> None:
    sources = find_sources([outputs(tmp_path / "runs")], NUCLEI_FILES)
    check(plan_galprop_import(sources).write(tmp_path / "store", progress=False))


def test_a_manifest(tmp_path: Path) -> None:
    folder = outputs(tmp_path / "runs", galdefs=False)
    rows = [[f"nuclei_56_run{number}.gz", *point] for number, point in enumerate(POINTS.tolist())]
    sources = read_manifest(manifest(folder, rows), NUCLEI_FILES)
    check(plan_galprop_import(sources).write(tmp_path / "store", progress=False))


def test_the_manifest_goes_before_the_galdef(tmp_path: Path) -> None:
    folder = outputs(tmp_path / "runs")
    sources = read_manifest(manifest(folder, [["nuclei_56_run1.gz", 2.9]], ("path", "nu3")), NUCLEI_FILES)
    point = plan_galprop_import(sources, version="57").header.plan.parameters[0]
    assert point[2] == 2.9
    np.testing.assert_allclose(np.delete(point, 2), np.delete(POINTS[1], 2), rtol=1e-8)


def test_diffusion_given_at_another_rigidity_is_converted(tmp_path: Path) -> None:
    (tmp_path / "galdef").write_text("D0_xx = 4e28 # at 1 GV\nD_rigid_br = 1e3\nD_g_1 = 0.5\nD_g_2 = 0.5\n")
    assert galdef_parameters(tmp_path / "galdef") == pytest.approx({"D0": 8.0, "delta": 0.5})


def test_another_file_is_another_sample(tmp_path: Path) -> None:
    folder = outputs(tmp_path / "runs")
    sources = find_sources([folder], NUCLEI_FILES)
    planned = plan_galprop_import(sources)
    path = folder / "nuclei_56_run2.gz"
    np.savetxt(path, POINTS[2], fmt="%.12f")
    assert plan_galprop_import(sources).header.plan.key[2] != planned.header.plan.key[2]
    with pytest.raises(FileError, match=r"run2\.gz has changed"):
        planned.write(tmp_path / "store", progress=False)


def test_damaged_shards_are_made_anew(tmp_path: Path) -> None:
    planned = plan_galprop_import(find_sources([outputs(tmp_path / "runs")], NUCLEI_FILES), shard_size=2)
    store = planned.write(tmp_path / "store", progress=False)
    content = store.shard_path(1).read_bytes()
    store.shard_path(1).write_bytes(content[:-9])
    with pytest.raises(FileError, match="propmat data import"):
        store.read()
    planned.write(tmp_path / "store", resume=True, progress=False)
    assert store.shard_path(1).read_bytes() == content


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nuc_g_0 = steep", "nuc_g_0 = 'steep' is not a number"),
        ("D_g_2 = 0.1", "D_g_1 and D_g_2 differ"),
        ("inj_spectrum_type = Etot", "must be rigidity"),
        ("z_max = 20", "z_h = 20.0 kpc is outside"),
    ],
)
def test_a_galdef_that_the_parameters_cannot_express_is_refused(tmp_path: Path, line: str, message: str) -> None:
    folder = outputs(tmp_path / "runs")
    with (folder / "galdef_56_run3").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match=message) as refusal:
        plan_galprop_import(find_sources([folder], NUCLEI_FILES))
    assert "run3" in str(refusal.value)


def test_what_is_wrong_is_named_before_anything_is_written(tmp_path: Path) -> None:
    folder = outputs(tmp_path / "runs")
    sources = find_sources([folder], NUCLEI_FILES)
    with pytest.raises(InputError, match=r"run0\.gz and .*run0\.gz are of the same parameters"):
        plan_galprop_import([*sources, sources[0]])
    (folder / "galdef_56_run1").unlink()
    with pytest.raises(InputError, match=r"missing nu1, .*z_h\. Give .*galdef_56_run1 beside"):
        plan_galprop_import(sources)
    with pytest.raises(InputError, match="Did you mean 'nu1'"):
        read_manifest(manifest(folder, [["x", 2]], ("path", "nu_1")), NUCLEI_FILES)
    (folder / "nuclei_56_run0.gz").write_text("SIMPLE")
    with pytest.raises(FileError, match="no FITS file"):
        plan_galprop_import(sources)
    with pytest.raises(InputError, match="no files"):
        plan_galprop_import([])


def test_files_of_other_energies_or_versions_make_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = outputs(tmp_path / "runs")
    for name in ("nuclei", "galdef"):
        (path := next(folder.glob(f"{name}_56_run3*"))).rename(path.with_name(path.name.replace("56", "57")))
    with pytest.raises(InputError, match=r"of version 56, .*of version 57"):
        plan_galprop_import(find_sources([folder], NUCLEI_FILES))

    def read(path: Path) -> LocalSpectra:
        energy = ENERGY if "run0" in path.name else ENERGY[1:]
        return LocalSpectra(energy, {"proton": np.ones(energy.size)})

    monkeypatch.setattr("propmat.samples.galprop.read_nuclei", read)
    with pytest.raises(InputError, match=r"run1\.gz has other energies or species than .*run0"):
        plan_galprop_import(find_sources([folder], NUCLEI_FILES))
