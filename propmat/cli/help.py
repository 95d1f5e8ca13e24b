"""``propmat COMMAND --help``: what the command does, its groups, and its composed config with comments."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator, Sequence

import yaml

from propmat.cli.config import Config, compose_config, options
from propmat.resources import conf_dir

_COMMENT = re.compile(r"\s#\s+(.*)$")
_COLUMN = 44


def command_help(command: str, overrides: Sequence[str] = ()) -> str:
    """The help text; ``overrides`` are applied to the config that it shows.

    Raises:
        InputError: an override that does not exist.
    """
    config = compose_config(command, overrides, require=False)
    text = inspect.getdoc(importlib.import_module(f"propmat.cli.{command}")) or ""
    parts = [f"propmat {command} [key=value ...]", "", text, ""]
    groups = [
        f"  {_shown(group):<12}{choice or '-':<22}{', '.join(options(group))}" for group, choice in _groups(config)
    ]
    if groups:
        parts += ["Groups (key=file chooses one):", f"  {'key':<12}{'chosen':<22}files", *groups, ""]
    parts += ["Keys (key=value changes one; nested keys with dots; ??? must be given):", "", commented_yaml(config)]
    return "\n".join(parts)


def commented_yaml(config: Config) -> str:
    """The composed config as YAML, each line with the comment that its key has in conf/."""
    comments = _comments(config)
    lines = []
    for key, line in _with_keys(config.yaml()):
        comment = comments.get(key, "")
        lines.append(f"  {line:<{_COLUMN}}# {comment}".rstrip() if comment else f"  {line}")
    return "\n".join(lines)


def _groups(config: Config) -> list[tuple[str, str | None]]:
    return sorted(config.choices.items())


def _shown(group: str) -> str:
    """The key a user types: experiments of a command are chosen by ``experiment=``."""
    return group.split("/")[0]


def _comments(config: Config) -> dict[str, str]:
    """Dotted key -> the comment behind it in the files the config was composed from."""
    sources = [(f"{config.command}.yaml", "")]
    for group, choice in _groups(config):
        # What a file inherits from another one of its group is explained there.
        sources += [(f"{group}/{name}.yaml", f"{group}.") for name in (choice, *options(group)) if choice]
    found: dict[str, str] = {}
    for name, prefix in sources:
        text = (conf_dir() / name).read_text(encoding="utf-8")
        package = "" if prefix.startswith("experiment/") else prefix
        for key, line in _with_keys(text):
            match = _COMMENT.search(line)
            if match:
                found.setdefault(package + key, match.group(1))
        if package and text.startswith("# "):
            found.setdefault(package.rstrip("."), text.splitlines()[0].lstrip("# "))
    return found


def _with_keys(text: str) -> Iterator[tuple[str, str]]:
    """(dotted key, line) of each line of a YAML text; an empty key where a line holds none."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    keys = dict(_key_lines(root, ""))
    for number, line in enumerate(text.splitlines()):
        yield keys.get(number, ""), line


def _key_lines(node: yaml.Node | None, prefix: str) -> Iterator[tuple[int, str]]:
    """(line number, dotted key) of every key of a YAML mapping."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key.start_mark.line, prefix + key.value
            yield from _key_lines(value, f"{prefix}{key.value}.")
