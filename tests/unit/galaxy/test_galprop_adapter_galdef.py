"""The galdef files that GALPROP is given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from propmat.errors import FileError, InputError, PropmatError
from propmat.galaxy.galprop_adapter import GalpropSettings, write_galdef
from propmat.galaxy.galprop_adapter.galdef import galdef_keys

REFERENCE = Path(__file__).parents[4] / "shared" / "reference" / "galprop_reference.h5"
SETTINGS = GalpropSettings(Path("galprop"))
PARAMETERS = {
    "nu1": 2.03,
    "nu2": 2.22,
    "nu3": 2.5,
    "R_br1": 2.45470892,
    "R_br2": 400.0,
    "D0": 6.62,
    "eta": 0.29,
    "delta": 0.4,
    "v_A": 10.58,
    "z_h": 7.21,
}


def written(path: Path, parameters: dict[str, float] = PARAMETERS, **options: Any) -> dict[str, str]:
    write_galdef(path, parameters, options.pop("settings", SETTINGS), **options)
    return galdef_keys(path.read_text(encoding="latin-1"))


def test_parameters_arrive_in_galprops_units(tmp_path: Path) -> None:
    keys = written(tmp_path / "galdef_56_x")
    expected = {"D0_xx": 6.62e28, "D_rigid_ref": 4e3, "D_g_1": 0.4, "D_g_2": 0.4, "D_eta": 0.29, "v_Alfven": 10.58}
    expected |= {"nuc_g_0": 2.03, "nuc_g_1": 2.22, "nuc_g_2": 2.5, "nuc_rigid_br0": 2454.70892, "nuc_rigid_br": 4e5}
    expected |= {"z_min": -7.21, "z_max": 7.21, "iso_abundance_06_012": 2819.0, "secondary_antiprotons": 3}
    assert {key: float(keys[key]) for key in expected} == pytest.approx(expected, rel=1e-14)


def test_the_default_is_the_reference_run(tmp_path: Path) -> None:
    """Every key has the value of the stock solver's run of point P0, but for the break that P0 has not."""
    if not REFERENCE.is_file():
        pytest.skip(f"{REFERENCE} is absent")
    import h5py

    with h5py.File(REFERENCE) as file:
        group = file["points/P0/stock"]
        reference: dict[str, str] = json.loads(group.attrs["galdef_full"])
    ours = written(tmp_path / "galdef_56_x", PARAMETERS | {"nu3": 2.22})
    del ours["nuc_rigid_br"]
    assert ours.keys() <= reference.keys()
    for key, value in ours.items():
        theirs = reference[key]
        assert value == theirs or numbers(value) == pytest.approx(numbers(theirs), rel=1e-8), key


def numbers(value: str) -> list[float]:
    return [float(word) for word in value.split(",")]


@pytest.mark.parametrize("height", [1.5, 2.17, 6.85, 15.0])
def test_the_plane_lies_on_the_grid(tmp_path: Path, height: float) -> None:
    """GALPROP stores the plane at the index int(1e-6 - z_min/dz)."""
    keys = written(tmp_path / "galdef_56_x", PARAMETERS | {"z_h": height})
    steps = -float(keys["z_min"]) / float(keys["dz"])
    assert steps == pytest.approx(round(steps), abs=1e-9)
    assert float(keys["dz"]) == pytest.approx(0.1, rel=0.05)


def test_a_template_keeps_its_keys_and_gets_ours(tmp_path: Path) -> None:
    template = tmp_path / "mine"
    template.write_bytes(
        b"# Alfv\xe9n speed by hand\n"
        b"n_spatial_dimensions = 3\n"
        b"dz                   =0.2 delta z, in the old style without a sharp\n"
        b"D0_xx                =5.8e28 # cm2/s\n"
        b"D0_xx = 1e28\n"
        b"max_Z                = 14\n"
        b"X_CO_parameters = 1e20, 1.5\n"
        b"#v_Alfven = 99\n"
    )
    keys = written(tmp_path / "galdef_56_x", template=template)
    assert (keys["n_spatial_dimensions"], keys["max_Z"]) == ("3", "14")
    assert float(keys["D0_xx"]) == pytest.approx(6.62e28)
    assert float(keys["v_Alfven"]) == 10.58
    assert float(keys["dz"]) == pytest.approx(7.21 / 36)
    assert "iso_abundance_06_012" not in keys, "the template's business"
    content = (tmp_path / "galdef_56_x").read_bytes()
    assert b"Alfv\xe9n" in content and b"= 1e20, 1.5\n" in content and content.count(b"D0_xx") == 1
    settings = GalpropSettings(Path("galprop"), template=template)
    assert written(tmp_path / "galdef_56_y", settings=settings) == keys


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, FileError, "cannot read"),
        ("a letter = to nobody", FileError, "no galdef file"),
        ("max_Z = 2\ndz = much", FileError, "dz = much"),
        ("max_Z = 2\nsource_class_files = mine.txt", InputError, "would not follow nu1"),
    ],
)
def test_templates_that_cannot_serve(
    tmp_path: Path, content: str | None, error: type[PropmatError], message: str
) -> None:
    template = tmp_path / "mine"
    if content is not None:
        template.write_text(content)
    with pytest.raises(error, match=message):
        write_galdef(tmp_path / "galdef_56_x", PARAMETERS, SETTINGS, template)
    assert not list(tmp_path.glob("galdef*"))


def test_wrong_parameters_write_nothing(tmp_path: Path) -> None:
    path = tmp_path / "galdef_56_x"
    with pytest.raises(InputError, match=r"delta = 0\.9"):
        write_galdef(path, PARAMETERS | {"delta": 0.9}, SETTINGS)
    with pytest.raises(InputError, match="one parameter point"):
        write_galdef(path, PARAMETERS | {"delta": np.array([0.3, 0.4])}, SETTINGS)
    with pytest.raises(FileError, match="cannot write"):
        write_galdef(tmp_path / "absent" / "galdef_56_x", PARAMETERS, SETTINGS)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_Z": 29}, r"max_Z = 29 is outside the allowed range \[1, 28\]"),
        ({"max_Z": 2.5}, "must be an integer"),
        ({"timeout": float("nan")}, "timeout = nan"),
        ({"timeout": "1h"}, "timeout = '1h' must be a number"),
        ({"version": "56.0"}, "major version"),
        ({"executable": ""}, "executable is empty"),
    ],
)
def test_wrong_settings_are_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        GalpropSettings(**({"executable": Path("galprop")} | wrong))
