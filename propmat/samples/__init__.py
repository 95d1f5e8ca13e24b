"""What a simulator said: designs, stores of samples on disk, and their production."""

from propmat.samples.design import PROTON_CHANNELS, Channel, Design, unique_channels
from propmat.samples.header import StoreHeader
from propmat.samples.imported import ImportedDesign
from propmat.samples.importing import find_sources, plan_import, read_manifest
from propmat.samples.production import heliosphere_header, produce
from propmat.samples.store import SampleStore
from propmat.samples.table import SampleTable, Truncation

__all__ = [
    "PROTON_CHANNELS",
    "Channel",
    "Design",
    "ImportedDesign",
    "SampleStore",
    "SampleTable",
    "StoreHeader",
    "Truncation",
    "find_sources",
    "heliosphere_header",
    "plan_import",
    "produce",
    "read_manifest",
    "unique_channels",
]
