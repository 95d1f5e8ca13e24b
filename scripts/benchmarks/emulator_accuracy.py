"""Relative error of an emulator's folded flux at Earth on held-out samples, against the target.

Usage: python scripts/benchmarks/emulator_accuracy.py [--bundle NAME|PATH] [--store NAME|PATH]

Without --bundle the small shipped bundle is scored. Both matrices are folded with the proton LIS of papers/001.
Exit code 1 if the target is missed.
"""

from __future__ import annotations

import argparse
import sys

import propmat
from propmat.cli.runs import shipped
from propmat.errors import PropmatError
from propmat.report.evaluation import evaluate
from propmat.samples import SampleStore

TARGET = 0.04
"""Relative error that 95 % of the fluxes stay below, in each band."""


def run() -> int:
    """Score and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default="heliosphere", help="shipped name or path (default: %(default)s)")
    parser.add_argument("--store", default="heliosphere_test", help="shipped name or folder (default: %(default)s)")
    arguments = parser.parse_args()
    try:
        emulator = propmat.load(shipped("emulators", arguments.bundle, ".safetensors"))
        samples = SampleStore.open(shipped("samples", arguments.store))
        evaluation = evaluate(emulator, samples, bundle=arguments.bundle, store=arguments.store)
    except PropmatError as error:
        print(error, file=sys.stderr)
        return 2
    print(evaluation.table())
    missed = [
        f"{band.low:g}-{band.high:g} GeV/n: {100 * band.percentile_95:.2f} %"
        for band in evaluation.accuracy.bands
        if not band.percentile_95 <= TARGET
    ]
    verdict = f"missed in {'; '.join(missed)}" if missed else "met in every band"
    print(f"target (95 % of the errors at most {100 * TARGET:g} %): {verdict}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(run())
