"""Produce a store of particles on a GPU, in commands of limited time that resume.

Usage: python scripts/gpu/produce.py STORE [--count N] [--seed S] [--start I] [--seconds 540] [--pack FOLDER]

The store is that of ``propmat simulate`` for particles (propmat/samples/particles.py): all over the domain of the
emulators, protons of both polarities. The command ends by itself when ``--seconds`` are over, at the cost of the shard
in work; the same command goes on. Needs neither hydra nor a network. Exit code: 0 when the store is complete, 3 when
there is more to do.

With ``--pack``, a complete store is written into FOLDER as parts of at most 15 MiB, 8 at most, to carry away:
``cat part-* | tar x`` unpacks it, ``propmat data verify store=...`` verifies it.
"""

from __future__ import annotations

import argparse
import io
import signal
import sys
import tarfile
import time
from pathlib import Path
from types import FrameType
from typing import Final

import numpy as np

from propmat.errors import PropmatError
from propmat.heliosphere import Heliosphere
from propmat.heliosphere.kernels.cuda import check_cuda
from propmat.samples import ParticleDesign, ParticleStore, particle_header
from propmat.samples.particles import installed_simulate_many
from propmat.samples.production import fill, particle_tables, provenance

PART: Final = 15 * 2**20
"""Bytes of a part: the device machine gives back files of 16 MiB, 8 at most."""
PARTS: Final = 8
PIECE: Final = 2**22
"""Particles of a shard, simulated at a time: two launches of the GPU for each polarity, and one wait for their ends."""


def timed_out(_: int, __: FrameType | None) -> None:
    """End as Ctrl-C does: the shard in work is dropped, the others are there."""
    raise KeyboardInterrupt


def pack(store: ParticleStore, folder: Path) -> None:
    """Write a complete store as parts of a tar file.

    Raises:
        SystemExit: there would be too many.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(store.path, arcname=store.path.name)
    content = buffer.getvalue()
    parts = [content[first : first + PART] for first in range(0, len(content), PART)]
    if len(parts) > PARTS:
        sys.exit(f"{len(content) / 2**20:.0f} MiB need {len(parts)} parts, more than {PARTS}: produce fewer particles.")
    folder.mkdir(parents=True, exist_ok=True)
    for index, part in enumerate(parts):
        (folder / f"part-{index}").write_bytes(part)
    print(f"packed {len(content) / 2**20:.1f} MiB into {len(parts)} parts in {folder}: cat part-* | tar x")


def summary(store: ParticleStore) -> str:
    """Particles, and how many hit the step cap."""
    truncated = sum(int(np.count_nonzero(table.truncated)) for table in store.tables())
    return f"{store.header.design.count} particles, {truncated} hit the step cap; digest {store.digest()}"


def main() -> int:
    """Create or resume, fill, pack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path, help="folder of the store")
    parser.add_argument("--count", type=int, default=12 * 2**20, help="particles (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=2026, help="of points and noise (default: %(default)s)")
    parser.add_argument("--start", type=int, default=0, help="number of the first particle (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=540, help="end before so many (default: %(default)s)")
    parser.add_argument("--pack", type=Path, help="write the complete store here, in parts")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="default: %(default)s")
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, timed_out)
    signal.alarm(max(1, options.seconds))
    begun = time.perf_counter()
    try:
        if options.device == "cuda":
            check_cuda()
        design = ParticleDesign(count=options.count, seed=options.seed, start=options.start, shard_size=PIECE)
        header = particle_header(Heliosphere.preset("paper"), design, provenance=provenance(sys.argv))
        store = ParticleStore.create(options.store, header, resume=True)
        there = design.shards - len(store.missing())
        simulation = installed_simulate_many(header, device=options.device)
        fill(store, particle_tables(header, simulation, PIECE), progress=sys.stderr.isatty())
    except KeyboardInterrupt:
        signal.alarm(0)
        left = f"{len(store.missing())} of {design.shards} shards to go"
        print(f"time is up after {time.perf_counter() - begun:.0f} s; {left}: run the same command again.")
        return 3
    except PropmatError as error:
        print(error, file=sys.stderr)
        return 2
    signal.alarm(0)
    made, seconds = design.shards - there, time.perf_counter() - begun
    print(f"{made} of {design.shards} shards made in {seconds:.1f} s; {summary(store)}")
    if options.pack:
        pack(store, options.pack)
    return 0


if __name__ == "__main__":
    sys.exit(main())
