"""The elimination on an accelerator is that on the cores; here torch's own CPU stands in for the accelerator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from toy_tables import POINT

from propmat.errors import InputError
from propmat.galaxy import Galaxy
from propmat.galaxy.device import propagate
from propmat.galaxy.prepared import prepare
from propmat.galaxy.solver import Point
from propmat.parameters import GALAXY

POINTS = [POINT, POINT | {"v_A": 30.0, "D0": 2.0}, POINT | {"z_h": 3.0}]


@pytest.mark.parametrize("preset", ["converged", "galprop_grid"])
def test_densities_are_those_of_the_cores(toy_tables: Path, preset: str) -> None:
    galaxy = Galaxy.preset(preset, toy_tables).replace(energies=60, radial_step=0.85, radius=19.55)
    tables = prepare(galaxy)
    points = [Point(tables, point, tables.species) for point in POINTS]
    together = propagate([point.system for point in points], [point.sources() for point in points], "cpu")
    for point, found in zip(points, together, strict=True):
        alone = point.system.propagate(point.sources())
        assert set(found) == set(alone)
        for name, density in alone.items():
            assert np.allclose(found[name], density, rtol=1e-9, atol=1e-11 * np.abs(density).max())


def test_a_device_that_is_not_there_is_named_before_any_work(toy_tables: Path) -> None:
    galaxy = Galaxy.preset("converged", toy_tables)
    with pytest.raises(InputError, match="device = 'cuda:99' cannot be used"):
        galaxy.solve_many(GALAXY.sobol(2, seed=1), device="cuda:99")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_points_on_the_accelerator_are_those_on_the_cores(toy_tables: Path) -> None:
    galaxy = Galaxy.preset("converged", toy_tables).replace(energies=60, radial_step=0.85)
    points = GALAXY.sobol(5, seed=2)
    for there, here in zip(galaxy.solve_many(points, device="cuda"), galaxy.solve_many(points), strict=True):
        assert np.allclose(there.flux("boron11"), here.flux("boron11"), rtol=1e-8)
