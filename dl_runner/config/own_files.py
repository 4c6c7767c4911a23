"""A file of the user's own config folder: read, and what Hydra would misread refused, with the line and the right form.

Imports no torch.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from dl_runner.config.overrides import HYDRAS_OWN, NO_PLUGIN, has_effect, is_plugin, remedy
from dl_runner.config.search_path import groups
from dl_runner.config.yaml_file import read_yaml, text_of
from dl_runner.errors import UserError

WHOLE = ("experiment", "debug")  # groups whose files change the whole config
_HEADER = re.compile(r"\s*#\s*@\s*package\s+(\S+)\s*")
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def read_own(folder: Path, name: str) -> tuple[dict[Any, Any], str | None]:
    """One file of the folder.

    Args:
        folder: the user's own, with a folder for each group.
        name: such as "experiment/mine.yaml".

    Returns:
        Its keys and values, and the package in its header, None without one.

    Raises:
        UserError: it cannot be read, or does not say what it seems to; names the file and the line.
    """
    path, group = folder / name, name.partition("/")[0] if "/" in name else None
    values, root = read_yaml(path)
    if values is not None and not isinstance(root, yaml.MappingNode):
        raise _wrong(path, root, "is no KEY: VALUE; a config has one in each line")
    package = _package(path, group, values)
    if values is None:
        return {}, package
    for key, value in root.value:
        if key.value == "defaults":
            _check_defaults(path, folder, group, value)
    for keys, key, value in _entries(root, path):
        _check_entry(path, group, keys, key, value)
    return values, package


def _package(path: Path, group: str | None, values: Any) -> str | None:
    """The package of the header, which may stand below other comments."""
    lines = text_of(path).splitlines()
    for number, line in enumerate(lines):
        if line.strip() and not line.lstrip().startswith("#"):
            late = next((at for at in range(number, len(lines)) if _HEADER.fullmatch(lines[at])), None)
            if late is not None:
                raise UserError(f"{path}:{late + 1}: the header '{lines[late].strip()}' belongs above the first key")
            break
        if found := _HEADER.fullmatch(line):
            return found[1]
    if group in WHOLE and values:
        raise UserError(
            f"{path}:1: without a header, what it says would lie below `{group}:`; write '# @package _global_' above it"
        )
    return "_global_" if group in WHOLE else None  # one that says nothing changes nothing


def _check_defaults(path: Path, folder: Path, group: str | None, items: yaml.Node) -> None:
    if not isinstance(items, yaml.SequenceNode):
        raise _wrong(path, items, "defaults is a list: each line below it begins with '- '")
    if group not in WHOLE:
        return
    for item in items.value:
        if not isinstance(item, yaml.MappingNode) or len(item.value) != 1:
            continue
        key, choice = (node.value for node in item.value[0])
        *words, name = str(key).split()
        absolute, name = name.startswith("/"), name.removeprefix("/").partition("@")[0]
        if name.startswith("hydra/") and name not in HYDRAS_OWN:
            raise _wrong(path, item, f"{name} has no effect here; leave it out")
        if name not in groups() or (absolute and "override" in words) or (folder / group / name).is_dir():
            continue
        raise _wrong(path, item, f"'- {key}: {choice}' does not change {name}; write '- override /{name}: {choice}'")


def _entries(
    node: yaml.Node, path: Path, above: tuple[str, ...] = ()
) -> Iterator[tuple[list[str], yaml.Node, yaml.Node]]:
    """Every entry of nested mappings: the keys that lead to it, and the nodes of its own key and value."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _wrong(path, key, "a key is a word")
        yield [*above, key.value], key, value
        if above or key.value != "defaults":
            yield from _entries(value, path, (*above, key.value))


def _check_entry(path: Path, group: str | None, keys: list[str], key: yaml.Node, value: yaml.Node) -> None:
    text = value.value if isinstance(value, yaml.ScalarNode) else None
    if group == "hydra":  # such as hydra/launcher/NAME.yaml
        keys = [*path.parent.parts[-2:], *keys]
    if keys[-1] == "_target_" and keys[0] == "hydra" and not is_plugin(".".join(keys), text):
        raise _wrong(path, key, f"{'.'.join(keys)}: {text or '…'}: {NO_PLUGIN}")
    if keys[0] == "hydra" and group != "hydra":
        if group is not None and not isinstance(value, yaml.MappingNode) and not has_effect(".".join(keys)):
            raise _wrong(path, key, f"{'.'.join(keys)}: {remedy('.'.join(keys), text)}")
    elif _DOTTED.fullmatch(keys[-1]):
        *sections, last = keys[-1].split(".")
        nested = f"{last}: {'…' if text is None else text}"
        for section in reversed(sections):
            nested = f"{section}: {{{nested}}}"
        raise _wrong(path, key, f"the key {keys[-1]} has dots, which are for the command line; write '{nested}'")
    elif group in WHOLE and len(keys) == 1 and keys[0] in groups() and text and value.tag.endswith(":str"):
        line = f"- override /{keys[0]}: {text}"
        raise _wrong(path, key, f"'{keys[0]}: {text}' chooses no {keys[0]}; write '{line}' below defaults:")


def _wrong(path: Path, node: yaml.Node, message: str) -> UserError:
    return UserError(f"{path}:{node.start_mark.line + 1}: {message}")
