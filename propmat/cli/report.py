"""Collects a fit, and the emulator behind it, in one HTML page with figures that can be mailed.

The page needs nothing else: figures are inlined, nothing is fetched. It shows the spectra with the data, residuals,
posterior, antiproton prediction and contrast between rotations, and states the numbers, what to cite and the versions.

Examples:
  propmat report runs.fit=runs/fit
  propmat report runs.fit=runs/fit runs.train=runs/mine runs.evaluate=runs/mine_scored runs.simulate=runs/tiny
"""

from __future__ import annotations

from pathlib import Path

from propmat.cli.config import Config
from propmat.cli.convert import convert
from propmat.cli.runs import check_output, save_config
from propmat.errors import InputError


def run(config: Config) -> None:
    """Write report.html into ``output``.

    Raises:
        InputError: a run folder that does not exist, or an output folder that is not empty.
        FileError: a damaged run, or a folder that cannot be written.
    """
    folders = {key: convert(value, Path | None, f"runs.{key}") for key, value in config.values["runs"].items()}
    for key, folder in folders.items():
        if folder is not None and not folder.is_dir():
            raise InputError(f"runs.{key} = {folder} is not a folder: run propmat {key} first, or give its output.")
    fit = folders["fit"]
    if fit is None:
        raise InputError("runs.fit = null: a report needs the run folder of a fit.")
    output = check_output(config)
    from propmat.report.build import build_report

    page = build_report(fit, train=folders["train"], evaluation=folders["evaluate"], samples=folders["simulate"])
    save_config(config, output)
    page.write(output / "report.html")
    print(f"report: {output / 'report.html'}")
