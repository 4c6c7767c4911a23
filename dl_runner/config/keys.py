"""The keys that a choice of a config group has, from its YAML: defaults and comments. Imports no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dl_runner.config.search_path import SEVERAL, file_of
from dl_runner.config.yaml_file import read_yaml, text_of


@dataclass(frozen=True)
class Key:
    """One key of a choice.

    Args:
        default: as plain containers; an interpolation ${…} as it is written.
        comment: what stands behind it in the YAML, "" for nothing.
    """

    default: Any
    comment: str = ""


def keys_of(group: str, name: str, folders: Sequence[Path] = ()) -> dict[str, Key]:
    """The keys of a choice with those of the files of its group that it builds on, without defaults lists; {} where it
    has no file.

    Raises:
        UserError: a file cannot be read.
    """
    path = file_of(group, name, folders)
    if path is None:
        return {}
    values, root = read_yaml(path)
    if not isinstance(values, dict) or not isinstance(root, yaml.MappingNode):
        return {}
    if group in SEVERAL:  # they stand below its name, beside those of the others
        values, root = values.get(name) or {}, next((node for key, node in root.value if key.value == name), root)
        if not isinstance(values, dict) or not isinstance(root, yaml.MappingNode):
            return {}
    comments = _comments(root, text_of(path).splitlines())
    own = {str(key): Key(value, comments.get(str(key), "")) for key, value in values.items() if key != "defaults"}
    found: dict[str, Key] = {}
    parts = [part for part in values.get("defaults") or () if isinstance(part, str)]
    for part in parts if "_self_" in parts else [*parts, "_self_"]:
        for key, one in (own if part == "_self_" else keys_of(group, part, folders)).items():
            found[key] = Key(one.default, one.comment or (found[key].comment if key in found else ""))
    return found


def chosen_by(group: str, name: str, folders: Sequence[Path] = ()) -> dict[str, str]:
    """The choices of other groups that an experiment makes, by group.

    Raises:
        UserError: its file cannot be read.
    """
    path = file_of(group, name, folders)
    values = read_yaml(path)[0] if path else None
    items = values.get("defaults") or () if isinstance(values, dict) else ()
    pairs = [pair for item in items if isinstance(item, dict) for pair in item.items()]
    return {str(key).split()[-1].removeprefix("/"): str(choice) for key, choice in pairs}


def _comments(root: yaml.MappingNode, lines: Sequence[str]) -> dict[str, str]:
    """What stands behind a # in the line where a value ends."""
    found = {}
    for key, value in root.value:
        mark = value.end_mark
        rest = lines[mark.line][mark.column :] if mark.line < len(lines) else ""
        if key.start_mark.line == mark.line and "#" in rest:
            found[key.value] = rest.partition("#")[2].strip()
    return found
