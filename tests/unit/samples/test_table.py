"""A table keeps its columns together and its particle numbers conserved."""

from dataclasses import replace

import numpy as np
import pytest
from fake_samples import fake_simulate, tiny_header

from propmat.errors import InputError
from propmat.samples import SampleTable, Truncation
from propmat.samples.production import make_sample


@pytest.fixture(scope="module")
def table() -> SampleTable:
    header = tiny_header()
    return SampleTable.concatenate([make_sample(header, sample, fake_simulate) for sample in range(6)])


def test_select_and_concatenate_are_inverse(table):
    mask = table.drift_sign == 1
    parts = SampleTable.concatenate([table.select(mask), table.select(~mask)])
    order = np.argsort([table.key.tolist().index(key) for key in parts.key])
    assert np.array_equal(parts.select(order).counts, table.counts)
    assert len(table.select([2])) == 1 and table.select(slice(0, 4)).parameters.shape == (4, 5)


def test_particles_are_conserved(table):
    assert np.all(table.counts.sum(axis=-1) + table.truncated == 20)
    assert table.truncated.sum() > 0
    counts = table.counts.copy()
    counts[0, 0, 0] += 1
    with pytest.raises(InputError, match="add up"):
        replace(table, counts=counts)


def test_columns_that_do_not_match_are_refused(table):
    with pytest.raises(InputError, match="one length"):
        replace(table, seed=table.seed[:-1])
    with pytest.raises(InputError, match="truncated"):
        replace(table, truncated=table.truncated[:, :-1])
    with pytest.raises(InputError, match="finite"):
        replace(table, propagation_time_mean=np.full_like(table.propagation_time_mean, np.nan))
    with pytest.raises(InputError, match="no samples"):
        SampleTable.concatenate([])


def test_a_sample_is_what_was_simulated_of_its_point_channel_and_seed(table):
    header = tiny_header()
    plan = header.plan
    found = fake_simulate(
        species="proton",
        polarity=-1,
        grid=header.grid,
        parameters=dict(zip(header.parameter_space.names, plan.parameters[3].tolist(), strict=True)),
        particles=20,
        seed=int(plan.seed[3]),
    )
    assert np.array_equal(table.counts[3], found.counts) and np.array_equal(table.truncated[3], found.truncated)
    np.testing.assert_allclose(table.propagation_time_mean[3], found.propagation_time_mean, rtol=1e-6)


def test_a_simulator_that_misbehaves_is_refused():
    header = tiny_header()

    def broken(**arguments):
        found = fake_simulate(**arguments)
        return replace(found, propagation_time_mean=np.full_like(found.propagation_time_mean, np.nan))

    def narrow(**arguments):
        found = fake_simulate(**arguments)
        return replace(found, counts=found.counts[:, :-1])

    def negative(**arguments):
        found = fake_simulate(**arguments)
        return replace(found, counts=found.counts + np.eye(*found.counts.shape, dtype=int) * -30)

    def short(**arguments):
        return fake_simulate(**arguments | {"particles": 3})

    with pytest.raises(InputError, match="finite"):
        make_sample(header, 0, broken)
    with pytest.raises(InputError, match="add up"):
        make_sample(header, 0, short)
    with pytest.raises(InputError, match=r"\(3, 10\), not of \(3, 11\)"):
        make_sample(header, 0, narrow)
    with pytest.raises(InputError, match="counts"):
        make_sample(header, 0, negative)


def test_particles_that_no_column_counts_are_told(table):
    found = Truncation.of([table])
    assert found == Truncation.of([table.select([0, 1]), table.select([2, 3, 4, 5])])
    assert found.particles == 6 * 3 * 20 and found.lost == table.truncated.sum() > 0
    assert f"{found.lost} of 360 particles" in found.warning()
    counts = table.counts.copy()
    counts[..., -1] += table.truncated
    whole = replace(table, counts=counts, truncated=np.zeros_like(table.truncated))
    assert str(Truncation.of([whole])) == "none of 360 particles"
