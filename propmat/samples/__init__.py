"""What a simulator said: designs, stores of samples on disk, and their production."""

from propmat.samples.design import PROTON_CHANNELS, Channel, Design
from propmat.samples.header import StoreHeader
from propmat.samples.production import heliosphere_header, produce, terminate_as_interrupt
from propmat.samples.store import SampleStore
from propmat.samples.table import SampleTable

__all__ = [
    "PROTON_CHANNELS",
    "Channel",
    "Design",
    "SampleStore",
    "SampleTable",
    "StoreHeader",
    "heliosphere_header",
    "produce",
    "terminate_as_interrupt",
]
