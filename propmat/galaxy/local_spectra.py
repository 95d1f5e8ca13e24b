"""Local interstellar spectra: what a galactic simulator says about one parameter point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from propmat.errors import InputError, unknown_name
from propmat.species import FloatArray
from propmat.spectra import LogLogSpline

Green = Callable[[str, str], FloatArray]


@dataclass(frozen=True, eq=False)
class LocalSpectra:
    """Fluxes at the Sun before modulation, on one grid of kinetic energies.

    Attributes:
        kinetic_energy: (energy,) increasing [GeV/n].
        fluxes: species -> (energy,) [m^-2 s^-1 sr^-1 (GeV/n)^-1]; totals (p = primary + secondary,
            antiproton = secondary + tertiary).
        parts: the same for parts of totals, ``"proton_primary"``, ``"antiproton_tertiary"``; may be empty.
        injections: species -> (energy,) injection at the Sun [m^-2 s^-1 sr^-1 (GeV/n)^-1 per s]; empty where the
            simulator does not tell.
        matrices: (injected, observed) -> (observed energy, injected energy) matrix [s]; None where the simulator has
            none.

    Raises:
        InputError: energies not increasing and positive, or fluxes of another length or negative or not finite.
    """

    kinetic_energy: FloatArray
    fluxes: Mapping[str, FloatArray]
    parts: Mapping[str, FloatArray] = field(default_factory=dict)
    injections: Mapping[str, FloatArray] = field(default_factory=dict)
    matrices: Green | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        energy = np.asarray(self.kinetic_energy, dtype=np.float64)
        if energy.ndim != 1 or energy.size < 2 or not (energy[0] > 0 and np.all(np.diff(energy) > 0)):
            raise InputError("kinetic_energy must be a 1-D array of at least two positive increasing values [GeV/n].")
        for group in (self.fluxes, self.parts, self.injections):
            for name, values in group.items():
                if np.shape(values) != energy.shape or not np.all(np.isfinite(values)) or np.any(np.less(values, 0)):
                    raise InputError(f"the flux of {name} must be {energy.size} finite values >= 0.")

    @property
    def species(self) -> tuple[str, ...]:
        """Names of the species."""
        return tuple(self.fluxes)

    def flux(self, species: str) -> FloatArray:
        """(energy,) total flux of a species (or of a part, ``"proton_primary"``).

        Raises:
            InputError: no such species; the message names the nearest.
        """
        found = self.fluxes.get(species)
        if found is None:
            found = self.parts.get(species)
        if found is None:
            raise unknown_name("species", species, [*self.fluxes, *self.parts])
        return found

    def spectrum(self, species: str) -> LogLogSpline:
        """The flux as a function of kinetic energy [GeV/n]: a spline through the positive values in log-log."""
        flux = self.flux(species)
        positive = flux > 0
        return LogLogSpline(self.kinetic_energy[positive], flux[positive])

    def injection(self, species: str) -> FloatArray:
        """(energy,) injection of a species at the Sun [m^-2 s^-1 sr^-1 (GeV/n)^-1 per s] (zero if it has none).

        Raises:
            InputError: no such species, or the simulator does not tell.
        """
        if not self.injections:
            raise InputError("these spectra carry no injection: they are not from propmat's solver.")
        if species not in self.injections:
            raise unknown_name("injected species", species, self.injections)
        return self.injections[species]

    def green(self, injected: str, observed: str) -> FloatArray:
        """The transfer matrix from an injected to an observed species, all its secondary steps included.

        The flux of ``observed`` is the sum over injected species of ``green(injected, observed) @
        injection(injected)``.

        Args:
            injected: a nucleus with sources, such as ``"proton"`` or ``"carbon12"``.
            observed: any species of the network, or ``"antiproton"``.

        Returns:
            (observed energy, injected energy) [s].

        Raises:
            InputError: no such species, or spectra that carry no matrices.
        """
        if self.matrices is None:
            raise InputError("these spectra carry no transfer matrices: they are not from propmat's solver.")
        return self.matrices(injected, observed)
