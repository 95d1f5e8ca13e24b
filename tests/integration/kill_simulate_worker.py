"""What test_kill_simulate.py starts and kills: fill a small store, with a fake simulation or the real one."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "samples"))

from fake_samples import GRID, fake_simulate, tiny_header
from fake_spectra import PAIRS, fake_simulator, tiny_design

from propmat.samples import Design, SampleStore, create_spectra, heliosphere_header, produce, produce_spectra
from propmat.samples.production import heliosphere_simulate, make_sample


def main(simulator: str, path: str) -> None:
    if simulator == "spectra":
        galaxy = fake_simulator()
        print("ready", flush=True)
        store = create_spectra(Path(path), galaxy, tiny_design(count=120), matrices=PAIRS, resume=True)
        produce_spectra(store, galaxy, progress=False)
        return
    if simulator == "fake":
        header, simulate = tiny_header(count=60), fake_simulate
    else:
        from propmat.heliosphere import Heliosphere

        design = Design(count=8, particles=20, seed=1, shard_size=2)
        header = heliosphere_header(Heliosphere.preset("paper"), design, grid=GRID)
        simulate = heliosphere_simulate(header)
    make_sample(header, 0, simulate)  # whatever has to be compiled is compiled now, before the clock runs
    print("ready", flush=True)
    produce(SampleStore.create(path, header, resume=True), simulate=simulate, progress=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
