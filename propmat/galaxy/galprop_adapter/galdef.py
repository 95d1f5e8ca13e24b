"""GALPROP's input: a galdef file from the parameters of the Galaxy.

Layout: one ``key = value`` a line, the key in the first 21 columns; GALPROP 56 reads everything after ``#`` as a
comment and the first word after ``=`` as the value. GALPROP's units: MeV, MV, cm^2/s, km/s, kpc.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from propmat.errors import FileError, InputError
from propmat.galaxy.galprop_adapter.settings import GalpropSettings
from propmat.galaxy.sources import ABUNDANCES
from propmat.parameters import GALAXY, Parameters
from propmat.species import get_species

_MEGA_PER_GIGA: Final = 1e3
_HEIGHT_STEP: Final = "dz"
_SOURCE_FILES: Final = "source_class_files"
_FIXED: Final = """
    verbose 0; n_spatial_dimensions 2; r_min 0; output_gcr_full 0
    convection 0; fragmentation 1; momentum_losses 1; radioactive_decay 1; K_capture 0; t_half_limit 1e4
    ionization_losses 1; coulomb_losses 1; bremss_losses 1; IC_losses 1; sync_losses 1; ionization_rate 0
    primary_electrons 0; primary_positrons 0; secondary_positrons 0; secondary_electrons 0; knock_on_electrons 0
    pairproduction 0; tertiary_antiprotons 1; secondary_protons 1
    gamma_rays 0; pi0_decay 0; IC_isotropic 0; IC_anisotropic 0; synchrotron 0; bremss 0; free_free_absorption 0
    globalLuminosities 0; DM_positrons 0; DM_electrons 0; DM_antiprotons 0; DM_gammas 0; DM_int0 1
    proton_norm_Ekin 1e5; proton_norm_flux 4.4e-9; electron_norm_flux 0; source_normalization 1
    source_specification 0; source_model 1; source_parameters_0 0.2; source_parameters_1 1.09
    source_parameters_2 3.87; source_parameters_3 20; source_parameters_4 20; source_parameters_5 0
    n_cr_sources 0; SNR_events 0
    local_bubble_radius 0; local_bubble_gas_fraction 1; local_bubble_source_fraction 1
    network_iterations 1; total_cross_section 2; cross_section_option 012
    start_timestep 1e9; end_timestep 1e2; timestep_factor 0.5; timestep_repeat 20; timestep_repeat2 0
    timestep_print 10000; timestep_diagnostics 10000; control_diagnostics 0
    solution_convergence 0; solution_method 4; prop_r 1; prop_x 1; prop_y 1; prop_z 1; prop_p 1
    He_H_ratio 0.11; n_X_CO 10; X_CO 1.9e20; nHI_model 2; nH2_model 2; nHII_model 1; HII_Te 7000
    HII_clumping_factor 1; B_field_name galprop_original; B_field_parameters 4e-6,4,13,4e-6,2,1e8,0,0,0,0
    ISRF_filetype 0; ISRF_healpixOrder 1; ISRF_factors 1,1,1
    E_gamma_min 100; E_gamma_max 1000; E_gamma_factor 2; integration_mode 0
    nu_synch_min 1e6; nu_synch_max 1e10; nu_synch_factor 2
    skymap_format 0; d_long 5; d_lat 5; healpix_order 4; anisoHealpixOrder 1
"""
"""What no setting changes: the processes, sources, gas and time steps of the reference runs (galaxy.md), stock solver.

The switches for electrons and photons are off; their grids are small, since GALPROP allocates them anyway.
"""


def write_galdef(path: Path, parameters: Parameters, settings: GalpropSettings, template: Path | None = None) -> None:
    """Write GALPROP's input file for one parameter point.

    Args:
        path: the new file; it appears complete or not at all.
        parameters: a value of each parameter of :data:`propmat.parameters.GALAXY`.
        settings: run settings.
        template: a galdef whose keys are kept, except those that the parameters set and what reading the result
            relies on (a grid in kinetic energy); None takes ``settings.template``.

    Raises:
        InputError: a parameter is missing, unknown or out of range, or the template takes the injection from other
            files, so that it would not follow the parameters.
        FileError: the template cannot be read or is no galdef, or ``path`` cannot be written.
    """
    point = GALAXY.stack(parameters)
    if point.ndim != 1:
        raise InputError(f"one galdef holds one parameter point, not an array of shape {point.shape[:-1]}.")
    values = dict(zip(GALAXY.names, point.tolist(), strict=True))
    source = settings.template if template is None else template
    if source is None:
        keys = _run_keys(settings) | _parameter_keys(values, settings.height_step)
        lines = [_line(key, value) for key, value in keys.items()]
    else:
        lines = _merged(source, values, settings.height_step)
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogateescape")
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise FileError(f"cannot write {path}: {error.strerror}.") from error


def galdef_keys(text: str) -> dict[str, str]:
    """key -> first word of its value, as GALPROP 56 reads it: comments cut, the last of repeated keys holds."""
    keys: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("#")[0].partition("=")
        if equals and key.strip():
            keys[key.strip()] = (value.split() or [""])[0]
    return keys


def _parameter_keys(values: dict[str, float], height_step: float) -> dict[str, str]:
    """What the parameters set; breaks ascend: R_br1 is GALPROP's ``br0``, below which nu1 (``g_0``) holds."""
    height = values["z_h"]
    numbers = {
        "z_min": -height,
        "z_max": height,
        _HEIGHT_STEP: height / max(round(height / height_step), 1),
        "D0_xx": values["D0"] * 1e28,
        "D_rigid_ref": 4.0 * _MEGA_PER_GIGA,
        "D_rigid_br": 4.0 * _MEGA_PER_GIGA,
        "D_g_1": values["delta"],
        "D_g_2": values["delta"],
        "D_eta": values["eta"],
        "v_Alfven": values["v_A"],
        "nuc_rigid_br0": values["R_br1"] * _MEGA_PER_GIGA,
        "nuc_rigid_br": values["R_br2"] * _MEGA_PER_GIGA,
        "nuc_g_0": values["nu1"],
        "nuc_g_1": values["nu2"],
        "nuc_g_2": values["nu3"],
    }
    words = {"diff_reacc": "1", "inj_spectrum_type": "rigidity", "p_Ekin_grid": "Ekin"}
    return words | {key: repr(number) for key, number in numbers.items()}


def _run_keys(settings: GalpropSettings) -> dict[str, str]:
    fixed = dict(entry.split() for line in _FIXED.split("\n") for entry in line.split(";") if entry.strip())
    numbers = {
        "r_max": settings.radius,
        "dr": settings.radial_step,
        "Ekin_min": settings.energy_min * _MEGA_PER_GIGA,
        "Ekin_max": settings.energy_max * _MEGA_PER_GIGA,
        "Ekin_factor": settings.energy_factor,
        "secondary_antiprotons": settings.secondary_antiprotons,
        "max_Z": settings.max_Z,
    }
    numbers |= {f"use_Z_{charge}": 1 for charge in range(1, settings.max_Z + 1)}
    for name, abundance in ABUNDANCES.items():
        species = get_species(name)
        numbers[f"iso_abundance_{species.charge:02d}_{species.mass_number:03d}"] = abundance
    return fixed | {key: repr(number) for key, number in numbers.items()}


def _merged(template: Path, values: dict[str, float], height_step: float) -> list[str]:
    """The template's lines without our keys, then our keys."""
    try:
        text = template.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise FileError(f"cannot read the galdef template {template}: {error.strerror}.") from error
    theirs = galdef_keys(text)
    if "n_spatial_dimensions" not in theirs and "max_Z" not in theirs:
        raise FileError(f"{template} is no galdef file: it sets neither n_spatial_dimensions nor max_Z.")
    if theirs.get(_SOURCE_FILES):
        raise InputError(
            f"{template} sets {_SOURCE_FILES}: injection would not follow nu1, nu2, nu3, R_br1 and R_br2. Remove it."
        )
    if _HEIGHT_STEP in theirs:
        try:
            height_step = float(theirs[_HEIGHT_STEP])
        except ValueError:
            height_step = 0.0
        if not height_step > 0:
            raise FileError(f"{template}: {_HEIGHT_STEP} = {theirs[_HEIGHT_STEP]} is no positive number.")
    ours = _parameter_keys(values, height_step)
    kept = [line for line in text.splitlines() if not galdef_keys(line).keys() & ours.keys()]
    return [*kept, *(_line(key, value) for key, value in ours.items())]


def _line(key: str, value: str) -> str:
    return f"{key:<21}= {value}"
