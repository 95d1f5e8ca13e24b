"""Presets of the heliosphere and what they refuse."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from propmat.errors import InputError
from propmat.heliosphere import Heliosphere


def test_a_misspelt_preset_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"'papper'.*Did you mean 'paper'"):
        Heliosphere.preset("papper")


def test_the_paper_preset_has_the_numbers_of_the_paper() -> None:
    model = Heliosphere.preset("paper")
    assert model == Heliosphere()
    assert (model.shock_radius, model.shock_ratio, model.shock_width) == (90.0, 2.5, 1.2)
    assert (model.rotation_period, model.break_rigidity, model.break_smoothness) == (27.5, 3.0, 3.0)
    assert (model.perpendicular_ratio, model.polar_enhancement, model.polar_latitude) == (0.02, 3.0, 35.0)


def test_a_changed_model_says_so_and_leaves_the_preset_alone() -> None:
    changed = Heliosphere.preset("paper").replace(r_hp=100.0).replace(drift=False)
    assert (changed.name, changed.r_hp, changed.drift) == ("paper*", 100.0, False)
    assert Heliosphere.preset("paper").r_hp == 122.0


def test_a_misspelt_attribute_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"'shok_radius'.*Did you mean 'shock_radius'"):
        Heliosphere().replace(shok_radius=100.0)


def test_the_name_is_not_an_attribute_to_change() -> None:
    with pytest.raises(InputError, match="'name'"):
        Heliosphere().replace(name=1.0)


@pytest.mark.parametrize(
    "change",
    [
        {"wind_speed": 0.0},
        {"wind_speed": -400},
        {"shock_width": math.nan},
        {"rotation_period": math.inf},
        {"inner_radius": 0},
        {"inner_radius": 1.0},
        {"r_hp": 0.9},
        {"break_smoothness": 2.0},
        {"step_size": "fast"},
        {"drift": 0.5},
    ],
)
def test_values_that_make_no_sense_are_refused_by_name(change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(change))):
        Heliosphere().replace(**change)


def test_the_dictionary_is_complete_and_survives_json() -> None:
    model = Heliosphere().replace(r_hp=100)
    assert Heliosphere(**json.loads(json.dumps(model.as_dict()))) == model
    assert model.as_dict()["r_hp"] == 100.0
