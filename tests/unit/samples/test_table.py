"""A table keeps its columns together and its particle numbers conserved."""

from dataclasses import replace

import numpy as np
import pytest
from fake_samples import fake_simulate, tiny_header

from propmat.errors import InputError
from propmat.samples import SampleTable
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


def test_histograms_count_what_was_simulated(table):
    header = tiny_header()
    plan = header.plan
    run = fake_simulate(
        species="proton",
        polarity=-1,
        kinetic_energy=header.grid.toa,
        parameters=dict(zip(header.parameter_space.names, plan.parameters[3].tolist(), strict=True)),
        particles=20,
        seed=int(plan.seed[3]),
    )
    for row in range(3):
        arrived = ~run.truncated[row]
        edges = header.grid.lis_edges[row].copy()
        edges[0], edges[-1] = 0.0, np.inf
        expected, _ = np.histogram(run.exit_kinetic_energy[row][arrived], edges)
        assert np.array_equal(table.counts[3, row], expected)
        mean = run.propagation_time[row][arrived].mean()
        assert table.propagation_time_mean[3, row] == pytest.approx(mean, rel=1e-6)


def test_a_simulator_that_misbehaves_is_refused():
    header = tiny_header()

    def broken(**arguments):
        run = fake_simulate(**arguments)
        return replace(run, exit_kinetic_energy=np.full_like(run.exit_kinetic_energy, np.nan))

    def short(**arguments):
        return fake_simulate(**arguments | {"particles": 3})

    with pytest.raises(InputError, match="not finite"):
        make_sample(header, 0, broken)
    with pytest.raises(InputError, match=r"\(3, 20\)"):
        make_sample(header, 0, short)
