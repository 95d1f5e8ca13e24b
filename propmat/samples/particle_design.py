"""Which pseudo-particles a store holds: each has its own parameters and energy at Earth, by its number alone."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from propmat.errors import InputError, out_of_range, unknown_name
from propmat.parameters import ParameterSpace
from propmat.samples.design import PROTON_CHANNELS, Channel, Sharded, channel_pairs, channels_from, check_channels
from propmat.species import FloatArray
from propmat.transfer import TransferGrid

PARTICLES: Final = "particles"
"""``kind`` of such a design."""
INTEGERS: Final[dict[str, tuple[int, int]]] = {
    "count": (1, 2**34),
    "seed": (0, 2**63 - 1),
    "shard_size": (1, 2**22),
    "start": (0, 2**34),
}
"""Allowed range of each integer of a design of particles."""
SHARDS: Final = 2**16
"""Most files of a store of particles."""
ENERGIES: Final = (1e-3, 1e4)
"""What the simulator takes [GeV/n]."""
NARROWEST: Final = 1.01
"""Least ratio of the ends of a range of energies: many float32 numbers lie in it."""
DEFAULT_ENERGIES: Final = tuple(TransferGrid.default().toa[[0, -1]].tolist())
SEQUENCE: Final = 2**22
"""Points of one Sobol sequence; the next ones are of another scrambling, so that no point is far from a beginning."""
_CHUNK: Final = 2**17
_PROBES: Final = ((0, 8), (1000, 8))
"""(first, number) of the points that :meth:`ParticleDesign.checksum` looks at."""


@dataclass(frozen=True)
class ParticleDesign(Sharded):
    """Particles number ``start`` to ``start + count - 1``; one is a sample, and draws the noise of its number.

    Particle i is of channel i mod c and at point i div c, c being the number of channels. Points fill the space of the
    parameters and ln T: scrambled Sobol sequences of 2^22 points each. Parameters and energy are float32 numbers, made
    anew whenever they are needed and never stored.

    Attributes:
        count: particles.
        seed: of the points and of the simulation.
        shard_size: particles a file.
        channels: distinct in (A/|Z|, drift sign).
        energy_low, energy_high: range of the kinetic energy at Earth, uniform in its logarithm [GeV/n].
        start: number of the first particle. Designs that differ in start and count only share their particles.
        kind: ``"particles"``.

    Raises:
        InputError: a value out of range, an unknown kind, too many files, no channels or two that the heliosphere
            cannot tell apart.
    """

    remedy: ClassVar[str] = "propmat simulate"

    count: int
    seed: int = 0
    shard_size: int = 2**20
    channels: tuple[Channel, ...] = PROTON_CHANNELS
    energy_low: float = DEFAULT_ENERGIES[0]
    energy_high: float = DEFAULT_ENERGIES[1]
    start: int = 0
    kind: str = PARTICLES

    def __post_init__(self) -> None:
        if self.kind != PARTICLES:
            raise unknown_name("design kind", self.kind, (PARTICLES,))
        for key, (low, high) in INTEGERS.items():
            value = getattr(self, key)
            if type(value) is not int or not low <= value <= high:
                raise out_of_range(key, value, low, high)
        if self.start + self.count > INTEGERS["count"][1]:
            raise out_of_range("start + count", self.start + self.count, *INTEGERS["count"])
        if self.shards > SHARDS:
            raise InputError(f"{self.shards} files are more than {SHARDS}: choose a larger shard_size.")
        for key in ("energy_low", "energy_high"):
            energy = getattr(self, key)
            if type(energy) not in (float, int) or not ENERGIES[0] <= energy <= ENERGIES[1]:
                raise out_of_range(key, energy, *ENERGIES, "GeV/n")
            object.__setattr__(self, key, float(energy))
        if not self.energy_low * NARROWEST <= self.energy_high:
            raise InputError(
                f"energy_high = {self.energy_high} GeV/n must be at least {NARROWEST} energy_low = "
                f"{NARROWEST * self.energy_low:g} GeV/n."
            )
        check_channels(self.channels)

    @property
    def samples(self) -> int:
        """Number of particles."""
        return self.count

    def numbers(self, samples: range) -> NDArray[np.int64]:
        """(n,) particle numbers of consecutive samples of this design."""
        return np.arange(self.start + samples.start, self.start + samples.stop, dtype=np.int64)

    def channel_index(self, samples: range) -> NDArray[np.int64]:
        """(n,) which of :attr:`channels` each of consecutive samples is of."""
        return self.numbers(samples) % len(self.channels)

    def points(self, space: ParameterSpace, samples: range) -> NDArray[np.float32]:
        """(n, parameter + 1) parameters of consecutive samples, and last the energy at Earth [GeV/n]."""
        channels = len(self.channels)
        begin, end = self.start + samples.start, self.start + samples.stop
        first, last = begin // channels, -(-end // channels)
        each = self._sequence_points(space, first, last - first)
        return np.repeat(each, channels, axis=0)[begin - first * channels :][: len(samples)]

    def sample_parameters(self, space: ParameterSpace) -> FloatArray:
        """(sample, parameter) of all particles."""
        return self.points(space, range(self.count))[:, :-1].astype(np.float64)

    def seeds(self) -> NDArray[np.uint64]:
        """(sample,) the seed of the design: particles differ by their number."""
        return np.broadcast_to(np.uint64(self.seed), (self.count,))

    def checksum(self, space: ParameterSpace) -> str:
        """sha256 of a few points: another scipy or parameter space would make others."""
        last = (self.start + self.count - 1) // len(self.channels)
        content = hashlib.sha256()
        for sequence in sorted({self.start // len(self.channels) // SEQUENCE, last // SEQUENCE}):
            for first, number in _PROBES:
                points = self._sequence_points(space, sequence * SEQUENCE + first, number)
                content.update(points.astype("<f4").tobytes())
        return content.hexdigest()

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON; channels as [species, polarity]."""
        return asdict(self) | {"channels": channel_pairs(self.channels)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`as_dict`.

        Raises:
            InputError: missing or unknown keys, or values that make no design.
        """
        expected = {*INTEGERS, "energy_low", "energy_high", "channels", "kind"}
        if set(values) != expected:
            raise InputError(f"a design of particles has the keys {sorted(expected)}, not {sorted(map(str, values))}.")
        return cls(**{**values, "channels": channels_from(values["channels"])})

    def _sequence_points(self, space: ParameterSpace, first: int, count: int) -> NDArray[np.float32]:
        """(count, parameter + 1) points number ``first`` and on, in chunks, so that little memory is needed."""
        points = np.empty((count, len(space.names) + 1), dtype=np.float32)
        done = 0
        while done < count:
            sequence, offset = divmod(first + done, SEQUENCE)
            stop = min(count, done + SEQUENCE - offset)
            engine = qmc.Sobol(points.shape[1], scramble=True, rng=np.random.default_rng([self.seed, sequence]))
            if offset:
                engine.fast_forward(offset)
            for begin in range(done, stop, _CHUNK):
                end = min(begin + _CHUNK, stop)
                points[begin:end] = self._from_unit(space, _draw(engine, end - begin))
            done = stop
        return points

    def _from_unit(self, space: ParameterSpace, cube: FloatArray) -> NDArray[np.float32]:
        """(n, parameter + 1) points of (n, parameter + 1) in the unit cube."""
        points = np.empty(cube.shape, dtype=np.float32)
        parameters = space.from_unit(cube[:, :-1])
        for index, parameter in enumerate(space.parameters):
            points[:, index] = _single(parameters[:, index], parameter.low, parameter.high)
        low, high = np.log(self.energy_low), np.log(self.energy_high)
        energy = np.exp(low + cube[:, -1] * (high - low))
        points[:, -1] = _single(energy, self.energy_low, self.energy_high)
        return points


def _draw(engine: qmc.Sobol, number: int) -> FloatArray:
    with warnings.catch_warnings():  # a piece of a sequence need not be a power of two long
        warnings.filterwarnings("ignore", message="The balance properties", category=UserWarning)
        cube: FloatArray = engine.random(number)
    return cube


def _single(values: FloatArray, low: float, high: float) -> NDArray[np.float32]:
    """The nearest float32 numbers that are not outside [low, high]."""
    bottom, top = np.float32(low), np.float32(high)
    bottom = bottom if float(bottom) >= low else np.nextafter(bottom, np.float32(np.inf))
    top = top if float(top) <= high else np.nextafter(top, np.float32(-np.inf))
    return np.clip(values.astype(np.float32), bottom, top)
