"""Signatures and docstrings of builders, read from the source: a builder's module may import torch, this does not."""

import ast
import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dl_runner import registry
from dl_runner.config import durations, types
from dl_runner.config.search_path import PACKAGE

_NAMESPACE = {**vars(typing), "Path": Path, **vars(durations), **vars(types)}


@dataclass(frozen=True)
class Parameter:
    """A keyword of a builder that a config may set.

    Args:
        default: its source, None where it has none.
        takes: what it may be, in words; "" where that is not known.
        meaning: from the docstring's Args, "" without it.
    """

    name: str
    default: str | None
    takes: str
    meaning: str


def first_line(group: str, name: str) -> str | None:
    """The first line of a builder's docstring, of its module's where each has one of its own; None for no such name."""
    found = _find(group, name)
    if found is None:
        return None
    module, function = found
    return (ast.get_docstring(module if group in registry.PACKAGES else function) or "").split("\n")[0]


@cache
def parameters(group: str, name: str) -> tuple[Parameter, ...]:
    """The keywords of a builder of ours that a config may set; () for no such name, such as a plugin's."""
    found = _find(group, name)
    if found is None:
        return ()
    module, function = found
    meanings, given = _meanings(ast.get_docstring(function) or ""), registry.GIVEN.get(group, set())
    return tuple(
        Parameter(
            one.arg,
            None if default is None else ast.unparse(default),
            _in_words(one.annotation, module),
            meanings.get(one.arg, ""),
        )
        for one, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
        if one.arg not in given
    )


def _find(group: str, name: str) -> tuple[ast.Module, ast.FunctionDef] | None:
    for path in _files(group, name):
        module = _parsed(path)
        for node in module.body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return module, node
    return None


def _files(group: str, name: str) -> Iterator[Path]:
    dotted = [f"{registry.PACKAGES[group]}.{name}"] if group in registry.PACKAGES else registry.MODULES.get(group, ())
    places = (_file(one) for one in dotted)
    return (path for path in places if path.is_file())


def _file(dotted: str) -> Path:
    return PACKAGE.parent / Path(*dotted.split(".")).with_suffix(".py")


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _meanings(docstring: str) -> dict[str, str]:
    """What the docstring's Args say of each name."""
    section = re.search(r"^Args:\n((?:[ \t]+.*\n?|\n)+)", docstring, re.MULTILINE)
    found: dict[str, str] = {}
    for names, text in re.findall(r"^ {4}(\w+(?:, \w+)*): (.*(?:\n {8}.*)*)", section[1] if section else "", re.M):
        found |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return found


def _in_words(annotation: ast.expr | None, module: ast.Module) -> str:
    if annotation is None:
        return ""
    try:
        return types.describe(_evaluated(annotation, module))
    except (NameError, TypeError, SyntaxError, AttributeError):  # a type that only the module itself can know
        return ""


def _evaluated(annotation: ast.expr, module: ast.Module) -> Any:
    """The annotation's value; names that the module defines, or imports from a module of ours, are looked up there."""
    names = {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}
    known = {name: _value(name, module) for name in sorted(names) if name not in _NAMESPACE and not _builtin(name)}
    return eval(compile(ast.Expression(annotation), "<annotation>", "eval"), {**_NAMESPACE, **known})


def _value(name: str, module: ast.Module) -> Any:
    for node in module.body:
        if isinstance(node, ast.Assign) and [ast.unparse(one) for one in node.targets] == [name]:
            return _evaluated(node.value, module)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dl_runner."):
            source = next((one.name for one in node.names if (one.asname or one.name) == name), None)
            if source and _file(str(node.module)).is_file():
                return _value(source, _parsed(_file(str(node.module))))
    raise NameError(name)


def _builtin(name: str) -> bool:
    return name in ("int", "float", "bool", "str", "list", "tuple", "dict", "None")
