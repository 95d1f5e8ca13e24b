"""What was measured: published figures with their errors, and the conditions of each Bartels rotation."""

from propmat.measurements.ams import RotationFlux, rotation_fluxes, rotations
from propmat.measurements.ams_mean import MEAN_FLUXES, RATIOS, MeanFlux, MeanRatio, mean_flux, mean_ratio
from propmat.measurements.conditions import Conditions, conditions
from propmat.measurements.galprop_reference import antiproton_lis, galprop_proton_lis
from propmat.measurements.voyager import VOYAGER_ELEMENTS, LocalFlux, voyager_lis, voyager_proton_lis

__all__ = [
    "MEAN_FLUXES",
    "RATIOS",
    "VOYAGER_ELEMENTS",
    "Conditions",
    "LocalFlux",
    "MeanFlux",
    "MeanRatio",
    "RotationFlux",
    "antiproton_lis",
    "conditions",
    "galprop_proton_lis",
    "mean_flux",
    "mean_ratio",
    "rotation_fluxes",
    "rotations",
    "voyager_lis",
    "voyager_proton_lis",
]
