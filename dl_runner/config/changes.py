"""Changes to a run's config: KEY=VALUE and GROUP=CHOICE as on the command line. Imports no torch."""

import copy
from collections.abc import Sequence
from typing import Any

from dl_runner.config.compose import compose
from dl_runner.config.search_path import SEVERAL, groups
from dl_runner.config.stored import to_plain
from dl_runner.errors import UserError, hint

LENGTH = ("trainer.epochs", "trainer.steps")
_NOT_OURS = ("experiment", "debug", "sweep")  # groups that change many sections, or none of a run's


def changed(plain: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """A run's config with some of its values replaced.

    Args:
        plain: as plain containers.
        overrides: KEY=VALUE of keys that it has, +KEY=VALUE of others, or GROUP=CHOICE, which replaces the section by
            the choice with its defaults.

    Raises:
        UserError: one that does not fit.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import OverrideParseException

    found = copy.deepcopy(plain)
    for text in overrides:
        try:
            override = OverridesParser.create().parse_override(text)
        except OverrideParseException:
            raise UserError(f"{text}: no KEY=VALUE, such as optimizer.lr=0.01") from None
        key, value = override.key_or_group, override.value()
        if override.is_sweep_override() or override.is_delete():
            raise UserError(f"{text}: one value of one key, such as optimizer.lr=0.01")
        if key in groups():
            if key in _NOT_OURS:
                raise UserError(f"{text}: changes other sections than its own; give the keys that shall differ")
            found[key] = to_plain(compose([text])).get(key, {} if key in SEVERAL else None)
            continue
        _set(found, key, value, text, new=override.is_add() or override.is_force_add())
    if any(text.startswith("trainer.steps=") for text in overrides) and found["trainer"].get("steps") is not None:
        found["trainer"]["epochs"] = None  # a run has one length
    if any(text.startswith("trainer.epochs=") for text in overrides) and found["trainer"].get("epochs") is not None:
        found["trainer"]["steps"] = None
    return found


def _set(plain: dict[str, Any], key: str, value: Any, text: str, *, new: bool) -> None:
    *sections, last = key.split(".")
    place: Any = plain
    for section in sections:
        place = place.get(section) if isinstance(place, dict) else None
    if not isinstance(place, dict) or (last not in place and not new):
        near = hint(last, place) if isinstance(place, dict) else ""
        raise UserError(f"{text}: the run's config has no key {key}{near}")
    place[last] = value
