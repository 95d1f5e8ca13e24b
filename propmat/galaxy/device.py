"""Many parameter points at once on an accelerator, by torch: the same elimination as :mod:`propmat.galaxy.blocks`.

What depends on the point (reduced space, coefficients) is prepared on the host; here the block systems of all species
and points are factorised together, one energy after the other, and the network is solved for all points at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from propmat.errors import InputError
from propmat.galaxy.network import TRANSPORT, Reactions, System
from propmat.species import FloatArray

if TYPE_CHECKING:
    from torch import Tensor


def check_device(device: str) -> None:
    """Raise InputError where torch finds no such device.

    Args:
        device: ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
    """
    import torch

    try:
        torch.zeros(1, dtype=torch.float64, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise InputError(f"device = {device!r} cannot be used: {str(error).splitlines()[0]}") from None


def propagate(
    systems: Sequence[System], sources: Sequence[Mapping[str, FloatArray]], device: str
) -> list[dict[str, FloatArray]]:
    """Densities at many points, as :meth:`propmat.galaxy.network.System.propagate` gives them at one.

    Args:
        systems: one for each point, with the same reactions and size of basis.
        sources: component -> (energy, shape, right side), one for each point.
        device: as torch names it.

    Returns:
        For each point component -> (energy, shape, right side).
    """
    import torch

    with torch.no_grad():
        transport = _Transport(systems, device)
        injected = {name: transport.tensor(np.stack([point[name] for point in sources], axis=1)) for name in sources[0]}
        found: dict[str, Tensor] = {}
        for component, reactions in systems[0].reactions.items():
            right = _source(reactions, found, transport)
            if component in injected:
                right = injected[component] if right is None else right + injected[component]
            if right is not None:
                found[component] = transport.solve(TRANSPORT.get(component, component), right)
        arrays = {name: values.cpu().numpy() for name, values in found.items()}
    return [{name: values[:, number] for name, values in arrays.items()} for number in range(len(systems))]


def _source(reactions: Reactions, found: Mapping[str, Tensor], transport: _Transport) -> Tensor | None:
    """(energy, point, shape, right side) what the parents that are there make of a component."""
    in_gas, parts = [], []
    for parent, density in found.items():
        if parent in reactions.local:
            in_gas.append(transport.tensor(reactions.local[parent])[:, None, None, None] * density)
        if parent in reactions.kernel:
            kernel = transport.tensor(reactions.kernel[parent])
            in_gas.append((kernel @ density.flatten(1)).view_as(density))
        if parent in reactions.decay:
            parts.append(transport.tensor(reactions.decay[parent])[:, None, None, None] * density)
    if in_gas:
        parts.append(transport.total_gas @ sum(in_gas[1:], in_gas[0]))
    return sum(parts[1:], parts[0]) if parts else None


class _Transport:
    """The factorised systems of every species at every point."""

    def __init__(self, systems: Sequence[System], device: str) -> None:
        self.device = device
        self.species = list(systems[0].coefficients)
        self.operators = self.tensor(np.stack([system.basis.operators for system in systems]))
        self.total_gas = self.operators[:, 1] + self.operators[:, 2]

        def collect(name: str) -> Tensor:  # (energy, species, point, ...)
            rows = [[getattr(system.coefficients[one], name) for system in systems] for one in self.species]
            return self.tensor(np.moveaxis(np.array(rows), 2, 0))

        self.lower, self.upper, self.second = collect("lower"), collect("upper"), collect("second")
        first = next(iter(systems[0].coefficients.values()))
        self.correction = None if first.correction is None else collect("correction")
        self.inverses = self._factorise(collect("diagonal"))

    def tensor(self, values: FloatArray) -> Tensor:
        """A copy on the device."""
        import torch

        return torch.as_tensor(np.ascontiguousarray(values), device=self.device)

    def _combine(self, factors: Tensor) -> Tensor:
        """(species, point, shape, shape) sums of the operators, the last factor times 1."""
        import torch

        sums = torch.einsum("spk,pkij->spij", factors[..., :-1], self.operators)
        sums.diagonal(dim1=-2, dim2=-1).add_(factors[..., -1:])
        return sums

    def _factorise(self, diagonal: Tensor) -> list[Tensor]:
        import torch

        count = len(diagonal)
        inverses: list[Tensor] = [self.operators] * count
        for energy in range(count - 1, -1, -1):
            block = self._combine(diagonal[energy])
            if energy + 1 < count:
                above = self._combine(self.upper[energy])
                if energy + 2 < count:
                    beyond = self._combine(self.second[energy]) @ inverses[energy + 2]
                    above += self.lower[energy + 2, ..., None, None] * beyond
                block -= self.lower[energy + 1, ..., None, None] * (above @ inverses[energy + 1])
            inverses[energy] = torch.linalg.inv(block)
        return inverses

    def solve(self, species: str, right: Tensor) -> Tensor:
        """(energy, point, shape, right side) densities of one species."""
        one = self.species.index(species)
        first = self._solve(one, right)
        return first if self.correction is None else first - self._solve(one, self._correct(one, first))

    def _correct(self, one: int, density: Tensor) -> Tensor:
        """What the correction of the scheme makes of a density."""
        import torch

        assert self.correction is not None
        factors = self.correction[:, one]  # (energy, point, factor, offset)
        found, reach = torch.zeros_like(density), factors.shape[-1] // 2
        for kind in range(factors.shape[2]):
            total = torch.zeros_like(density)
            for offset in range(-reach, reach + 1):
                rows = slice(max(0, -offset), len(density) - max(0, offset))
                others = slice(max(0, offset), len(density) + min(0, offset))
                total[rows] += factors[rows, :, kind, reach + offset, None, None] * density[others]
            found += total if kind == self.operators.shape[1] else self.operators[:, kind] @ total
        return found

    def _solve(self, one: int, right: Tensor) -> Tensor:
        """The solution of the rows of the scheme, by the elimination of :mod:`propmat.galaxy.blocks`."""
        import torch

        lower = self.lower[:, one, :, None, None]
        count = len(right)
        found: list[Tensor] = [right[0]] * count

        def apply(factors: Tensor, values: Tensor) -> Tensor:
            matrix = torch.einsum("pk,pkij->pij", factors[:, :-1], self.operators)
            return matrix @ values + factors[:, -1:, None] * values

        for energy in range(count - 1, -1, -1):
            total = right[energy]
            if energy + 1 < count:
                total = total + apply(self.upper[energy, one], found[energy + 1])
            if energy + 2 < count:
                ahead = lower[energy + 2] * (self.inverses[energy + 2][one] @ found[energy + 1]) + found[energy + 2]
                total = total + apply(self.second[energy, one], ahead)
            found[energy] = self.inverses[energy][one] @ total
        for energy in range(1, count):
            found[energy] = found[energy] + lower[energy] * (self.inverses[energy][one] @ found[energy - 1])
        return torch.stack(found)
