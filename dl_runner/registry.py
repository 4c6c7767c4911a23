"""Names to builders, for every group: `name: lenet` in a config becomes the function `lenet`.

A name of a *package* group lives in a module of its own (`dl_runner.models.lenet:lenet`), imported only
when asked for; the names of a *module* group are the functions of one module
(`dl_runner.optim.optimizers:sgd`). A plugin adds a name to any group with `@register("model")`.
"""

import difflib
import importlib
import importlib.util
import pkgutil
from collections.abc import Callable
from typing import Any

from dl_runner.errors import UserError, hint

PACKAGES = {
    "model": "dl_runner.models",
    "data": "dl_runner.data",
    "task": "dl_runner.tasks",
}
MODULES = {
    "loss": "dl_runner.tasks.losses",
    "optimizer": "dl_runner.optim.optimizers",
    "schedule": "dl_runner.optim.schedules",
    "init": "dl_runner.init.initializers",
    "augment": "dl_runner.data.augment",
}

_registered: dict[tuple[str, str], Callable[..., Any]] = {}


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
    if (group, name) not in _registered and _module(group, name) is None:
        raise _unknown(group, name)


def builder(group: str, name: str) -> Callable[..., Any]:
    """The function that builds `name`; imports the one module that holds it.

    Raises:
        UserError: no such name in the group, neither built in nor from a plugin.
    """
    if (group, name) in _registered:
        return _registered[group, name]
    path = _module(group, name)
    found = vars(importlib.import_module(path)).get(name) if path and not name.startswith("_") else None
    # A helper that the module merely imported is not an entry of the group.
    if not callable(found) or found.__module__ != path:
        raise _unknown(group, name)
    return found


def _module(group: str, name: str) -> str | None:
    """The dotted path of the module that should hold a name, None where there is none."""
    path = f"{PACKAGES[group]}.{name}" if group in PACKAGES else MODULES[group]
    return path if name.isidentifier() and importlib.util.find_spec(path) is not None else None


def _unknown(group: str, name: str) -> UserError:
    if group in PACKAGES:
        names = [module.name for module in pkgutil.iter_modules(importlib.import_module(PACKAGES[group]).__path__)]
    else:
        module = importlib.import_module(MODULES[group])
        names = [key for key, value in vars(module).items() if getattr(value, "__module__", "") == MODULES[group]]
    near = difflib.get_close_matches(name, [*names, *registered(group)], n=1)
    asked = f"; did you mean {near[0]}?" if near else ";"
    return UserError(
        f"{group}.name={name}: no such {group}{asked} `dlrun list {group}` shows the choices, "
        "and a plugin's must be named in plugins=[...]"
    )
