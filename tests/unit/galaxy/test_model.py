"""Presets and variants of a galaxy, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from propmat.errors import InputError
from propmat.galaxy import Galaxy


def test_presets_carry_their_name_and_tables() -> None:
    assert Galaxy.preset("converged") == Galaxy()
    reference = Galaxy.preset("galprop_grid", tables="somewhere.h5")
    assert (reference.name, reference.tables) == ("galprop_grid", "somewhere.h5")
    assert (reference.scheme, reference.heaviest) == ("galprop", 18)


def test_variants_change_one_thing() -> None:
    base = Galaxy.preset("converged")
    changed = base.replace(shapes=20)
    assert changed.as_dict() == base.as_dict() | {"shapes": 20}
    assert hash(changed) != hash(base)


def test_the_energy_grid_is_uniform_in_the_logarithm() -> None:
    energy = Galaxy(energies=50, energy_low=2e-3, energy_high=1e4).kinetic_energy
    assert energy.shape == (50,)
    np.testing.assert_allclose(energy[[0, -1]], [2e-3, 1e4])
    np.testing.assert_allclose(np.diff(np.log(energy)), np.log(energy[1] / energy[0]))


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown preset 'converge'.*'converged'.*galprop_grid"):
        Galaxy.preset("converge")


def test_an_unknown_attribute_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"'shape'.*Did you mean 'shapes'"):
        Galaxy().replace(shape=3)


def test_an_unknown_scheme_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown scheme 'fourth_ordr'.*'fourth_order'"):
        Galaxy(scheme="fourth_ordr")


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("energies", 10, r"\[40, 2000\]"),
        ("energy_low", 0.5, r"\[0.0001, 0.05\]"),
        ("energy_high", 50.0, r"\[1000, 1e\+07\]"),
        ("radius", 5.0, r"\[10, 50\]"),
        ("radial_step", 0.0, r"\[0.05, 2\]"),
        ("height_step", -0.1, r"\[0, 0.5\]"),
        ("height_first", 0.0, r"\[0.001, 0.5\]"),
        ("heights", 5, r"\[10, 1000\]"),
        ("source_height", 0.0, r"\[0.01, 2\]"),
        ("proton_flux", 0.0, r"\[1e-06, 10\]"),
        ("beryllium10_half_life", -1.0, r"\[0.1, 10\]"),
        ("heaviest", 57, r"\[1, 56\]"),
        ("shapes", 2, r"\[4, 200\]"),
        ("snapshots", 1000, r"\[4, 200\]"),
        ("source_beta", float("nan"), r"\[0, 20\]"),
    ],
)
def test_a_value_out_of_range_is_named_with_its_range(key: str, value: Any, allowed: str) -> None:
    with pytest.raises(InputError, match=f"{key} = .*{allowed}"):
        Galaxy().replace(**{key: value})


@pytest.mark.parametrize("step", [0.3, 0.4, 1.5])
def test_the_sun_must_be_on_the_grid(step: float) -> None:
    with pytest.raises(InputError, match=rf"radial_step = {step} must divide 8.5 kpc"):
        Galaxy(radial_step=step)


@pytest.mark.parametrize("step", [0.25, 0.425, 0.5, 0.85, 1.7])
def test_steps_that_divide_the_radius_of_the_sun_are_fine(step: float) -> None:
    assert Galaxy(radial_step=step).radial_step == step
