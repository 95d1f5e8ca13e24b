"""Composes the YAML files of conf/ with the ``key=value`` overrides of a command, with errors a user can act on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from propmat.cli.convert import build, convert
from propmat.errors import InputError, unknown_name
from propmat.resources import conf_dir

T = TypeVar("T")


@dataclass(frozen=True)
class Config:
    """What a command was asked to do.

    Attributes:
        command: its name.
        values: the composed config as plain dicts, lists and scalars.
        choices: group -> chosen file, such as {"emulator": "small"}; None where nothing is chosen.
        overrides: what the user typed.
    """

    command: str
    values: Mapping[str, Any]
    choices: Mapping[str, str | None]
    overrides: tuple[str, ...]

    def get(self, key: str, expected: Any) -> Any:
        """The value of a top-level key, checked against a type hint (InputError if it does not fit)."""
        return convert(self.values[key], expected, key)

    def build(self, cls: type[T], key: str) -> T:
        """The dataclass that the section ``key`` describes (InputError names what does not fit)."""
        return build(cls, self.values[key], key)

    def yaml(self) -> str:
        """The composed config as YAML."""
        from omegaconf import OmegaConf

        return OmegaConf.to_yaml(OmegaConf.create(dict(self.values)))


def compose_config(command: str, overrides: Sequence[str] = (), *, require: bool = True) -> Config:
    """The config of a command under ``overrides`` (``group=file`` or ``key=value``).

    Args:
        command: name of a file at the top of conf/.
        overrides: as typed on the command line.
        require: refuse a config with mandatory values (``???``) left open.

    Raises:
        InputError: an override that cannot be read, an unknown group, file or key, or a mandatory value left open.
    """
    parsed = [_parse(text) for text in overrides]
    _, groups = _compose(command, [])
    files, keys = [], []
    for text, (name, value) in zip(overrides, parsed, strict=True):
        group = f"experiment/{command}" if name == "experiment" else name
        if group in groups:
            if value is not None and value not in options(group):
                raise unknown_name(name, value, options(group))
            files.append(f"{group}={'null' if value is None else value}")
        else:
            keys.append((name, text))
    values, _ = _compose(command, files)
    valid = {*_dotted(values), *(group.split("/")[0] for group in groups)}
    for name, _text in keys:
        if name not in valid:
            raise unknown_name("key", name, valid)
    values, choices = _compose(command, files + [text for _, text in keys])
    if require:
        _require(command, values)
    return Config(command, values, choices, tuple(overrides))


def options(group: str) -> list[str]:
    """The files of a config group, such as "emulator"."""
    return sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))


def _parse(text: str) -> tuple[str, Any]:
    """Key and value of one override."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        override = OverridesParser.create().parse_override(text)
        plain = not (override.is_add() or override.is_delete() or override.is_sweep_override())
    except HydraException:
        plain = False
    if not plain or "=" not in text:
        raise InputError(
            f"cannot read {text!r}: write key=value, lists as key=[1,2], and put quotes around values with "
            "special characters: 'key=\"a value\"'."
        )
    return override.key_or_group, override.value()


def _compose(command: str, overrides: list[str]) -> tuple[dict[str, Any], dict[str, str | None]]:
    """(values, group choices) of one hydra composition."""
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf, open_dict
    from omegaconf.errors import OmegaConfBaseException

    try:
        with initialize_config_dir(str(Path(conf_dir()).resolve()), version_base="1.3"):
            composed = compose(command, overrides, return_hydra_config=True)
        choices = dict(composed.hydra.runtime.choices)
        with open_dict(composed):
            del composed["hydra"]
        values = OmegaConf.to_container(composed, resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(f"propmat {command}: {str(error).splitlines()[0]}") from error
    assert isinstance(values, dict)
    return (
        {str(key): value for key, value in values.items()},
        {str(group): choice for group, choice in choices.items() if not str(group).startswith("hydra/")},
    )


def _dotted(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Every key of nested values, such as "optimizer.schedulefree.lr"."""
    for name, value in values.items():
        yield prefix + name
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{prefix}{name}.")


def _require(command: str, values: Mapping[str, Any]) -> None:
    """Refuse values left as ``???``."""
    missing = [key for key in _dotted(values) if _lookup(values, key) == "???"]
    if missing:
        wanted = " ".join(f"{key}=..." for key in missing)
        raise InputError(f"propmat {command} needs {wanted} (propmat {command} --help explains).")


def _lookup(values: Mapping[str, Any], key: str) -> Any:
    node: Any = values
    for part in key.split("."):
        node = node[part]
    return node
