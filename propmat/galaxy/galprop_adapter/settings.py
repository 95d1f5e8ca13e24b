"""Where the user's galprop is and how it is run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from propmat.errors import InputError, out_of_range

_RANGES: Final = {
    "timeout": (0.1, 1e6, "s"),
    "threads": (1, 1024, ""),
    "max_Z": (1, 28, ""),
    "radius": (10.0, 50.0, "kpc"),
    "radial_step": (0.01, 2.0, "kpc"),
    "height_step": (0.01, 1.0, "kpc"),
    "energy_min": (1e-4, 1.0, "GeV/n"),
    "energy_max": (1e3, 1e8, "GeV/n"),
    "energy_factor": (1.01, 2.0, ""),
    "secondary_antiprotons": (0, 3, ""),
}
_INTEGERS: Final = ("threads", "max_Z", "secondary_antiprotons")


@dataclass(frozen=True)
class GalpropSettings:
    """The executable and the settings of its runs; the defaults are those of the 'stock' reference runs.

    A template takes the place of all settings from ``max_Z`` on: they are then the template's own.

    Attributes:
        executable: path of galprop, or its name on the PATH.
        fits_folder: folder of GALPROP's FITS data; without a template no data are needed (the radiation field is the
            CMB alone, the gas is analytic), and None gives it an empty folder.
        work_folder: where the temporary folder of a run is made, and where the log of a failed run stays; None is the
            system's folder for temporary files.
        template: a galdef file whose keys are kept, except those that the parameters set.
        version: major version of the executable; it reads ``galdef_<version>_...``.
        timeout: wall-clock limit of one run [s].
        threads: OpenMP threads of one run.
        max_Z: charge of the heaviest element.
        radius, radial_step: radius of the cylinder and its grid step [kpc]. GALPROP's solver 4 makes the number of
            points a multiple of 8, here and in energy, by changing the steps.
        height_step: requested step in z [kpc]; rounded so that the plane lies on the grid.
        energy_min, energy_max, energy_factor: grid of kinetic energies [GeV/n].
        secondary_antiprotons: GALPROP's production option, 0 (none) to 3 (Kachelriess et al. 2015).

    Raises:
        InputError: a value out of range or of the wrong type.
    """

    executable: Path
    fits_folder: Path | None = None
    work_folder: Path | None = None
    template: Path | None = None
    version: str = "56"
    timeout: float = 3600.0
    threads: int = 1
    max_Z: int = 8
    radius: float = 19.975
    radial_step: float = 0.425
    height_step: float = 0.1
    energy_min: float = 1e-3
    energy_max: float = 1e5
    energy_factor: float = 1.2
    secondary_antiprotons: int = 3

    def __post_init__(self) -> None:
        for key in ("executable", "fits_folder", "work_folder", "template"):
            value = getattr(self, key)
            if value is not None:
                if not str(value):
                    raise InputError(f"{key} is empty; give a path.")
                object.__setattr__(self, key, Path(value).expanduser())
        if not (isinstance(self.version, str) and self.version.isdecimal()):
            raise InputError(f"version = {self.version!r} must be the major version in digits, such as '56'.")
        for key, (low, high, unit) in _RANGES.items():
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, int if key in _INTEGERS else (int, float)):
                raise InputError(f"{key} = {value!r} must be {'an integer' if key in _INTEGERS else 'a number'}.")
            if not low <= value <= high:
                raise out_of_range(key, value, low, high, unit)
