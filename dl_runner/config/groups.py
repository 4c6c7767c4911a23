"""Groups of parameters that learn at rates of their own, not at all, or from some step on. Imports no torch."""

import math
from dataclasses import dataclass
from typing import Any

from dl_runner.config.durations import Steps


@dataclass(frozen=True)
class GroupConfig:
    """Parameters that learn alike; one belongs to the first group that matches its name.

    Args:
        match: a pattern for names, such as "head.*"; `*` stands for any text.
        rate: what the learning rate is multiplied by, >= 0 (`lr`); 0 for parameters that do not learn: they get no
            gradients, and normalization layers among them use their running statistics.
        start: from when on it learns (`from`); None for the whole run.
    """

    match: str
    rate: float = 1.0
    start: Steps | None = None


class Groups(tuple[GroupConfig, ...]):
    """The config's `groups`, in their order.

    An entry is a group, {match, lr, from}, or a stack of layers from the output to the input, {layers, lr, decay, from,
    every}: patterns of which each stands for a group that learns `decay` times as fast as the one before (Howard and
    Ruder, "Universal language model fine-tuning", 2018, section 3.1) and begins `every` so long after it (gradual
    unfreezing, section 3.3); the first begins at `from`.
    """

    expects = (
        "a list of groups of parameters such as {match: 'head.*', lr: 10}, {match: 'stem.*', from: '2 epochs'} or "
        "{layers: ['head.*', 'body.*', '*'], decay: 0.5, every: '1 epoch'}"
    )

    @classmethod
    def parse(cls, value: Any) -> "Groups":
        """Read the list.

        Raises:
            ValueError: it is no such list.
        """
        if not isinstance(value, list | tuple) or not all(isinstance(entry, dict) for entry in value):
            raise ValueError(f"{value!r} is not {cls.expects}")
        return cls(group for entry in value for group in (_stack(entry) if "layers" in entry else _group(entry)))


def _group(entry: dict[str, Any]) -> list[GroupConfig]:
    match, rate, start = entry.get("match"), entry.get("lr", 1.0), entry.get("from")
    known = set(entry) <= {"match", "lr", "from"} and _is_text(match) and _is_rate(rate)
    if not known or (rate == 0 and start is not None):
        raise ValueError(f"{entry!r} is not {Groups.expects}")
    return [GroupConfig(match, float(rate), None if start is None else Steps.parse(start))]


def _stack(entry: dict[str, Any]) -> list[GroupConfig]:
    layers, rate, decay = entry["layers"], entry.get("lr", 1.0), entry.get("decay", 1.0)
    start, every = (Steps.parse(entry[key]) if entry.get(key) is not None else None for key in ("from", "every"))
    known = set(entry) <= {"layers", "lr", "decay", "from", "every"} and isinstance(layers, list | tuple) and layers
    rates = _is_rate(rate) and _is_rate(decay) and rate and decay
    if not known or not all(map(_is_text, layers)) or not rates or (start and every and start.unit != every.unit):
        raise ValueError(f"{entry!r} is not {Groups.expects}")

    def begins(place: int) -> Steps | None:
        amount = (start.amount if start else 0) + (every.amount * place if every else 0)
        return Steps(amount, (start or every).unit) if amount else None

    return [GroupConfig(pattern, rate * decay**place, begins(place)) for place, pattern in enumerate(layers)]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_rate(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
