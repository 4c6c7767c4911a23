"""Groups of parameters that learn at rates of their own, or not at all. Imports no torch."""

from dataclasses import dataclass
from typing import Any

from dl_runner.config.durations import Steps


@dataclass(frozen=True)
class GroupConfig:
    """One entry of the config's `groups`; a parameter belongs to the first that matches its name.

    Args:
        match: a pattern for names, such as "head.*"; `*` stands for any text.
        rate: what the learning rate is multiplied by, >= 0 (`lr`); 0 for parameters that do not learn: they get no
            gradients, and normalization layers among them use their running statistics.
        start: from when on it learns (`from`); None for the whole run.
    """

    match: str
    rate: float = 1.0
    start: Steps | None = None

    expects = "a group of parameters such as {match: 'head.*', lr: 10} or {match: 'stem.*', from: '2 epochs'}"

    @classmethod
    def parse(cls, value: Any) -> "GroupConfig":
        """Read an entry.

        Raises:
            ValueError: it is no such entry.
        """
        if not isinstance(value, dict) or not set(value) <= {"match", "lr", "from"}:
            raise ValueError(f"{value!r} is not {cls.expects}")
        match, rate, start = value.get("match"), value.get("lr", 1.0), value.get("from")
        known = isinstance(rate, int | float) and not isinstance(rate, bool) and 0 <= rate < float("inf")
        if not isinstance(match, str) or not match or not known or (rate == 0 and start is not None):
            raise ValueError(f"{value!r} is not {cls.expects}")
        return cls(match, float(rate), None if start is None else Steps.parse(start))
