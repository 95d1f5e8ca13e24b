"""propmat's command line with simulators that take no time, or as long and as badly as the variable FAKE says.

FAKE is JSON: ``seconds`` a sample takes (of particles: those of a channel in a file); of histograms, ``fails``:
samples that raise, ``kills``: samples that kill their process, ``breaks``: samples during which the disk goes away,
``real``: the real simulator and nothing of this; ``dies_as_worker``: workers are killed before they begin. Its workers
are this program too.
"""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import propmat.cli.production
import propmat.cli.simulate
import propmat.samples.particles
import propmat.samples.production
from propmat.cli import main
from propmat.samples.production import heliosphere_simulate

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "samples"))
from fake_particles import fake_simulate_many
from fake_spectra import fake_simulator, fake_solve
from toy_road import toy_simulate

FAKE = json.loads(os.environ.get("FAKE", "{}"))


def fake_simulation(header, **settings):
    if FAKE.get("real"):
        return heliosphere_simulate(header, **settings)
    samples = {seed: sample for sample, seed in enumerate(header.plan.seed.tolist())}

    def simulate(**arguments):
        if (sample := samples.get(arguments["seed"])) is not None:  # else something is only compiled
            misbehave(sample)
        return toy_simulate(**arguments)

    return simulate


def fake_many(header, **_):
    def simulate_many(**arguments):
        wait()
        return fake_simulate_many(**arguments)

    return simulate_many


def fake_galaxy(*_):
    def solve(points, matrices=()):
        for spectra in fake_solve(points, matrices):
            wait()
            yield spectra

    return fake_simulator(solve=solve)


def wait():
    time.sleep(FAKE.get("seconds", 0.0))


def misbehave(sample):
    wait()
    if sample in FAKE.get("fails", ()):
        raise ValueError("the sheet is torn")
    if sample in FAKE.get("breaks", ()):
        shards = Path(FAKE["store"]) / "shards"
        shutil.rmtree(shards)
        shards.write_text("no folder")
    if sample in FAKE.get("kills", ()):
        os.kill(os.getpid(), signal.SIGKILL)


def pretend():
    """Put the fakes in the places of the simulators."""
    propmat.samples.production.heliosphere_simulate = fake_simulation
    propmat.samples.particles.installed_simulate_many = fake_many
    propmat.cli.simulate.GALACTIC["galaxy"] = fake_galaxy
    propmat.cli.production.PROGRAM = (sys.executable, __file__)


if __name__ == "__main__":
    pretend()
    if FAKE.get("dies_as_worker") and "production=worker" in sys.argv:
        os.kill(os.getpid(), signal.SIGKILL)
    sys.exit(main(sys.argv[1:]))
