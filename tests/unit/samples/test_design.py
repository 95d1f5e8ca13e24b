"""A design says the same samples to everyone, and refuses what makes no sense."""

import json
from dataclasses import replace

import numpy as np
import pytest
from fake_samples import tiny_header

from propmat.errors import InputError
from propmat.parameters import GALAXY, HELIOSPHERE
from propmat.samples import Channel, Design, SpectraDesign, StoreHeader, unique_channels


def test_points_lie_in_the_space_and_channels_share_them():
    header = tiny_header(count=50)
    HELIOSPHERE.check(header.plan.parameters)
    assert np.array_equal(header.plan.parameters[::2], header.plan.parameters[1::2])
    assert np.array_equal(header.plan.drift_sign, np.tile([1, -1], 50))
    assert np.all(header.plan.nucleons_per_charge == 1.0)


def test_more_points_continue_the_same_sequence():
    few, many = tiny_header(count=5).plan, tiny_header(count=9).plan
    for name in ("parameters", "seed", "key"):
        assert np.array_equal(getattr(few, name), getattr(many, name)[:10])


def test_seeds_and_keys_are_distinct():
    plan = tiny_header(count=500).plan
    assert len(set(plan.seed.tolist())) == len(set(plan.key.tolist())) == 1000
    assert plan.seed.max() < 2**63


@pytest.mark.parametrize(
    "change", [{"seed": 4}, {"particles": 21}, {"model": {"r_hp": 121.0}}, {"simulator_version": "2"}]
)
def test_anything_that_changes_a_sample_changes_its_key(change):
    header = tiny_header()
    values = {name: getattr(header, name) for name in ("simulator", "simulator_version", "model", "grid", "space")}
    in_design = {key: value for key, value in change.items() if key in ("seed", "particles")}
    values |= {key: value for key, value in change.items() if key not in in_design}
    changed = StoreHeader(**values, design=tiny_header(**in_design).design)
    assert not set(changed.plan.key) & set(header.plan.key)


def test_the_grid_is_part_of_the_key_but_a_rounding_error_of_it_is_not():
    header = tiny_header()
    for scale, same in ((1.0 + 1e-15, True), (1.001, False)):
        grid = type(header.grid)(header.grid.toa, header.grid.lis_edges * scale)
        other = StoreHeader("fake", "1", header.model, grid, "heliosphere", header.design)
        assert (set(other.plan.key) == set(header.plan.key)) == same
        assert other.differences(header) == (() if same else ("grid",))


def test_shards_cover_every_sample_once():
    design = Design(count=7, particles=1, shard_size=4)
    numbers = [sample for shard in range(design.shards) for sample in design.shard_range(shard)]
    assert numbers == list(range(14))
    with pytest.raises(InputError, match=r"shard = 4.*\[0, 3\]"):
        design.shard_range(4)


def test_design_round_trips_through_json():
    design = Design(count=3, particles=2, channels=(Channel("helium3", -1), Channel("proton", 1)))
    assert Design.from_dict(json.loads(json.dumps(design.as_dict()))) == design


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 0}, "count = 0"),
        ({"particles": 2.5}, "particles = 2.5"),
        ({"seed": -1}, "seed = -1"),
        ({"shard_size": True}, "shard_size"),
        ({"kind": "sobl"}, "Did you mean 'sobol'"),
        ({"channels": ()}, "at least one channel"),
        ({"channels": (Channel("proton", 1), Channel("antiproton", -1))}, "same"),
        ({"count": 10**6}, "more than"),
    ],
)
def test_senseless_designs_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        Design(**({"count": 2, "particles": 3} | change))


def test_unknown_species_and_polarity_are_refused():
    with pytest.raises(InputError, match="Did you mean 'proton'"):
        Channel("protn", 1)
    with pytest.raises(InputError, match="polarity"):
        Channel("proton", 0)


def test_channels_of_one_identity_are_one():
    """Only sign(Z) times polarity and A/|Z| count; leptons are no nuclei."""
    pairs = [
        (species, polarity) for species in ("proton", "antiproton", "electron", "positron") for polarity in (1, -1)
    ]
    channels = [Channel(*pair) for pair in pairs]
    assert unique_channels(channels) == tuple(channels[:2] + channels[4:6])
    assert {channel.identity for channel in channels} == {(1.0, 1), (1.0, -1), (0.0, 1), (0.0, -1)}
    assert len(unique_channels(Channel(name, 1) for name in ("helium4", "carbon12", "deuteron", "boron10"))) == 1
    assert len(unique_channels(Channel(name, 1) for name in ("helium3", "boron11", "lithium7"))) == 3


def test_electrons_and_protons_are_different_samples():
    protons, electrons = (tiny_header_of(channel).plan for channel in (Channel("proton", 1), Channel("positron", 1)))
    assert not set(protons.key) & set(electrons.key)
    assert np.all(electrons.nucleons_per_charge == 0.0)


def tiny_header_of(channel):
    header = tiny_header()
    design = Design(count=2, particles=5, channels=(channel,))
    return StoreHeader("fake", "1", header.model, header.grid, "heliosphere", design)


def test_only_heliosphere_spaces_and_grids_of_sane_size():
    header = tiny_header()
    with pytest.raises(InputError, match="galaxy"):
        StoreHeader("fake", "1", {}, header.grid, "galaxy", header.design)
    grid = type(header.grid).relative([1.0, 2.0], np.linspace(0.0, 1.0, 5000))
    with pytest.raises(InputError, match="too large"):
        StoreHeader("fake", "1", {}, grid, "heliosphere", header.design)


@pytest.mark.parametrize(("start", "count"), [(0, 3), (1, 1), (7, 6), (8, 8), (5, 59), (63, 1)])
def test_a_range_of_a_sequence_is_that_part_of_the_whole(start, count):
    """Two places that make two ranges make the samples that one would have made."""
    whole, part = tiny_header(count=64).plan, tiny_header(count=count, start=start).plan
    for name in ("parameters", "seed", "key", "drift_sign"):
        assert np.array_equal(getattr(part, name), getattr(whole, name)[2 * start : 2 * (start + count)])


@pytest.mark.parametrize(("start", "count"), [(0, 3), (7, 6), (63, 1)])
def test_a_range_of_points_of_the_galaxy_is_that_part_of_the_whole(start, count):
    whole = SpectraDesign(count=64, seed=5).points(GALAXY)
    assert np.array_equal(SpectraDesign(count=count, seed=5, start=start).points(GALAXY), whole[start : start + count])


@pytest.mark.parametrize("make", [Design.from_dict, SpectraDesign.from_dict])
def test_a_start_is_written_only_where_there_is_one(make):
    """Headers, and with them digests, of stores without one stay what they were."""
    design = SpectraDesign(count=3) if make == SpectraDesign.from_dict else Design(count=3, particles=2)
    moved = replace(design, start=9)
    assert "start" not in design.as_dict() and moved.as_dict()["start"] == 9
    assert [make(json.loads(json.dumps(item.as_dict()))) for item in (design, moved)] == [design, moved]
    with pytest.raises(InputError, match=r"start = -1.*\[0, 1e\+08\]"):
        replace(design, start=-1)
    with pytest.raises(InputError, match="start = x"):
        make(design.as_dict() | {"start": "x"})
