"""A store of the Galaxy gives back what its simulator said, in the folder, with the guarantees, of every store."""

import json
import os
import signal
import warnings
from dataclasses import replace

import h5py
import numpy as np
import pytest
from fake_samples import fake_simulate, tiny_header
from fake_spectra import ENERGY, PAIRS, fake_simulator, fake_solve, fake_spectra, tiny_design

from propmat.errors import FileError, InputError
from propmat.galaxy.galprop_adapter import GalpropSettings
from propmat.parameters import GALAXY
from propmat.samples import (
    SampleStore,
    SpectraGrid,
    SpectraHeader,
    SpectraStore,
    create_spectra,
    galprop_simulator,
    open_store,
    produce,
    produce_spectra,
)
from propmat.samples.failures import UnitsFailed


def filled(path, simulator=None, *, matrices=PAIRS, **design):
    simulator = simulator or fake_simulator()
    store = create_spectra(path, simulator, tiny_design(**design), matrices=matrices)
    produce_spectra(store, simulator, progress=False)
    return store


def test_a_store_gives_back_what_the_simulator_said(tmp_path):
    filled(tmp_path / "store")
    store = open_store(tmp_path / "store")
    assert isinstance(store, SpectraStore) and not store.missing()
    grid, table = store.header.grid, store.read()
    assert grid.species == ("proton", "antiproton") and grid.parts == ("proton_primary",) and grid.matrices == PAIRS
    assert np.array_equal(grid.kinetic_energy, ENERGY)
    GALAXY.check(table.parameters)
    for sample, point in enumerate(table.parameters):
        said = fake_spectra(point)
        assert np.array_equal(table.fluxes[sample], [said.flux("proton"), said.flux("antiproton")])
        assert np.array_equal(table.parts[sample, 0], said.flux("proton_primary"))
    # What an emulator learns from: a stored matrix times the stored injection is the stored flux.
    folded = np.einsum("npij,nj->npi", table.matrices, table.injections[:, 0])
    np.testing.assert_allclose(folded, table.fluxes, rtol=1e-6)


def test_what_is_not_kept_takes_no_place(tmp_path):
    store = filled(tmp_path / "store", matrices=())
    with h5py.File(store.shard_path(0)) as file:
        assert set(file) == {"key", "parameters", "seed", "fluxes", "parts"}
    assert store.read().matrices.shape == (5, 0, 12, 12) and store.read().injections.shape == (5, 0, 12)


def test_keys_are_what_they_have_always_been(tmp_path):
    """Another key for the same sample would orphan every store made before."""
    keys = filled(tmp_path / "store", matrices=()).header.plan.key
    assert keys[0] == "ae142511d71f16a5090c21c28d9ce22a72e376e3b21dd9a87fbc1474e65b4196"
    assert tuple(filled(tmp_path / "longer", matrices=(), count=9).header.plan.key[:5]) == tuple(keys)


@pytest.mark.parametrize("change", [{"name": "galprop"}, {"version": "2"}, {"model": {"name": "fake", "energies": 13}}])
def test_what_makes_another_sample_makes_another_key(tmp_path, change):
    first = filled(tmp_path / "one").header.plan.key
    second = filled(tmp_path / "two", fake_simulator(**change)).header.plan.key
    assert len(set(first)) == 5 and not set(first) & set(second)


def test_the_header_survives_exactly(tmp_path):
    header = filled(tmp_path / "store").header
    again = SpectraHeader.from_json(header.to_json())
    assert again.differences(header) == () and again.grid.matrices == PAIRS and again.provenance == header.provenance
    assert json.loads(header.to_json())["content"] == "spectra"


def test_killed_between_shards_and_resumed_is_the_same(tmp_path):
    whole = filled(tmp_path / "whole")

    def interrupted(points, matrices):
        for point, spectra in zip(points, fake_solve(points), strict=True):
            if np.array_equal(point, whole.header.plan.parameters[3]):
                os.kill(os.getpid(), signal.SIGINT)
            yield spectra

    simulator = fake_simulator(solve=interrupted)
    store = create_spectra(tmp_path / "store", simulator, tiny_design(), matrices=PAIRS)
    with pytest.raises(KeyboardInterrupt, match=r"2 shards to go.*resume=true"):
        produce_spectra(store, simulator, progress=False)
    assert store.missing() == (1, 2) and not store.verify()
    store = create_spectra(tmp_path / "store", fake_simulator(), tiny_design(), matrices=PAIRS, resume=True)
    produce_spectra(store, fake_simulator(), progress=False)
    assert store.digest() == whole.digest()
    assert all(store.shard_path(shard).read_bytes() == whole.shard_path(shard).read_bytes() for shard in range(3))


def test_a_damaged_shard_is_named_and_redone(tmp_path, capsys):
    store = filled(tmp_path / "store")
    content = store.shard_path(1).read_bytes()
    store.shard_path(1).write_bytes(content[:-50])
    with pytest.raises(FileError, match=r"shard-00001.*propmat simulate"):
        store.read()
    produce_spectra(store, fake_simulator())
    assert "making anew" in capsys.readouterr().err and store.shard_path(1).read_bytes() == content


def test_only_what_is_missing_is_solved_a_shard_in_one_go(tmp_path):
    calls = []

    def counted(points, matrices):
        calls.append(len(points))
        return fake_solve(points)

    store = filled(tmp_path / "store")
    store.shard_path(0).unlink()
    store.shard_path(2).unlink()
    produce_spectra(store, fake_simulator(solve=counted), progress=False)
    assert calls == [2, 1] and not store.missing()


def test_a_failing_sample_is_named_with_its_parameters_and_the_rest_goes_on(tmp_path):
    store = create_spectra(tmp_path / "store", fake_simulator(), tiny_design())
    point = store.header.plan.parameters[3]

    def failing(points, matrices):
        for each, spectra in zip(points, fake_solve(points), strict=True):
            if np.array_equal(each, point):
                raise FileError("galprop crashed: ended by SIGSEGV.")
            yield spectra

    first, last = f"{point[0]:.9g}", f"{point[-1]:.9g}"
    named = rf"1 of 3 shards.*\n.*attempt 3 of 3: sample 3 \(nu1 = {first}, .*z_h = {last}\): galprop crashed"
    with pytest.raises(UnitsFailed, match=named):
        produce_spectra(store, fake_simulator(solve=failing), progress=False)
    assert store.missing() == (1,) and len(store.read(require_complete=False)) == 3


def test_a_simulator_that_changes_its_axes_is_refused(tmp_path):
    store = create_spectra(tmp_path / "store", fake_simulator(), tiny_design())

    def shifted(points, matrices):
        return (replace(spectra, kinetic_energy=ENERGY * 1.01) for spectra in fake_solve(points))

    def fewer(points, matrices):
        return (replace(spectra, fluxes={"proton": spectra.flux("proton")}) for spectra in fake_solve(points))

    for solve, message in ((shifted, "energies"), (fewer, "antiproton")):
        with pytest.raises(UnitsFailed, match=message):
            produce_spectra(store, fake_simulator(solve=solve), progress=False)
    assert store.missing() == (0, 1, 2)


def test_other_samples_are_refused_on_resume(tmp_path):
    filled(tmp_path / "store")
    with pytest.raises(InputError, match="resume=true"):
        create_spectra(tmp_path / "store", fake_simulator(), tiny_design(), matrices=PAIRS)
    for simulator, design, matrices, names in (
        (fake_simulator(version="2"), tiny_design(), PAIRS, "simulator_version"),
        (fake_simulator(), tiny_design(seed=4), PAIRS, "design.seed"),
        (fake_simulator(), tiny_design(), PAIRS[:1], "grid"),
    ):
        with pytest.raises(FileError, match=names):
            create_spectra(tmp_path / "store", simulator, design, matrices=matrices, resume=True)


def test_stores_of_two_kinds_are_never_taken_for_each_other(tmp_path):
    filled(tmp_path / "galaxy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        produce(SampleStore.create(tmp_path / "heliosphere", tiny_header()), simulate=fake_simulate, progress=False)
    with pytest.raises(InputError, match="galaxy holds local interstellar spectra of the Galaxy; histograms"):
        SampleStore.open(tmp_path / "galaxy")
    with pytest.raises(InputError, match="heliosphere holds histograms of exit energies"):
        SpectraStore.open(tmp_path / "heliosphere")
    with pytest.raises(InputError, match="holds local interstellar spectra"):
        SampleStore.create(tmp_path / "galaxy", tiny_header(), resume=True)
    assert isinstance(open_store(tmp_path / "heliosphere"), SampleStore)


def test_matrices_that_a_simulator_does_not_have_are_refused():
    with pytest.raises(InputError, match="Did you mean 'proton'"):
        fake_simulator(check_pairs=lambda pairs: pytest.fail("asked")).check_matrices((("protn", "proton"),))
    with pytest.raises(InputError, match="'carbon12'"):
        fake_simulator().check_matrices((("carbon12", "proton"),))
    with pytest.raises(InputError, match="galprop tells none"):
        fake_simulator(name="galprop", check_pairs=None).check_matrices(PAIRS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kinetic_energy": ENERGY[::-1]}, "increasing"),
        ({"species": ()}, "at least one"),
        ({"species": ("proton", "proton")}, "different"),
        ({"matrices": (("proton", "boron10"),)}, "boron10"),
    ],
)
def test_senseless_axes_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        SpectraGrid(**{"kinetic_energy": ENERGY, "species": ("proton",)} | change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 0}, "count = 0"),
        ({"seed": -1}, "seed"),
        ({"shard_size": 2.5}, "shard_size"),
        ({"kind": "sobl"}, "sobol"),
    ],
)
def test_senseless_designs_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        tiny_design(**change)


@pytest.mark.parametrize(
    "damage",
    [
        {"kinetic_energy": ["x"]},
        {"kinetic_energy": [2.0, 1.0]},
        {"species": "proton"},
        {"species": [1]},
        {"matrices": [["proton"]]},
        {"more": 1},
    ],
)
def test_a_forged_header_is_refused(tmp_path, damage):
    header = filled(tmp_path / "store").header
    forged = type("Forged", (SpectraHeader,), {"grid_values": lambda self: SpectraHeader.grid_values(self) | damage})
    values = {name: getattr(header, name) for name in ("simulator", "simulator_version", "model", "grid", "space")}
    (tmp_path / "store" / "store.json").write_text(forged(**values, design=header.design).to_json())
    with pytest.raises(FileError, match=r"store\.json is damaged"):
        open_store(tmp_path / "store")


def test_a_forged_shard_is_refused(tmp_path):
    store = filled(tmp_path / "store")
    table = store.read_shard(0)
    with pytest.raises(InputError, match="fluxes must be finite"):
        replace(table, fluxes=-table.fluxes)
    with pytest.raises(InputError, match="matrices must be finite"):
        replace(table, matrices=np.full_like(table.matrices, np.nan))
    with pytest.raises(InputError, match="fluxes of shape"):
        store.write_shard(0, replace(table, fluxes=table.fluxes[:, :1]))


def test_galprop_is_run_once_a_sample(tmp_path, monkeypatch):
    """The first run tells energies and species, and is the first sample."""
    points = []

    def run(settings, parameters):
        points.append(tuple(parameters.values()))
        return fake_spectra(np.array(points[-1]))

    monkeypatch.setattr("propmat.galaxy.galprop_adapter.run_galprop", run)
    simulator = galprop_simulator(GalpropSettings("galprop"))
    store = filled(tmp_path / "store", simulator, matrices=())
    assert points == [tuple(point) for point in store.read().parameters.tolist()]
    assert (store.header.simulator, store.header.simulator_version) == ("galprop", "56")


def test_where_galprop_is_does_not_make_another_sample_but_its_template_does(tmp_path):
    models = []
    for number, text in enumerate(("max_Z = 8", "max_Z = 8", "max_Z = 14")):
        (tmp_path / f"galdef{number}").write_text(text)
        settings = GalpropSettings(f"galprop{number}", template=tmp_path / f"galdef{number}", timeout=100.0 + number)
        models.append(galprop_simulator(settings).model)
    assert models[0] == models[1] != models[2]
