"""The identity of a job: a hash of the part of its config that decides what it computes. Imports no torch."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

# Keys that say where and how a run computes and what it shows; the same job may have other values of them.
# `device.precision`, `memory_format` and `compile` are not among them: they change the numbers.
PLACEMENT = (
    *("outputs", "tracker", "tags", "notes", "device.name", "device.threads", "device.cuda_graphs"),
    *("data.root", "data.download", "parallel.timeout", "parallel.cluster"),
)


def identity(plain: Mapping[str, Any], varied: Iterable[str] = ()) -> str:
    """16 hexadecimal digits, the same for the same experiment.

    Args:
        plain: the resolved config as plain containers.
        varied: dotted keys or groups that the sweep varies; these are part of the hash even if they are in PLACEMENT.
    """
    varied = tuple(varied)
    left_out = {key for key in PLACEMENT if not any(_overlap(key, other) for other in varied)}
    text = json.dumps(_kept(plain, "", left_out), sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _overlap(key: str, other: str) -> bool:
    return f"{key}.".startswith(f"{other}.") or f"{other}.".startswith(f"{key}.")


def _kept(value: Any, key: str, left_out: set[str]) -> Any:
    if isinstance(value, Mapping):
        dotted = {str(name): f"{key}.{name}" if key else str(name) for name in value}
        return {name: _kept(value[name], dotted[name], left_out) for name in dotted if dotted[name] not in left_out}
    if isinstance(value, list | tuple):
        return [_kept(item, key, left_out) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)  # lr=1 and lr=1.0 are one experiment
    return value
