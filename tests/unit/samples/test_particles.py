"""Particles follow from their numbers: points, energies, channels; and two bytes hold what became of one."""

import tracemalloc
import warnings

import numpy as np
import pytest
from fake_particles import FakeRun, assert_same, fake_simulate_many, tiny_particles

from propmat import heliosphere
from propmat.errors import FileError, InputError, TruncationWarning
from propmat.parameters import HELIOSPHERE, HELIOSPHERE_TABLE_II
from propmat.samples import (
    Channel,
    GainCode,
    ParticleDesign,
    ParticleStore,
    make_particles,
    particle_design,
    particle_header,
)
from propmat.species import momentum_from_kinetic_energy
from propmat.spectra import proton_lis


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_any_range_of_particles_is_that_part_of_the_whole(channels, monkeypatch):
    monkeypatch.setattr(particle_design, "SEQUENCE", 128)  # so that ranges cross the ends of sequences
    monkeypatch.setattr(particle_design, "_CHUNK", 50)
    species = (Channel("proton", 1), Channel("proton", -1), Channel("helium4", 1))[:channels]
    design = ParticleDesign(count=900, seed=5, channels=species)
    whole = design.points(HELIOSPHERE, range(900))
    assert len(np.unique(whole, axis=0)) == 900 // channels
    generator = np.random.default_rng(1)
    for _ in range(30):
        first, last = sorted(generator.choice(901, 2, replace=False).tolist())
        assert np.array_equal(design.points(HELIOSPHERE, range(first, last)), whole[first:last])
        later = ParticleDesign(count=900 - first, start=first, seed=5, channels=species)
        assert np.array_equal(later.points(HELIOSPHERE, range(last - first)), whole[first:last])
        assert np.array_equal(later.channel_index(range(last - first)), np.arange(first, last) % channels)


@pytest.mark.parametrize("space", [HELIOSPHERE, HELIOSPHERE_TABLE_II])
def test_points_fill_the_space_evenly_and_stay_inside(space):
    design = ParticleDesign(count=2**13, seed=2, channels=(Channel("proton", 1),), energy_low=0.1, energy_high=30.0)
    points = design.points(space, range(design.count))
    assert points.dtype == np.float32
    parameters, energy = points[:, :-1].astype(float), points[:, -1].astype(float)
    space.check(parameters)
    assert np.all((energy >= 0.1) & (energy <= 30.0))
    cube = np.column_stack([space.to_unit(parameters), np.log(energy / 0.1) / np.log(300.0)])
    for column in cube.T:  # 2^7 in each of 2^6 strata, but for a few moved over an edge by the rounding to float32
        counts = np.histogram(column, 64, (0.0, 1.0))[0]
        assert np.all(np.abs(counts - 128) <= 2)


def test_far_points_cost_no_more_than_near_ones():
    design = ParticleDesign(count=2**34, shard_size=2**22)
    tracemalloc.start()
    points = design.points(HELIOSPHERE, range(2**34 - 1001, 2**34))
    table = design.numbers(range(2**34 - 1001, 2**34))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert points.shape == (1001, 6) and table[-1] == 2**34 - 1 and peak < 2**20


def test_seeds_and_all_parameters_of_a_design():
    design = ParticleDesign(count=11, seed=9)
    assert design.seeds().tolist() == [9] * 11
    assert np.array_equal(design.sample_parameters(HELIOSPHERE), design.points(HELIOSPHERE, range(11))[:, :5])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 0}, "count = 0"),
        ({"count": 2**34 + 1}, "count"),
        ({"count": 10.0}, "count = 10.0"),
        ({"count": True}, "count = True"),
        ({"seed": -1}, "seed = -1"),
        ({"start": 2**34}, r"start \+ count"),
        ({"shard_size": 2**22 + 1}, "shard_size"),
        ({"count": 2**20, "shard_size": 2}, "larger shard_size"),
        ({"energy_low": 1e-4}, "energy_low = 0.0001 GeV/n"),
        ({"energy_high": float("nan")}, "energy_high = nan"),
        ({"energy_low": "1"}, "energy_low = 1"),
        ({"energy_low": 2.0, "energy_high": 2.001}, "energy_high = 2.001"),
        ({"channels": ()}, "at least one channel"),
        ({"channels": (Channel("helium4", 1), Channel("carbon12", 1))}, "two of the same"),
        ({"kind": "particle"}, "Did you mean 'particles'"),
    ],
)
def test_a_design_that_makes_no_sense_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        ParticleDesign(**({"count": 100} | change))


def test_every_code_is_its_own_value():
    code = GainCode()
    codes = np.arange(2**16 - 1, dtype=np.uint16)
    values = code.decode(codes)
    assert np.all(np.diff(values) > 0) and values[2**15 - 1] == 0.0
    assert np.array_equal(code.encode(values, np.zeros(codes.size, bool)), codes)
    assert values[-1] == pytest.approx(30.0) and values[0] == pytest.approx(-30.0)
    assert np.isnan(code.decode(np.array([2**16 - 1], np.uint16)))


def test_the_error_of_a_value_is_below_its_bound():
    code, generator = GainCode(), np.random.default_rng(3)
    exact = np.concatenate([generator.uniform(-0.3, 12.0, 20000), generator.lognormal(-6.0, 2.0, 20000), [30.0, -30.0]])
    found = code.decode(code.encode(exact, np.zeros(exact.size, bool)))
    bound = 0.5 * code.step * np.sqrt(exact**2 + code.scale**2)
    assert np.all(np.abs(found - exact) <= bound * (1 + 1e-3))
    assert code.step < 3e-4


@pytest.mark.parametrize(("energy", "mean"), [(0.1, 1.5), (1.0, 0.4), (10.0, 0.05), (50.0, 0.01)])
def test_the_code_does_not_bias_a_flux(energy, mean):
    """Error of one value: below 1.5e-4 x, of either sign; of the mean of 1e5: below 1e-6 where x < 1."""
    code, lis, generator = GainCode(), proton_lis(), np.random.default_rng(4)
    exact = generator.gamma(3.0, mean / 3.0, 100_000)

    def flux(log_gain):
        inside = energy * np.exp(log_gain)
        return np.mean(lis(inside) / momentum_from_kinetic_energy(inside, "proton") ** 2)

    coded = code.decode(code.encode(exact, np.zeros(exact.size, bool)))
    assert abs(flux(coded) / flux(exact) - 1.0) < 3e-6


@pytest.mark.parametrize("value", [30.1, -31.0, np.nan, np.inf])
def test_what_has_no_code_is_refused_not_clamped(value):
    left, gone = np.zeros(3, bool), np.array([False, True, False])
    with pytest.raises(InputError, match="of particle 1"):
        GainCode().encode(np.array([0.0, value, 0.0]), left)
    assert GainCode().encode(np.array([0.0, value, 0.0]), gone)[1] == 2**16 - 1


@pytest.mark.parametrize("change", [{"scale": 0.0}, {"limit": float("inf")}, {"limit": 30}, {"scale": "x"}])
def test_a_code_that_makes_no_sense_is_refused(change):
    with pytest.raises(InputError, match=next(iter(change))):
        GainCode(**change)


def test_a_particle_is_the_same_however_it_is_made():
    header = tiny_particles()
    whole = make_particles(header, range(1000), simulate_many=fake_simulate_many)
    for samples, piece in ((range(1000), 7), (range(301, 500), 64), (range(999, 1000), 1)):
        part = make_particles(header, samples, simulate_many=fake_simulate_many, piece=piece)
        assert_same(part, whole.select(slice(samples.start, samples.stop)))
    assert_same(make_particles(header, 3, simulate_many=fake_simulate_many), whole.select(slice(900, 1000)))
    later = make_particles(tiny_particles(start=300, count=500), 0, simulate_many=fake_simulate_many)
    assert_same(later, whole.select(slice(300, 600)))


def test_the_simulator_is_asked_for_every_particle_once_in_its_channel():
    asked, told = {}, []

    def simulate_many(*, species, polarity, kinetic_energy, parameters, numbers, seed, progress):
        assert seed == 3 and parameters.shape == (numbers.size, 5) and numbers.dtype == np.int64
        for number, energy, point in zip(numbers.tolist(), kinetic_energy.tolist(), parameters.tolist(), strict=True):
            assert number not in asked
            asked[number] = (species, polarity, energy, point)
        progress(numbers.size // 2, numbers.size)
        return FakeRun(np.zeros(numbers.size), np.zeros(numbers.size, bool))

    header = tiny_particles(start=101, channels=(Channel("helium4", -1), Channel("proton", 1)))
    table = make_particles(header, 1, simulate_many=simulate_many, progress=lambda *at: told.append(at), piece=70)
    assert sorted(asked) == list(range(401, 701))
    for row, number in enumerate(range(401, 701)):
        species, polarity, energy, point = asked[number]
        assert (species, polarity) == (("helium4", -1), ("proton", 1))[number % 2]
        assert table.drift_sign[row] == polarity and table.nucleons_per_charge[row] == (2.0, 1.0)[number % 2]
        assert table.kinetic_energy[row] == energy and table.parameters[row].tolist() == point
    assert told[-1] == (300, 300) and told == sorted(told) and len(told) == 20


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (FakeRun(np.zeros(3), np.zeros(3, bool)), "returned"),
        (FakeRun(np.zeros(150), np.zeros(150)), "returned"),
        (FakeRun(np.full(150, np.nan), np.zeros(150, bool)), r"particle 300 \(B0 = .*T = .*GeV/n, proton.*no code"),
        (FakeRun(np.full(150, 40.0), np.arange(150) < 4), r"particle 308 .* = 40"),
    ],
)
def test_a_simulator_that_fails_is_told_with_the_particle(found, message):
    with pytest.raises(InputError, match=message):
        make_particles(tiny_particles(), 1, simulate_many=lambda **_: found)


@pytest.mark.parametrize("samples", [4, -1, range(0), range(5, 1001), range(-1, 3), range(0, 10, 2)])
def test_there_are_only_the_particles_of_the_design(samples):
    with pytest.raises(InputError, match=r"shard|samples"):
        make_particles(tiny_particles(), samples, simulate_many=fake_simulate_many)


def test_truncation_is_in_the_table_not_a_warning():
    def simulate_many(**arguments):
        warnings.warn("cap", TruncationWarning, stacklevel=1)
        return fake_simulate_many(**arguments)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = make_particles(tiny_particles(), range(1000), simulate_many=simulate_many)
    assert 0 < table.truncated.sum() < 40 and np.array_equal(np.isnan(table.log_gain), table.truncated)


def test_only_the_simulator_of_the_header_fills_it():
    with pytest.raises(FileError, match="simulator fake 1, installed is heliosphere"):
        make_particles(tiny_particles(), 0)


@pytest.mark.skipif(not hasattr(heliosphere, "simulate_many"), reason="propmat.heliosphere.simulate_many is not there")
def test_the_installed_simulator_fills_a_store(tmp_path):
    design = ParticleDesign(count=9, shard_size=5, energy_low=5.0, energy_high=20.0)
    header = particle_header(heliosphere.Heliosphere.preset("paper"), design)
    store = ParticleStore.create(tmp_path / "store", header)
    for shard in range(2):
        store.write_shard(shard, make_particles(header, shard))
    table = store.read()
    assert len(table) == 9 and np.all(np.abs(table.log_gain) < 1.0)
    again = make_particles(header, range(9), piece=4)
    np.testing.assert_allclose(table.log_gain, again.log_gain, rtol=2e-4, atol=1e-6)
