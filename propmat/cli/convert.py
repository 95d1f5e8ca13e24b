"""Turns the plain values of a composed config into the frozen dataclasses of the rooms, strictly."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from propmat.errors import InputError, unknown_name

T = TypeVar("T")

_EXPECTED = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a name",
    Path: "a path",
}


def build(cls: type[T], values: Mapping[str, Any], key: str = "") -> T:
    """An instance of the dataclass ``cls`` from plain values, checked against its type hints.

    Args:
        cls: a dataclass whose fields are numbers, names, paths, tuples, mappings or dataclasses.
        values: one entry a field; fields with a default may be absent.
        key: where the values stand in the config, for messages ("emulator").

    Raises:
        InputError: an unknown or missing key, or a value of the wrong type; whatever ``cls`` itself refuses.
    """
    prefix = f"{key}." if key else ""
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}  # type: ignore[arg-type]
    for name in values:
        if name not in fields:
            raise unknown_name("key", f"{prefix}{name}", [prefix + field for field in fields])
    hints = typing.get_type_hints(cls)
    arguments = {name: convert(value, hints[name], prefix + name) for name, value in values.items()}
    for name, field in fields.items():
        optional = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if name not in arguments and not optional:
            raise InputError(f"missing key {prefix}{name}.")
    return cls(**arguments)


def convert(value: Any, expected: Any, key: str) -> Any:
    """``value`` as the type hint ``expected``.

    Raises:
        InputError: it is of another type or NaN; the message names ``key``, the value and what is expected.
    """
    origin, arguments = typing.get_origin(expected), typing.get_args(expected)
    if expected is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        return _convert_union(value, arguments, key)
    if origin is typing.Literal:
        if value not in arguments:
            raise unknown_name(key, value, [str(choice) for choice in arguments])
        return value
    if dataclasses.is_dataclass(expected) and isinstance(expected, type):
        if not isinstance(value, Mapping):
            raise InputError(f"{key} = {value!r} must be a group of keys.")
        return build(expected, value, key)
    if origin in (tuple, list) or (isinstance(origin, type) and issubclass(origin, Sequence)):
        return _convert_sequence(value, arguments, key)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise InputError(f"{key} = {value!r} must be a group of keys.")
        return {str(name): convert(item, arguments[1], f"{key}.{name}") for name, item in value.items()}
    return _convert_scalar(value, expected, key)


def _convert_union(value: Any, choices: tuple[Any, ...], key: str) -> Any:
    if value is None and type(None) in choices:
        return None
    errors = []
    for choice in choices:
        if choice is not type(None):
            try:
                return convert(value, choice, key)
            except InputError as error:
                errors.append(error)
    raise errors[0]


def _convert_sequence(value: Any, arguments: tuple[Any, ...], key: str) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InputError(f"{key} = {value!r} must be a list, such as {key}=[1,2].")
    if len(arguments) > 1 and arguments[1] is not Ellipsis:
        if len(value) != len(arguments):
            raise InputError(f"{key} = {list(value)} must have {len(arguments)} entries.")
        hints = arguments
    else:
        hints = (arguments[0],) * len(value)
    pairs = enumerate(zip(value, hints, strict=True))
    return tuple(convert(item, hint, f"{key}[{number}]") for number, (item, hint) in pairs)


def _convert_scalar(value: Any, expected: type[Any], key: str) -> Any:
    described = _EXPECTED.get(expected, str(expected))
    if expected is Path and isinstance(value, str):
        return Path(value)
    if isinstance(value, bool) is (expected is bool):
        if expected is float and isinstance(value, int | float):
            if math.isnan(value):
                raise InputError(f"{key} is NaN; expected {described}.")
            return float(value)
        if expected is int and isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, expected):
            return value
    raise InputError(f"{key} = {value!r} must be {described}.")
