"""KEY=VALUE arguments before Hydra composes them: what it would misread, ignore or meet with a traceback is refused.

Imports no torch.
"""

import dataclasses
import re
import shlex
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path

from dl_runner.config.search_path import SEVERAL, checked_folders, groups
from dl_runner.errors import UserError

HYDRAS_OWN = ("hydra/launcher", "hydra/sweeper")  # groups of Hydra's that have an effect here
_WITH_EFFECT = (*HYDRAS_OWN, "hydra.launcher", "hydra.sweeper", "hydra.mode")
_PLUGINS = ("hydra.launcher._target_", "hydra.sweeper._target_")
NO_PLUGIN = "_target_ names code to run; install it as a plugin of Hydra's and choose it by hydra/launcher=NAME"
_FOLDERS = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.output_subdir", "hydra.job.chdir")
_SEARCH_PATH = "hydra.searchpath"


def key_of(override: str) -> str:
    """The key of an override, without +, ++ or ~ before it and without @PACKAGE behind it."""
    return override.partition("=")[0].lstrip("+~").partition("@")[0]


def quoted(override: str) -> str:
    """KEY=VALUE with quotes around words that Hydra's grammar lacks without them, as it does every letter that is not
    ASCII; a VALUE with quotes, brackets or interpolations of its own stays as it is."""
    key, equals, value = override.partition("=")
    if not equals or value.isascii() or set(value) & set("'\"[]{}()$\\"):
        return override
    words = (word if word.isascii() else f'"{word}"' for word in value.split(","))
    return f"{key}={','.join(words)}"


def is_hydras(key: str) -> bool:
    """Whether a key is one of Hydra's own settings."""
    return key == "hydra" or key.startswith(("hydra.", "hydra/"))


def has_effect(key: str) -> bool:
    """Whether one of Hydra's own settings has an effect in dlrun."""
    return key.startswith(_WITH_EFFECT)


def is_plugin(key: str, target: object) -> bool:
    """Whether a `_target_` of Hydra's names what it may: the class of a launcher or sweeper among Hydra's plugins."""
    return key in _PLUGINS and str(target).strip("'\"").startswith(("hydra_plugins.", "hydra._internal.core_plugins."))


def remedy(key: str, value: object) -> str:
    """What to do instead of a setting of Hydra's that has no effect here."""
    if key in _FOLDERS:
        shown = value if isinstance(value, str) and value else "DIR"
        return f"dlrun makes its folders itself and ignores this; outputs={shown} is where they go"
    return "has no effect in dlrun; of Hydra's own settings it takes hydra/launcher, hydra/sweeper and their keys"


def read_overrides(given: Iterable[str], folders: Sequence[Path] = ()) -> tuple[list[str], tuple[Path, ...]]:
    """The overrides that Hydra is to compose, and the folders where it looks for configs.

    Args:
        given: as on the command line.
        folders: of --config-dir; those of hydra.searchpath come after them.

    Raises:
        UserError: an argument that is no override, or that would have no effect.
    """
    overrides: list[str] = []
    for one in given:
        if not one.strip():
            raise UserError(f"{one!r}: an empty argument; write KEY=VALUE, or leave it out")
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", one):
            raise UserError(f"{one!r}: has a character that no text has; leave it out")
        key, equals, value = key_of(one), "=" in one, one.partition("=")[2]
        if not equals and not one.startswith("~"):
            raise UserError(f"{one}: no KEY=VALUE, such as optimizer.lr=0.1")
        if not key.strip():
            raise UserError(f"{one}: no key; write KEY=VALUE, such as optimizer.lr=0.1")
        if one.startswith("~"):
            _check_deletion(one, key)
        single = key in groups() and key not in ("experiment", *SEVERAL)
        if single and (listed := re.fullmatch(r"\[(.+)\]", value.strip())):
            names = ",".join(part.strip() for part in listed[1].split(","))
            raise UserError(f"{one}: a run has one {key}; `dlrun -m {shlex.quote(f'{key}={names}')}` is a run of each")
        if key == _SEARCH_PATH:
            folders = (*folders, *_search_path(one))
        elif is_hydras(key) and not has_effect(key):
            raise UserError(f"{one}: {remedy(key, value)}")
        elif is_hydras(key) and "_target_" in one and not is_plugin(key, value):
            raise UserError(f"{one}: {NO_PLUGIN}")
        else:
            overrides.append(quoted(one))
    return overrides, checked_folders(folders)


def _check_deletion(override: str, key: str) -> None:
    """What a builder takes can be taken away, so that its default counts; what every run has cannot.

    Raises:
        UserError: it cannot.
    """
    from dl_runner.config.schema import Config

    name, _, rest = key.partition(".")
    field = next((one for one in dataclasses.fields(Config) if one.name == name), None)
    if field is None or field.name == "plain":
        return
    if not rest:
        instead = f"choose another one with {key}=NAME" if key in groups() else f"set it with {key}=VALUE"
        raise UserError(f"{override}: every run has {key}; {instead}")
    section = typing.get_type_hints(Config)[name]
    section = next(iter(typing.get_args(section)), section)  # of `Component | None` the Component
    if dataclasses.is_dataclass(section) and rest in {one.name for one in dataclasses.fields(section)}:
        raise UserError(f"{override}: every run has {key}; set it with {key}=VALUE, or {key}=null for none")


def _search_path(override: str) -> tuple[Path, ...]:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        found = OverridesParser.create().parse_override(override).value()
    except HydraException:
        found = None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise UserError(f"{override}: expected a list of folders; --config-dir DIR needs no quotes")
    return checked_folders(found, _SEARCH_PATH)
