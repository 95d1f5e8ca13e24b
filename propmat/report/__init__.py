"""Figures and the report page of a fit and its emulator."""
