"""What a simulator said: designs, stores of samples on disk, and their production."""

from propmat.samples.design import PROTON_CHANNELS, Channel, Design, unique_channels
from propmat.samples.galactic import (
    SpectraSimulator,
    create_spectra,
    galaxy_simulator,
    galprop_simulator,
    produce_spectra,
)
from propmat.samples.galprop import NUCLEI_FILES, plan_galprop_import
from propmat.samples.histograms import StoreHeader
from propmat.samples.imported import ImportedDesign
from propmat.samples.importing import TEXT_FILES, find_sources, plan_import, read_manifest
from propmat.samples.production import heliosphere_header, produce
from propmat.samples.spectra import ImportedSpectra, SpectraDesign, SpectraGrid, SpectraHeader, SpectraTable
from propmat.samples.store import SampleStore, SpectraStore, open_store
from propmat.samples.table import SampleTable, Truncation

__all__ = [
    "NUCLEI_FILES",
    "PROTON_CHANNELS",
    "TEXT_FILES",
    "Channel",
    "Design",
    "ImportedDesign",
    "ImportedSpectra",
    "SampleStore",
    "SampleTable",
    "SpectraDesign",
    "SpectraGrid",
    "SpectraHeader",
    "SpectraSimulator",
    "SpectraStore",
    "SpectraTable",
    "StoreHeader",
    "Truncation",
    "create_spectra",
    "find_sources",
    "galaxy_simulator",
    "galprop_simulator",
    "heliosphere_header",
    "open_store",
    "plan_galprop_import",
    "plan_import",
    "produce",
    "produce_spectra",
    "read_manifest",
    "unique_channels",
]
