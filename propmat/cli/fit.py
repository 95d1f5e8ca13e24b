"""Fits (K0, a, b) of Bartels rotations to AMS-02 protons and predicts antiprotons with the same parameters.

B0, tilt and polarity are those observed in each rotation. The interstellar proton spectrum is fitted along within the
Voyager 1 data and a prior, the same for all rotations; systematic errors that do not change in time are shared too.
A force-field fit of the same data stands beside. result.json holds what was found, chain.h5 the posterior samples in
emcee's layout.

Examples:
  propmat fit rotations=[2531,2543]
  propmat fit rotations=[2531,2543] bundle=runs/mine/emulator.safetensors fit=quick output=runs/look
  propmat fit rotations=[2531,2543] fit.sampler.steps=4000 resume=true         a longer chain of the same fit
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from propmat.cli.config import Config
from propmat.cli.convert import build
from propmat.cli.runs import open_run, shipped

if TYPE_CHECKING:
    from propmat.fit import FitConfig


def run(config: Config) -> None:
    """Fit into ``output``.

    Raises:
        InputError: a setting out of range, a rotation without data, no such emulator, or a folder that is not empty.
        FileError: a damaged bundle or chain, or a folder that cannot be written.
    """
    settings = fit_config(config)
    output = open_run(config, may_change=("fit.sampler.steps",))
    from propmat.fit import run_fit
    from propmat.report.summary import fit_summary

    # open_run has refused a folder with anything but this very run in it.
    result = run_fit(settings, output, resume=True)
    print(fit_summary(result))
    print(f"\nresult: {output / 'result.json'}")


def fit_config(config: Config) -> FitConfig:
    """The settings, with everything checked that takes no emulator: types, ranges, rotations with data."""
    rotations, emulator = config.get("rotations", tuple[int, ...]), config.get("bundle", str)
    from propmat.fit.config import FitConfig
    from propmat.measurements import conditions, rotation_fluxes

    settings = build(FitConfig, {**config.values["fit"], "rotations": rotations, "emulator": emulator}, "fit")
    for rotation in rotations:
        conditions(rotation, tilt=settings.tilt, average_rotations=settings.average_rotations)
        for species in ("proton", "antiproton"):
            rotation_fluxes(species, rotation)
    shipped("emulators", emulator, ".safetensors")
    return settings
