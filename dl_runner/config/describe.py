"""A choice of a config group in words: one line about it, and its keys. Imports no torch."""

import dataclasses
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dl_runner.config.keys import chosen_by, keys_of
from dl_runner.config.schema import Component, Config
from dl_runner.config.search_path import CONF, SEVERAL, file_of
from dl_runner.config.signatures import first_line, parameters
from dl_runner.config.types import describe as in_words
from dl_runner.config.yaml_file import text_of
from dl_runner.errors import UserError

_NAMES = ("name", "builder")  # what a choice is, and no setting of it


def describe(group: str, name: str, folders: Sequence[Path] = ()) -> str:
    """The first line of its builder's or module's docstring, or of its YAML's comment; of a file of the user's own
    that comment."""
    path = file_of(group, name, folders)
    ours = path is None or path == CONF / group / f"{name}.yaml"
    if ours and (found := first_line(group, name)) is not None:
        return found
    try:
        text = text_of(path) if path else ""
    except UserError as error:  # the other choices are listed all the same
        return str(error)
    comments = (line.lstrip("# ") for line in text.splitlines() if line.startswith("#"))
    return next((line.strip() for line in comments if line.strip() and not line.startswith("@")), "")


@dataclass(frozen=True)
class Setting:
    """A key of a choice, in words.

    Args:
        key: as on the command line; with a + before it where the config lacks it and the builder takes it.
        default: as on the command line.
        takes: what it may be, "" where that is not known.
        meaning: "" where nothing says it.
    """

    key: str
    default: str
    takes: str
    meaning: str


def settings(group: str, name: str, folders: Sequence[Path] = ()) -> list[Setting]:
    """The keys of a choice: those of its YAML, and what else its builder takes.

    Raises:
        UserError: its file cannot be read.
    """
    keys, place = keys_of(group, name, folders), f"{group}.{name}" if group in SEVERAL else group
    builder = str(keys["builder"].default if "builder" in keys else keys["name"].default if "name" in keys else name)
    known, fixed = {one.name: one for one in parameters(group, builder)}, kinds_of_section(group)
    whole = group in ("experiment", "debug")  # whose keys are those of any section
    found = [Setting(group, name, "", "") for group, name in chosen_by(group, name, folders).items()] if whole else []
    for key, value in keys.items():
        if key in _NAMES and not whole and group != "sweep":  # whose name is its folder's
            continue
        takes = fixed.get(key) or (known[key].takes if key in known else "")
        meaning = value.comment or (known[key].meaning if key in known else "")
        for full, one in _flat(key if whole else f"{place}.{key}", value.default if whole else {"": value.default}):
            found.append(Setting(full, as_typed(one), takes, meaning))
    for one in known.values():
        if one.name not in keys:
            found.append(Setting(f"+{place}.{one.name}", one.default or "needs a value", one.takes, one.meaning))
    return found


def as_typed(value: Any) -> str:
    """A value as the command line has it."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:g}"
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n...\n").strip()


def kinds_of_section(group: str) -> dict[str, str]:
    """What the keys of a section take that are the same for all its choices."""
    schema = typing.get_type_hints(Config).get(group)
    if not dataclasses.is_dataclass(schema) or schema is Component or hasattr(schema, "parse"):
        return {}
    hints = typing.get_type_hints(schema, include_extras=True)
    return {name: in_words(hint) for name, hint in hints.items() if name != "arguments"}


def _flat(key: str, value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, dict) or not value:
        return [(key, value)]
    return [found for name, one in value.items() for found in _flat(f"{key}.{name}" if name else key, one)]
