"""Runs the user's galprop in a temporary folder and reads what it wrote.

GALPROP's ``main`` ends with status 0 on most of its own errors, and goes on when its normalisation fails; a run counts
only if its nuclei file is there, whole, and normalised as asked.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np

from propmat.errors import FileError, InputError
from propmat.galaxy.galprop_adapter.fits import astropy_fits, read_nuclei
from propmat.galaxy.galprop_adapter.galdef import galdef_keys, write_galdef
from propmat.galaxy.galprop_adapter.process import Child
from propmat.galaxy.galprop_adapter.settings import GalpropSettings
from propmat.galaxy.local_spectra import LocalSpectra
from propmat.parameters import Parameters

_RUN: Final = "propmat"
_QUOTED_LINES: Final = 5
_QUOTED_BYTES: Final = 4096
_NORMALISATION_TOLERANCE: Final = 0.01
"""GALPROP interpolates in energy as we do (the reference runs agree to 3e-8), in radius from its own nearest point."""


def run_galprop(settings: GalpropSettings, parameters: Parameters) -> LocalSpectra:
    """The spectra at the Sun for one parameter point, by the user's galprop.

    Everything it writes stays in a temporary folder, removed at the end; of a run that fails, the log (output, then
    the galdef) is kept in ``settings.work_folder``. SIGINT and SIGTERM kill it, with all its children, before they take
    effect here (in the main thread; elsewhere Python delivers no signals, and the time limit holds).

    Args:
        settings: where galprop is, and how it is run.
        parameters: a value of each parameter of :data:`propmat.parameters.GALAXY`.

    Raises:
        InputError: the executable or a folder is absent or unusable, a parameter is wrong, or astropy is missing.
        FileError: galprop failed, was killed or ran into the time limit, or wrote no, a damaged or an unnormalised
            file; the message quotes the end of its output and names the log.
    """
    executable = _executable(settings.executable)
    for key in ("fits_folder", "work_folder"):
        folder = getattr(settings, key)
        if folder is not None and not folder.is_dir():
            raise InputError(f"{key} = {folder} is no folder.")
    astropy_fits()
    with Child() as child, _temporary_folder(settings.work_folder) as folder:
        galdef = folder / "galdef" / f"galdef_{settings.version}_{_RUN}"
        empty, output = folder / "fits", folder / "output"
        for made in (galdef.parent, empty, output):
            made.mkdir()
        write_galdef(galdef, parameters, settings)
        data = empty if settings.fits_folder is None else settings.fits_folder.absolute()
        command = [executable, "-r", _RUN, "-g", str(galdef.parent), "-f", str(data), "-o", str(output)]
        log = folder / "log"
        try:
            environment = {"OMP_NUM_THREADS": str(settings.threads)}
            _check(child.run(command, log, settings.timeout, environment), settings)
            spectra = read_nuclei(_nuclei_file(output, settings))
            _check_normalisation(spectra, galdef_keys(galdef.read_text(encoding="utf-8", errors="surrogateescape")))
        except FileError as error:
            raise FileError(f"{error}\n{_keep_log(log, command, galdef)}") from error
        return spectra


def _executable(path: Path) -> str:
    """The absolute path of the executable: a file as named, else one on the PATH."""
    found = str(path) if os.path.isfile(path) else None
    if found is None and path.name == str(path):
        found = shutil.which(path)
    if found is None:
        raise InputError(f"executable = {path} is no file; give the path of your galprop.")
    if not os.access(found, os.X_OK):
        raise InputError(f"executable = {path} is not executable; try chmod +x.")
    return os.path.abspath(found)


@contextmanager
def _temporary_folder(parent: Path | None) -> Iterator[Path]:
    try:
        temporary = tempfile.TemporaryDirectory(prefix="propmat-galprop-", dir=parent, ignore_cleanup_errors=True)
    except OSError as error:
        raise FileError(f"cannot make a folder in {parent or tempfile.gettempdir()}: {error.strerror}.") from error
    with temporary as name:
        yield Path(name).absolute()


def _check(status: int | None, settings: GalpropSettings) -> None:
    if status is None:
        raise FileError(f"galprop was killed: not done after timeout = {settings.timeout:g} s.")
    if status < 0:
        raise FileError(f"galprop crashed: signal {-status} ({signal.strsignal(-status)}).")
    if status > 0:
        raise FileError(f"galprop failed with exit status {status}.")


def _nuclei_file(output: Path, settings: GalpropSettings) -> Path:
    names = [f"nuclei_{full}{settings.version}_{_RUN}{packed}" for full in ("", "full_") for packed in (".gz", "")]
    found = next((output / name for name in names if (output / name).is_file()), None)
    if found is None:
        raise FileError(
            f"galprop ended with status 0 but wrote no nuclei file {names[0]}; its output says why "
            f"(is version = {settings.version!r} its major version?)."
        )
    return found


def _check_normalisation(spectra: LocalSpectra, keys: dict[str, str]) -> None:
    """Primary protons at the norm energy: GALPROP goes on unnormalised where they vanish or lie off its grid."""
    try:
        energy, wanted = float(keys["proton_norm_Ekin"]) * 1e-3, float(keys["proton_norm_flux"]) * 1e7
    except (KeyError, ValueError):
        return  # a template that leaves the normalisation to GALPROP
    if wanted <= 0:
        return
    flux = spectra.parts.get("proton_primary", np.zeros_like(spectra.kinetic_energy))
    grid = np.log(spectra.kinetic_energy[flux > 0])
    if grid.size and grid[0] <= np.log(energy) <= grid[-1]:
        found = float(np.exp(np.interp(np.log(energy), grid, np.log(flux[flux > 0]))))
    else:
        found = 0.0
    if not abs(found / wanted - 1.0) <= _NORMALISATION_TOLERANCE:
        raise FileError(
            f"galprop did not normalise: {found:.4g} primary protons m^-2 s^-1 sr^-1 GeV^-1 at {energy:g} GeV "
            f"instead of {wanted:.4g}."
        )


def _keep_log(log: Path, command: Sequence[str], galdef: Path) -> str:
    """Move the log out of the temporary folder, the galdef added; returns its end and its name, for the message."""
    content = log.read_bytes()
    lines = content[-_QUOTED_BYTES:].decode("utf-8", errors="replace").split("\n")
    quoted = "\n".join(f"  | {line}" for line in [line.rstrip() for line in lines if line.strip()][-_QUOTED_LINES:])
    quoted = quoted or "  | (no output)"
    kept = log.parent.with_name(f"{log.parent.name}.log")
    try:
        with log.open("ab") as file:
            file.write(f"\n# {shlex.join(command)}\n# galdef:\n".encode())
            file.write(galdef.read_bytes())
        os.replace(log, kept)
    except OSError as error:
        return f"{quoted}\nThe log could not be kept: {error.strerror}."
    return f"{quoted}\nLog: {kept}"
