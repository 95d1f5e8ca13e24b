"""What a simulator said: designs, stores of samples on disk, and their production."""

from propmat.samples.design import PROTON_CHANNELS, Channel, Design, unique_channels
from propmat.samples.exporting import export
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
from propmat.samples.labelled import dataset
from propmat.samples.listed import ListedDesign, ListedSpectra
from propmat.samples.merging import Merged, merge
from propmat.samples.particle_design import ParticleDesign
from propmat.samples.particle_header import GainCode, ParticleHeader, ParticleTable
from propmat.samples.particles import make_particles, particle_header
from propmat.samples.points import read_points, write_points
from propmat.samples.production import heliosphere_header, produce
from propmat.samples.spectra import ImportedSpectra, SpectraDesign, SpectraGrid, SpectraHeader, SpectraTable
from propmat.samples.store import ParticleStore, SampleStore, SpectraStore, open_store
from propmat.samples.table import SampleTable, Truncation

__all__ = [
    "NUCLEI_FILES",
    "PROTON_CHANNELS",
    "TEXT_FILES",
    "Channel",
    "Design",
    "GainCode",
    "ImportedDesign",
    "ImportedSpectra",
    "ListedDesign",
    "ListedSpectra",
    "Merged",
    "ParticleDesign",
    "ParticleHeader",
    "ParticleStore",
    "ParticleTable",
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
    "dataset",
    "export",
    "find_sources",
    "galaxy_simulator",
    "galprop_simulator",
    "heliosphere_header",
    "make_particles",
    "merge",
    "open_store",
    "particle_header",
    "plan_galprop_import",
    "plan_import",
    "produce",
    "produce_spectra",
    "read_manifest",
    "read_points",
    "unique_channels",
    "write_points",
]
