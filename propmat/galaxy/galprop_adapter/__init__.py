"""GALPROP itself as a simulator: writes its input, runs the user's executable, reads its nuclei into LocalSpectra.

The input keys, the command line and the layout of the output follow GALPROP 56 (docs/galprop.md); its licence forbids
redistribution, so that everyone brings their own.
"""

from propmat.galaxy.galprop_adapter.fits import read_nuclei
from propmat.galaxy.galprop_adapter.galdef import galdef_keys, write_galdef
from propmat.galaxy.galprop_adapter.runner import run_galprop
from propmat.galaxy.galprop_adapter.settings import GalpropSettings

__all__ = ["GalpropSettings", "galdef_keys", "read_nuclei", "run_galprop", "write_galdef"]
