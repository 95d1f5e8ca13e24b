"""Relative error of an emulator of the Galaxy on held-out spectra of the solver, against the targets.

Usage: python scripts/benchmarks/galaxy_emulator_accuracy.py --store FOLDER [--bundle NAME|PATH]

The store is one that `propmat simulate simulator=galaxy` made, with another seed than the training samples.
Exit code 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import torch

import propmat
from propmat.cli.runs import shipped
from propmat.emulator import GalacticEmulator
from propmat.emulator.galactic_metrics import galactic_accuracy
from propmat.errors import InputError, PropmatError
from propmat.samples import SpectraStore

MEDIAN = {"flux": 0.001}
"""Target of the median |relative error|, in each band ..."""
PERCENTILE_99 = {"flux": 0.007, "B/C": 0.01}
"""... and of its 99 % quantile."""


def run() -> int:
    """Score and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default="galaxy", help="shipped name or path (default: %(default)s)")
    parser.add_argument("--store", required=True, help="shipped name or folder")
    arguments = parser.parse_args()
    try:
        emulator = propmat.load(shipped("emulators", arguments.bundle, ".safetensors"))
        if not isinstance(emulator, GalacticEmulator):
            raise InputError(f"{arguments.bundle} is no emulator of the Galaxy.")
        store = SpectraStore.open(shipped("samples", arguments.store))
        truth, predicted = fluxes(emulator, store)
    except PropmatError as error:
        print(error, file=sys.stderr)
        return 2
    accuracy = galactic_accuracy(emulator.species, emulator.kinetic_energy, predicted, truth)
    print(accuracy.table())
    missed = [
        f"{band.quantity} {band.low:g}-{band.high:g} GeV/n"
        for band in accuracy.bands
        if not band.median <= MEDIAN.get(band.quantity, np.inf)
        or not band.percentile_99 <= PERCENTILE_99.get(band.quantity, np.inf)
    ]
    print(f"targets {f'missed in {chr(10).join(missed)}' if missed else 'met in every band'}")
    return 1 if missed else 0


def fluxes(emulator: GalacticEmulator, store: SpectraStore) -> tuple[np.ndarray, np.ndarray]:
    """(point, species, row) fluxes of the solver and of the emulator.

    Raises:
        InputError: the store lacks a species, has other energies, or points outside the trained ranges.
    """
    axes, table = store.header.grid, store.read()
    absent = [name for name in emulator.species if name not in axes.species]
    same = axes.kinetic_energy.shape == emulator.grid.energy.shape and np.allclose(
        axes.kinetic_energy, emulator.grid.energy, rtol=1e-6, atol=0.0
    )
    if absent or not same:
        raise InputError(f"the store has other energies than the emulator, or lacks {', '.join(absent)}.")
    emulator.parameters.check(table.parameters)
    chosen = [axes.species.index(name) for name in emulator.species]
    truth = table.fluxes[:, chosen, emulator.grid.first : emulator.grid.last + 1]
    with torch.no_grad():
        predicted = emulator.log_flux(torch.from_numpy(table.parameters)).exp().numpy()
    return truth, predicted


if __name__ == "__main__":
    sys.exit(run())
