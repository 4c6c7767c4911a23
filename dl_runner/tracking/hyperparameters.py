"""A config as hyperparameters: dotted keys with scalar values. Imports no torch."""

import json
from collections.abc import Mapping
from typing import Any

from dl_runner.runtime.files import readable

# Keys of the config, and folders of keys, that say where or how to report, not what to train.
NOT_HYPERPARAMETERS = (
    *("outputs", "tracker", "plugins", "data.root", "device.threads", "expected", "lesson", "tags", "notes"),
    *("trainer.log_every", "trainer.checkpoint_every", "trainer.profile_steps"),
)

Scalar = float | bool | str


def hyperparameters(config: Mapping[str, Any]) -> dict[str, Scalar]:
    """`flatten` without the keys that only say where or how to report."""
    return flatten(config, NOT_HYPERPARAMETERS)


def flatten(config: Mapping[str, Any], without: tuple[str, ...] = (), prefix: str = "") -> dict[str, Scalar]:
    """The config with dotted keys, scalars only: lists as JSON text, null as the text "null".

    Args:
        config: nested plain containers.
        without: dotted keys to leave out, with all that is below them.
        prefix: of every key.
    """
    flat: dict[str, Scalar] = {}
    for name, value in config.items():
        key = f"{prefix}{name}"
        if key in without:
            continue
        if isinstance(value, Mapping):
            flat |= flatten(value, without, f"{key}.")
        elif isinstance(value, bool | int | float):
            flat[key] = value
        elif isinstance(value, str):
            flat[key] = readable(value)
        else:
            flat[key] = json.dumps(value, default=str)
    return flat
