"""The Galaxy: injection, propagation and production of secondaries, to spectra at the Sun."""

from propmat.galaxy.extra import ExtraSource, burkert, navarro_frenk_white
from propmat.galaxy.interactions import Interactions
from propmat.galaxy.local_spectra import LocalSpectra
from propmat.galaxy.model import SIMULATOR_VERSION, Galaxy

__all__ = [
    "SIMULATOR_VERSION",
    "ExtraSource",
    "Galaxy",
    "Interactions",
    "LocalSpectra",
    "burkert",
    "navarro_frenk_white",
]
