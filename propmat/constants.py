"""Physical constants, each in one place. Masses in GeV/c^2, everything else as its name says."""

from __future__ import annotations

from typing import Final

ASTRONOMICAL_UNIT_M: Final = 1.495978707e11
"""IAU 2012 astronomical unit [m]."""
SPEED_OF_LIGHT_M_S: Final = 299_792_458.0
SPEED_OF_LIGHT_CM_S: Final = SPEED_OF_LIGHT_M_S * 100.0
KILOPARSEC_CM: Final = 3.0856775814913673e21
SECONDS_PER_DAY: Final = 86_400.0
AU_PER_DAY_IN_M_S: Final = ASTRONOMICAL_UNIT_M / SECONDS_PER_DAY
SPEED_OF_LIGHT_AU_DAY: Final = SPEED_OF_LIGHT_M_S / AU_PER_DAY_IN_M_S

PROTON_MASS: Final = 0.938272
"""Proton mass [GeV], the value of the source papers."""
ELECTRON_MASS: Final = 0.000510998950
"""Electron mass [GeV]."""
ATOMIC_MASS_UNIT: Final = 0.93149410242
"""Unified atomic mass unit [GeV]."""

SOLAR_ROTATION_PERIOD_DAY: Final = 27.5
"""Synodic-scale rotation period used by papers/000 [d]."""

DIFFUSION_UNIT_CM2_S: Final = 1.0e23
"""Unit in which the parallel diffusion normalisation K0 is given [cm^2/s]."""
DIFFUSION_UNIT_AU2_DAY: Final = DIFFUSION_UNIT_CM2_S * 1.0e-4 * SECONDS_PER_DAY / ASTRONOMICAL_UNIT_M**2
"""The same unit in AU^2/day."""

GYRORADIUS_AU_NT_PER_GV: Final = 1.0e9 / SPEED_OF_LIGHT_M_S / 1.0e-9 / ASTRONOMICAL_UNIT_M
"""r_g [AU] = this * R[GV] / |B|[nT] (0.022297)."""
DRIFT_AU2_NT_PER_DAY_GV: Final = 1.0e9 / 1.0e-9 * SECONDS_PER_DAY / ASTRONOMICAL_UNIT_M**2
"""Turns R[GV] / B[nT] / r[AU] into a drift speed in AU/day."""
