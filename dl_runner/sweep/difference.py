"""What two sweeps differ in, in words. Imports no torch."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dl_runner.config.overrides import key_of
from dl_runner.plugins import code_difference
from dl_runner.sweep.identity import PLACEMENT

_MOST = 4  # keys that are named
_NAME = "sweep.name"


def difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """The keys that two sweeps set differently.

    Args:
        there, here: what sweep.json says of the one in the folder and of the one of the command line: `search`,
            `fixed`, `swept` and `code`.
    """
    old, new = _settings(there), _settings(here)
    both = [name for name in there.get("code", {}) if name in here.get("code", {})]
    code = code_difference(*({name: one.get("code", {})[name] for name in both} for one in (there, here)))
    told = [code] if code else []
    for key in dict.fromkeys([*old, *new]):
        if key not in new:
            told.append(f"{old[key]} is there alone")
        elif key not in old:
            told.append(f"{new[key]} is here alone")
        elif old[key] != new[key]:
            told.append(f"{key} is {_value(old[key])} there and {_value(new[key])} here")
    more = f", and {len(told) - _MOST} more" if told[_MOST:] else ""
    if not told:
        return "the same keys and values, of which a default, a file or an environment variable has changed since"
    return f"{', '.join(told[:_MOST])}{more}"


def beside(command: list[str], folder: Path) -> str:
    """The command line of a sweep, with a name that no other sweep beside `folder` has."""
    number = 2
    while (folder.parent / f"{folder.name}_{number}").exists():
        number += 1
    named = f"{_NAME}={folder.name}_{number}"
    return shlex.join([*(one for one in command if not one.startswith(f"{_NAME}=")), named])


def _settings(sweep: Mapping[str, Any]) -> dict[str, str]:
    """KEY=VALUE by key; the sweep's own, which are no part of its jobs, are left out, but how it searches."""
    given = [*sweep.get("fixed", ()), *(f"{key}={value}" for key, value in sweep.get("swept", {}).items())]
    left_out = tuple(f"{key}." for key in ("sweep", "hydra", *PLACEMENT))
    found = {key_of(one): one for one in given if not f"{key_of(one)}.".startswith(left_out)}
    return {**found, "sweep": f"sweep={sweep.get('search')}"}


def _value(setting: str) -> str:
    return setting.partition("=")[2] or setting
