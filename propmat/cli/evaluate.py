"""Scores an emulator on held-out samples: relative error of the folded flux at Earth in three energy bands.

Both the emulated and the simulated matrix are folded with the proton interstellar spectrum of papers/001. The
simulated flux has a Monte-Carlo error of its own, which is listed beside and is part of the error shown.

Examples:
  propmat evaluate
  propmat evaluate bundle=runs/mine/emulator.safetensors store=heliosphere_test output=runs/mine_scored
"""

from __future__ import annotations

from propmat.cli.config import Config
from propmat.cli.runs import check_output, save_config, shipped
from propmat.errors import FileError, InputError


def run(config: Config) -> None:
    """Score, print, write.

    Raises:
        InputError: no such bundle or store, or a folder that is not empty.
        FileError: a damaged bundle or store, or a folder that cannot be written.
    """
    target = config.get("target", float)
    if not target > 0:
        raise InputError(f"target = {target} must be positive.")
    names = {key: config.get(key, str) for key in ("bundle", "store")}
    bundle, folder = shipped("emulators", names["bundle"], ".safetensors"), shipped("samples", names["store"])
    if not bundle.is_file():
        raise FileError(f"bundle = {bundle} is not a file.")
    output = check_output(config)
    import propmat
    from propmat.report.evaluation import EVALUATION, evaluate
    from propmat.report.figures import emulator_error, encode
    from propmat.samples import SampleStore
    from propmat.samples.files import write_atomic

    evaluation = evaluate(propmat.load(bundle), SampleStore.open(folder), **names)
    save_config(config, output)
    evaluation.write(output / EVALUATION)
    write_atomic(output / "emulator_error.svg", encode(emulator_error(evaluation, target), "svg"))
    print(evaluation.table())
