"""A NetCDF file opened with xarray holds what the store holds, under names and units, or is not there at all."""

import json
import sys
from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import pytest
from fake_particles import fake_simulate_many, tiny_particles
from fake_samples import GRID, fake_simulate, tiny_header
from fake_spectra import ENERGY, PAIRS, fake_simulator, tiny_design

from propmat import __version__
from propmat.errors import FileError, InputError
from propmat.samples import ParticleStore, SampleStore, create_spectra, produce, produce_spectra
from propmat.samples.exporting import export
from propmat.samples.labelled import dataset
from propmat.samples.particle_header import ParticleTable

xarray = pytest.importorskip("xarray")
pytest.importorskip("h5netcdf")
# The fake simulation loses some particles on purpose; a unit of time must not make xarray turn numbers into dates.
pytestmark = [
    pytest.mark.filterwarnings("ignore::propmat.errors.TruncationWarning"),
    pytest.mark.filterwarnings("error::FutureWarning"),
]


@pytest.fixture(scope="module")
def histograms(tmp_path_factory):
    store = SampleStore.create(tmp_path_factory.mktemp("export") / "store", tiny_header())
    produce(store, simulate=fake_simulate, progress=False)
    return store


@pytest.fixture(scope="module")
def spectra(tmp_path_factory):
    store = create_spectra(tmp_path_factory.mktemp("export") / "store", fake_simulator(), tiny_design(), matrices=PAIRS)
    produce_spectra(store, fake_simulator(), progress=False)
    return store


@pytest.fixture(scope="module")
def particles(tmp_path_factory):
    store = ParticleStore.create(tmp_path_factory.mktemp("export") / "store", tiny_particles(start=7))
    header = store.header
    for shard in range(header.design.shards):
        samples = header.design.shard_range(shard)
        planned = header.planned(samples)
        run = fake_simulate_many(
            species="proton",
            polarity=1,
            kinetic_energy=planned["kinetic_energy"],
            parameters=planned["parameters"],
            numbers=header.design.numbers(samples),
            seed=0,
        )
        gain = np.where(run.truncated, np.nan, run.log_gain)
        store.write_shard(shard, ParticleTable(**planned, log_gain=gain, truncated=run.truncated))
    return store


@lru_cache
def exported(folder):
    with xarray.open_dataset(export(folder, folder.with_name("samples.nc"), progress=False)) as file:
        return file.load()


def opened(store):
    """The file of a store, exported once."""
    return exported(store.path)


def test_histograms_come_back_with_their_axes(histograms):
    found, table = opened(histograms), histograms.read()
    for name in ("counts", "truncated", "particles", "propagation_time_mean", "key", "seed", "drift_sign"):
        expected = getattr(table, name)
        assert np.array_equal(found[name], expected) and found[name].dtype.kind == expected.dtype.kind
    assert found.counts.dims == ("sample", "toa", "lis") and found.counts.shape == table.counts.shape
    assert np.array_equal(found.toa, GRID.toa) and np.array_equal(found.lis_edges, GRID.lis_edges)
    assert np.array_equal(found.sample, np.arange(10)) and set(found.species.values) == {"proton"}
    assert np.array_equal(found.polarity, [1, -1] * 5)
    for index, name in enumerate(("B0", "tilt", "K0", "a", "b")):
        assert np.array_equal(found[name], table.parameters[:, index])


def test_histograms_can_be_worked_with_by_name(histograms):
    """Counts and truncated particles add up; a mean of an energy over the columns lies between their edges."""
    found = opened(histograms)
    assert (found.counts.sum("lis") + found.truncated == found.particles).all()
    inner = found.lis_energy
    assert ((inner > found.lis_edges[:, :-1].values) & (inner < found.lis_edges[:, 1:].values)).all()
    strong = found.isel(sample=found.B0.values > np.median(found.B0))
    assert 0 < strong.sizes["sample"] < found.sizes["sample"] and strong.counts.sel(toa=2.0).dims == ("sample", "lis")


def test_spectra_come_back_with_their_axes(spectra):
    found, table = opened(spectra), spectra.read()
    for name in ("fluxes", "parts", "injections", "matrices", "parameters"):
        values = getattr(table, name)
        if name == "parameters":
            assert np.array_equal(np.stack([found[item] for item in spectra.header.parameter_space.names], -1), values)
        else:
            assert np.array_equal(found[name], values) and found[name].dtype == values.dtype
    assert np.array_equal(found.fluxes.sel(species="antiproton"), table.fluxes[:, 1])
    assert np.array_equal(found.kinetic_energy, ENERGY)
    # Matrix times injection is the flux, as in the store.
    matrices = found.matrices.isel(pair=0).rename(observed_kinetic_energy="kinetic_energy")
    injection = found.injections.sel(injected="proton", drop=True).rename(kinetic_energy="injected_kinetic_energy")
    proton = (matrices * injection).sum("injected_kinetic_energy")
    assert np.allclose(proton, found.fluxes.sel(species="proton"), rtol=1e-6)
    assert list(zip(found.pair_injected.values, found.pair_observed.values, strict=True)) == list(PAIRS)


def test_what_a_store_does_not_keep_has_no_axis(tmp_path):
    store = create_spectra(tmp_path / "store", fake_simulator(), tiny_design())
    produce_spectra(store, fake_simulator(), progress=False)
    assert set(opened(store).sizes) == {"sample", "species", "kinetic_energy", "part"}


def test_particles_come_back_with_what_is_not_stored(particles):
    found, table = opened(particles), particles.read()
    assert np.array_equal(found.log_gain, table.log_gain.astype(np.float32), equal_nan=True)
    assert np.array_equal(np.isnan(found.log_gain), table.truncated)
    for name in ("kinetic_energy", "drift_sign", "nucleons_per_charge"):
        assert np.array_equal(found[name], getattr(table, name))
    assert np.array_equal(found.K0, table.parameters[:, 2]) and found.K0.dtype == np.float32
    assert np.array_equal(found.number, np.arange(7, 1007))


@pytest.mark.parametrize("kind", ["histograms", "spectra", "particles"])
def test_a_file_says_what_it_is_and_in_which_units(kind, request):
    store = request.getfixturevalue(kind)
    found = opened(store)
    assert all(variable.attrs["long_name"] for variable in found.variables.values())
    reals = {name: variable for name, variable in found.variables.items() if variable.dtype.kind == "f"}
    assert all("units" in variable.attrs for variable in reals.values())
    parameters = store.header.parameter_space.parameters
    assert {found[item.name].attrs["units"] for item in parameters} == {item.unit or "1" for item in parameters}
    assert found.attrs["propmat_version"] == __version__ and found.attrs["Conventions"].startswith("CF-")
    assert found.attrs["store_digest"] == store.digest()
    assert json.loads(found.attrs["design"])["seed"] == 3
    assert json.loads(found.attrs["model"]) == dict(store.header.model)
    assert found.attrs["simulator_version"] == "1" and "provenance_command" in found.attrs
    assert sorted(path.name for path in store.path.parent.iterdir()) == ["samples.nc", "store"]


def test_the_file_grows_as_the_dataset_in_memory_is(spectra):
    found = opened(spectra).drop_attrs(deep=False)
    assert found.identical(dataset(spectra.header, spectra.read()).drop_attrs(deep=False))


def test_nothing_is_left_of_an_export_that_fails(tmp_path):
    store = SampleStore.create(tmp_path / "store", tiny_header())
    produce(store, simulate=fake_simulate, progress=False, shards=[0, 2])
    target = tmp_path / "samples.nc"
    with pytest.raises(FileError, match=r"shard-00001\.h5 is not made yet"):
        export(store, target, progress=False)
    produce(store, simulate=fake_simulate, progress=False)
    store.shard_path(1).write_bytes(b"damaged")
    with pytest.raises(FileError, match=r"shard-00001\.h5 is damaged"):
        export(store, target, progress=False)
    with pytest.raises(FileError, match="cannot write"):
        export(store, tmp_path / "no" / "folder" / "samples.nc", progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_an_export_stops_before_the_disk_is_full(histograms, tmp_path, monkeypatch):
    """HDF5 brings the process down otherwise; space runs out after the second shard here."""
    left = iter([2**30, 2**30, 2**20])
    monkeypatch.setattr("propmat.samples.exporting.disk_usage", lambda path: SimpleNamespace(free=next(left)))
    with pytest.raises(FileError, match="1 MB are free there, 67 MB are needed"):
        export(histograms, tmp_path / "samples.nc", progress=False)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_left_alone(histograms, tmp_path):
    (tmp_path / "samples.nc").write_text("do not lose")
    with pytest.raises(InputError, match="there already"):
        export(histograms, tmp_path / "samples.nc", progress=False)
    assert (tmp_path / "samples.nc").read_text() == "do not lose"


@pytest.mark.parametrize("package", ["xarray", "h5netcdf"])
def test_a_missing_package_is_named_with_its_extra(histograms, tmp_path, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"needs {package}: pip install 'propmat\[export\]'"):
        export(histograms.path, tmp_path / "samples.nc", progress=False)
    assert not list(tmp_path.iterdir())
