"""Some particles of a store made on a GPU, traced again on the CPU: the same law, and where rounding allows the same.

Usage: python scripts/gpu/compare.py STORE [--particles N]

Takes the first particles of each shard, N in all, and simulates each with its own noise. Prints how many end within a
code of the stored one, and for both drift signs a Kolmogorov-Smirnov test of ln(T_exit/T): the two samples share points
and noise, so that they are more alike than the test expects. Exit code 1 if it says no at the level of 0.1 %.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.stats import ks_2samp

from propmat.samples import ParticleStore
from propmat.samples.particles import make_particles


def main() -> int:
    """Read, trace, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path, help="folder of the store")
    parser.add_argument("--particles", type=int, default=200, help="to trace again (default: %(default)s)")
    options = parser.parse_args()
    store = ParticleStore.open(options.store)
    each = min(max(options.particles // store.header.design.shards, 2), store.header.design.shard_size)
    stored, traced, signs = [], [], []
    for shard, table in enumerate(store.tables()):
        first = store.header.design.shard_range(shard).start
        again = make_particles(store.header, range(first, first + min(each, len(table.log_gain))))
        stored.append(table.log_gain[: len(again.log_gain)])
        traced.append(again.log_gain)
        signs.append(again.drift_sign)
    ours, theirs, sign = np.concatenate(traced), np.concatenate(stored), np.concatenate(signs)
    code = store.header.grid.step * np.hypot(ours, store.header.grid.scale)
    same = np.abs(ours - theirs) <= code
    print(f"{same.mean():.3f} of {ours.size} particles end within a code of the stored one")
    refused = False
    for one in (+1, -1):
        chosen = (sign == one) & np.isfinite(ours) & np.isfinite(theirs)
        if chosen.any():
            level = ks_2samp(ours[chosen], theirs[chosen]).pvalue
            refused |= level < 1e-3
            print(f"drift sign {one:+d}: {chosen.sum()} particles, probability of such a difference {level:.3f}")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
