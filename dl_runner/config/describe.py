"""One line about a choice of a config group. Imports no torch."""

import ast
from collections.abc import Sequence
from pathlib import Path

from dl_runner import registry
from dl_runner.config.search_path import CONF, PACKAGE, file_of
from dl_runner.config.yaml_file import text_of
from dl_runner.errors import UserError


def describe(group: str, name: str, folders: Sequence[Path] = ()) -> str:
    """The first line of its builder's or module's docstring, or of its YAML's comment; of a file of the user's own
    that comment."""
    path = file_of(group, name, folders)
    ours = path is None or path == CONF / group / f"{name}.yaml"
    if ours and (found := _of_builder(group, name)) is not None:
        return found
    try:
        text = text_of(path) if path else ""
    except UserError as error:  # the other choices are listed all the same
        return str(error)
    comments = (line.lstrip("# ") for line in text.splitlines() if line.startswith("#"))
    return next((line.strip() for line in comments if line.strip() and not line.startswith("@")), "")


def _of_builder(group: str, name: str) -> str | None:
    if group in registry.PACKAGES:
        module = PACKAGE.parent / Path(*registry.PACKAGES[group].split("."), f"{name}.py")
        if module.is_file():
            return _first_line(ast.parse(module.read_text(encoding="utf-8")))
    for dotted in registry.MODULES.get(group, ()):
        source = PACKAGE.parent / Path(*dotted.split(".")).with_suffix(".py")
        for node in ast.parse(source.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return _first_line(node)
    return None


def _first_line(node: ast.Module | ast.FunctionDef) -> str:
    return (ast.get_docstring(node) or "").split("\n")[0]
