"""The command line: ``propmat simulate | train | evaluate | fit | report | data | info``."""

from propmat.cli.main import main

__all__ = ["main"]
