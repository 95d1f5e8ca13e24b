"""Cells of a galaxy, filled with its gas and its sources."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from propmat.errors import InputError
from propmat.galaxy.extra import Profile
from propmat.galaxy.grid import Axis, graded_heights, radial_axis, uniform_heights, vertical_axis
from propmat.galaxy.interactions import Gas
from propmat.galaxy.model import Galaxy
from propmat.galaxy.sources import SUN_RADIUS_KPC, radial_profile
from propmat.galaxy.space import Domain
from propmat.species import FloatArray

Quadrature = tuple[FloatArray, FloatArray]
"""(node, point) coordinates [kpc] and weights that add up to 1 for each node."""
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(4)


def build_domain(galaxy: Galaxy, gas: Gas, half_height: float, extra: Sequence[Profile] = ()) -> Domain:
    """The cells of a galaxy with a halo of ``half_height`` [kpc].

    Args:
        galaxy: grids and source distribution.
        gas: the gas.
        half_height: z_h [kpc].
        extra: further source distributions.

    Raises:
        InputError: one of them is negative, not finite or of another shape.
    """
    central_factor = 1.0 if galaxy.radial_averages else 2.0
    radial = radial_axis(galaxy.radial_step, galaxy.radius, central_factor=central_factor)
    if galaxy.height_step > 0.0:
        heights = uniform_heights(half_height, galaxy.height_step)
    else:
        heights = graded_heights(half_height, galaxy.height_first, galaxy.heights)
    vertical = vertical_axis(heights, half_height)
    profiles = [lambda radius, height: _cosmic_ray_sources(galaxy, radius, height), *extra]
    radii = _cells(radial, radial=True) if galaxy.radial_averages else _nodes(radial)
    levels = _cells(vertical, radial=False) if galaxy.vertical_averages else _nodes(vertical)
    return Domain(
        radial=radial,
        vertical=vertical,
        gas=_gas_fields(gas, radii, vertical),
        sources=np.stack([_average(profile, radii, levels) for profile in profiles]),
        sun=round(SUN_RADIUS_KPC / galaxy.radial_step),
    )


def _cosmic_ray_sources(galaxy: Galaxy, radius: FloatArray, height: FloatArray) -> FloatArray:
    profile = radial_profile(radius, galaxy.source_alpha, galaxy.source_beta, galaxy.source_cutoff)
    return np.asarray(profile * np.exp(-height / galaxy.source_height))


def _gas_fields(gas: Gas, radii: Quadrature, vertical: Axis) -> FloatArray:
    """(3, radius, height) cell averages of the fields of the reduced space."""
    points, weights = radii
    columns = np.asarray(gas.column(points.ravel(), vertical.edges)).reshape(3, *points.shape, -1)
    atoms, molecules, ions = np.einsum("krqz,rq->krz", np.diff(columns, axis=-1), weights) / vertical.volume
    logarithm = np.log(np.where(ions > 0.0, ions, 1.0))
    return np.stack([atoms + 2.0 * molecules, ions, ions * logarithm])


def _average(profile: Profile, radii: Quadrature, levels: Quadrature) -> FloatArray:
    """(radius, height) source density in the cells."""
    radius, height = np.meshgrid(radii[0].ravel(), levels[0].ravel(), indexing="ij")
    density = np.asarray(profile(radius, height), dtype=np.float64)
    if density.shape not in ((), radius.shape) or not np.all(np.isfinite(density)) or np.any(density < 0.0):
        raise InputError("a source distribution must give finite values >= 0, in the shape of its arguments.")
    values = np.broadcast_to(density, radius.shape).reshape(*radii[0].shape, *levels[0].shape)
    mean: FloatArray = np.einsum("rqzs,rq,zs->rz", values, radii[1], levels[1])
    return mean


def _nodes(axis: Axis) -> Quadrature:
    """The nodes themselves."""
    return axis.nodes[:, None], np.ones((axis.nodes.size, 1))


def _cells(axis: Axis, *, radial: bool) -> Quadrature:
    """Gauss-Legendre points of the cells, averaging over r dr or over dz."""
    width = np.diff(axis.edges)[:, None]
    points = axis.edges[:-1, None] + 0.5 * width * (1.0 + _POINTS)
    weights = 0.5 * width * _WEIGHTS * (points if radial else 1.0)
    return points, weights / weights.sum(axis=1, keepdims=True)
