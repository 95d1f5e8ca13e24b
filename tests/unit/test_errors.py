"""Errors name what was asked, what is allowed and the nearest valid name."""

import pytest

from propmat.errors import FileError, InputError, PropmatError, out_of_range, unknown_name


@pytest.mark.parametrize(("wrong", "right"), [("b0", "B0"), ("k0", "K0"), ("tlit", "tilt"), ("TILT", "tilt")])
def test_unknown_name_finds_the_nearest_whatever_its_case(wrong: str, right: str) -> None:
    message = str(unknown_name("parameter", wrong, ("B0", "tilt", "K0", "a", "b")))
    assert f"parameter {wrong!r}" in message
    assert f"Did you mean {right!r}?" in message
    assert "B0, K0, a, b, tilt" in message


def test_unknown_name_does_not_guess_when_nothing_is_near() -> None:
    message = str(unknown_name("species", "xyz", ("proton", "helium4")))
    assert "Did you mean" not in message
    assert "helium4, proton" in message


def test_unknown_name_takes_things_that_are_no_strings() -> None:
    assert "species 3" in str(unknown_name("species", 3, ("proton",)))


def test_out_of_range_names_key_value_range_and_unit() -> None:
    assert str(out_of_range("B0", 12.5, 3.0, 9.0, "nT")) == "B0 = 12.5 nT is outside the allowed range [3, 9] nT."
    assert str(out_of_range("a", 2, 0.0, 1.0)) == "a = 2 is outside the allowed range [0, 1]."


def test_every_error_is_caught_as_a_propmat_error() -> None:
    assert issubclass(InputError, PropmatError)
    assert issubclass(InputError, ValueError)
    assert issubclass(FileError, PropmatError)
