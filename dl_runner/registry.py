"""Names to builders, for every group: `name: lenet` in a config becomes the function `lenet`.

A name of a *package* group lives in a module of its own (`dl_runner.models.lenet:lenet`), imported only
when asked for; the names of a *module* group are the public functions of its modules
(`dl_runner.optim.optimizers:sgd`). A plugin adds a name to any group with `@register("model")`.
"""

import difflib
import importlib
import importlib.util
import pkgutil
from collections.abc import Callable
from inspect import isfunction
from pathlib import Path
from typing import Any

from dl_runner.errors import UserError, hint

PACKAGES = {
    "model": "dl_runner.models",
    "data": "dl_runner.datasets",
    "fitted": "dl_runner.data.fitted",
    "task": "dl_runner.tasks",
    "callback": "dl_runner.callbacks",
    "lesson": "dl_runner.lessons",
}
MODULES = {
    "loss": ("dl_runner.tasks.losses", "dl_runner.tasks.losses_scratch"),
    "metric": ("dl_runner.tasks.metrics",),
    "tokenizer": ("dl_runner.data.tokenizers", "dl_runner.data.subwords"),
    "optimizer": ("dl_runner.optim.optimizers", "dl_runner.optim.scratch"),
    "schedule": ("dl_runner.optim.schedules",),
    "init": ("dl_runner.init.initializers",),
    "augment": ("dl_runner.data.augment", "dl_runner.data.augment_color"),
}

# Parameters of the builders that the program fills in; a config may not.
GIVEN = {
    "data": {"root", "seed", "image_size", "tokenizer", "normalize"},
    "tokenizer": set(),
    "model": {"data"},
    "task": {"data", "loss", "load", "fitted", "label_smoothing", "seed"},
    "loss": {"data"},
    "metric": {"data", "title"},
    "callback": set(),
    "optimizer": {"groups"},
    "schedule": {"horizon"},
    "init": set(),
    "augment": set(),
}

ENTRY_POINTS = "dl_runner.plugins"  # packages that name a module under this entry point are plugins once installed

_registered: dict[tuple[str, str], Callable[..., Any]] = {}


class UnknownName(UserError):
    """A name that is in no module of its group and that no plugin has registered."""


def register(group: str, name: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator that adds a builder from outside the package.

    Args:
        group: a config group, such as "model" or "data".
        name: the name in the config; the function's own name when left out.

    Raises:
        UserError: the group does not exist.
    """
    if group not in PACKAGES and group not in MODULES:
        raise UserError(f"register({group!r}): no such group{hint(group, [*PACKAGES, *MODULES])}")

    def add(builder: Callable[..., Any]) -> Callable[..., Any]:
        _registered[group, name or builder.__name__] = builder
        return builder

    return add


def registered(group: str) -> dict[str, Callable[..., Any]]:
    """The builders that plugins have added to `group`."""
    return {name: builder for (of, name), builder in _registered.items() if of == group}


def require(group: str, name: str) -> None:
    """Check that a name of a package group exists, without importing the module that holds it.

    Raises:
        UserError: no such name in the group, neither built in nor from a plugin.
    """
    if (group, name) not in _registered and not _modules(group, name):
        raise _unknown(group, name)


def builder(group: str, name: str) -> Callable[..., Any]:
    """The function that builds `name`; imports the one module that holds it.

    Raises:
        UserError: no such name in the group, neither built in nor from a plugin.
    """
    if (group, name) in _registered:
        return _registered[group, name]
    for module in _modules(group, name):
        if name in (found := _builders(module)):
            return found[name]
    raise _unknown(group, name)


def _modules(group: str, name: str) -> tuple[str, ...]:
    """The dotted paths of the modules that may hold a name, none where it can have no module."""
    if group in MODULES:
        return MODULES[group]
    path = f"{PACKAGES[group]}.{name}"
    return (path,) if name.isidentifier() and importlib.util.find_spec(path) is not None else ()


def _builders(module: str) -> dict[str, Callable[..., Any]]:
    """The public functions that a module defines; what it merely imported is no entry of a group."""
    members = vars(importlib.import_module(module)).items()
    return {
        name: found for name, found in members if isfunction(found) and found.__module__ == module and name[0] != "_"
    }


def _unknown(group: str, name: str) -> "UnknownName":
    if group in PACKAGES:
        package = importlib.import_module(PACKAGES[group])
        modules = [module.name for module in pkgutil.iter_modules(package.__path__) if not module.ispkg]
        sources = {name: Path(package.__path__[0], f"{name}.py").read_text(encoding="utf-8") for name in modules}
        names = {name for name, source in sources.items() if f"\ndef {name}(" in source}
    else:
        names = {found for module in MODULES[group] for found in _builders(module)}
    near = difflib.get_close_matches(name, [*names, *registered(group)], n=1)
    asked = f"; did you mean {near[0]}?" if near else ";"
    return UnknownName(
        f"{group}.name={name}: no such {group}{asked} `dlrun list {group}` shows the choices, "
        "and a plugin's must be named in plugins=[...]"
    )
