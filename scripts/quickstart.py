"""propmat from Python: the flux at Earth behind a modulated heliosphere, emulated and by the force field."""

import numpy as np

import propmat
from propmat.heliosphere import force_field
from propmat.spectra import proton_lis

emulator = propmat.load("heliosphere")  # a shipped name, or the path of a bundle
energy = np.array([0.3, 1.0, 3.0, 10.0])  # GeV
weather = {"B0": 5.0, "tilt": 15.0, "K0": 0.15, "a": 0.5, "b": 2.0}  # nT, deg, 1e23 cm2/s, 1, 1

print("flux [m^-2 s^-1 sr^-1 GeV^-1] at", energy, "GeV")
print("proton LIS       ", proton_lis()(energy))
print("force field 0.5 GV", force_field(proton_lis(), energy, 0.5, "proton"))
for polarity in (+1, -1):
    flux = emulator.flux(weather, proton_lis(), species="proton", polarity=polarity, kinetic_energy=energy)
    print(f"polarity {polarity:+d}      ", flux)

tilts = emulator.flux({**weather, "tilt": np.linspace(5, 75, 8)}, proton_lis(), species="proton", polarity=-1,
                      kinetic_energy=1.0)  # fmt: skip
print("1 GeV protons, polarity -1, tilt 5 to 75 deg:", tilts)
