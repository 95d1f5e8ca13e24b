"""What was measured: published figures with their errors, and the conditions of each Bartels rotation."""

from propmat.measurements.ams import RotationFlux, rotation_fluxes, rotations
from propmat.measurements.conditions import Conditions, conditions
from propmat.measurements.galprop_reference import antiproton_lis, galprop_proton_lis
from propmat.measurements.voyager import LocalFlux, voyager_proton_lis

__all__ = [
    "Conditions",
    "LocalFlux",
    "RotationFlux",
    "antiproton_lis",
    "conditions",
    "galprop_proton_lis",
    "rotation_fluxes",
    "rotations",
    "voyager_proton_lis",
]
