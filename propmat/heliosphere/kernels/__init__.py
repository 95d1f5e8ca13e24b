"""Arithmetic, random numbers and loops that are compiled: no physics of their own."""
