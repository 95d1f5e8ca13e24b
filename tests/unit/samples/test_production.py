"""Production makes what is missing, can be interrupted anywhere, and never mixes simulators."""

import os
import signal

import pytest
from fake_samples import fake_simulate, tiny_header

from propmat.errors import FileError, InputError, TruncationWarning
from propmat.samples import SampleStore, produce
from propmat.samples.production import heliosphere_simulate, provenance

# The fake simulation loses some particles on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::propmat.errors.TruncationWarning")


def counting(simulate, limit=10**9, action=None):
    """A simulation that counts its calls, and does something at call number ``limit``."""

    def run(**arguments):
        run.calls += 1
        if run.calls == limit:
            action()
        return simulate(**arguments)

    run.calls = 0
    return run


def test_finished_shards_are_not_simulated_again(tmp_path):
    store = SampleStore.create(tmp_path, tiny_header())
    produce(store, shards=[1], simulate=fake_simulate, progress=False)
    simulate = counting(fake_simulate)
    produce(store, simulate=simulate, progress=False)
    assert simulate.calls == 6 and not store.missing()
    produce(store, simulate=simulate, progress=False)
    assert simulate.calls == 6


def test_an_interrupt_keeps_finished_shards_and_says_how_to_resume(tmp_path):
    store = SampleStore.create(tmp_path / "store", tiny_header())
    simulate = counting(fake_simulate, 6, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt, match=r"2 shards to go.*resume=true"):
        produce(store, simulate=simulate, progress=False)
    assert store.missing() == (1, 2) and not store.verify()
    produce(store, simulate=fake_simulate, progress=False)
    assert len(store.read()) == 10


def test_progress_shows_the_time_left(tmp_path, capsys):
    produce(SampleStore.create(tmp_path, tiny_header()), simulate=fake_simulate)
    shown = capsys.readouterr()
    assert "10/10" in shown.err and "left" in shown.err and not shown.out


def test_particles_given_up_are_reported_when_all_is_done(tmp_path):
    store = SampleStore.create(tmp_path, tiny_header())
    with pytest.warns(TruncationWarning) as caught:
        produce(store, simulate=fake_simulate, progress=False)
    lost = int(store.read().truncated.sum())
    assert len(caught) == 1 and f"{lost} of " in str(caught[0].message)


def test_an_unknown_shard_is_refused(tmp_path):
    with pytest.raises(InputError, match="shard = 3"):
        produce(SampleStore.create(tmp_path, tiny_header()), shards=[3], simulate=fake_simulate, progress=False)


def test_provenance_names_versions_but_no_folders():
    made = provenance(["/home/someone/bin/propmat", "simulate", "seed=1"])
    assert made["command"] == "propmat simulate seed=1" and made["numpy"] and "someone" not in str(made)


def test_samples_of_two_simulators_never_mix():
    with pytest.raises(FileError, match="simulator fake 1, installed is heliosphere"):
        heliosphere_simulate(tiny_header())
