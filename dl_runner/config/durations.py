"""Lengths of training in the unit a person thinks in; steps inside. Imports no torch."""

import math
import re
from dataclasses import dataclass
from typing import Literal

Unit = Literal["step", "epoch", "minute"]
_PATTERN = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(step|epoch|minute)s?\s*")


@dataclass(frozen=True)
class Duration:
    """`amount` > 0 of a unit: "200 steps", "0.2 epochs", "10 minutes"."""

    amount: float
    unit: Unit

    expects = "a duration such as '200 steps', '1 epoch' or '10 minutes'"

    @classmethod
    def parse(cls, text: object) -> "Duration":
        """Read a duration.

        Raises:
            ValueError: not a number above 0 followed by a unit.
        """
        match = _PATTERN.fullmatch(text) if isinstance(text, str) else None
        if match is None or not 0 < float(match[1]) < math.inf:
            raise ValueError(f"{text!r} is not {cls.expects}")
        return cls(float(match[1]), match[2])

    def steps(self, steps_per_epoch: int) -> int | None:
        """The same in optimizer steps, at least 1; None where the unit is time."""
        if self.unit == "minute":
            return None
        return max(1, round(self.amount * (steps_per_epoch if self.unit == "epoch" else 1)))

    def seconds(self) -> float | None:
        """The same in seconds; None where the unit is not time."""
        return self.amount * 60 if self.unit == "minute" else None


@dataclass(frozen=True)
class Steps(Duration):
    """A duration that must be known in steps beforehand: time is no unit for it."""

    expects = "a duration such as '200 steps' or '1 epoch'"

    @classmethod
    def parse(cls, text: object) -> "Steps":
        duration = Duration.parse(text)
        if duration.unit == "minute":
            raise ValueError(f"{text!r} is not {cls.expects}")
        return cls(duration.amount, duration.unit)

    def steps(self, steps_per_epoch: int) -> int:
        return max(1, round(self.amount * (steps_per_epoch if self.unit == "epoch" else 1)))


@dataclass(frozen=True)
class Horizon:
    """How long a run is.

    Args:
        steps: optimizer steps in the whole run, >= 1; 0 of a model that is fitted and has no parameters.
        steps_per_epoch: optimizer steps in one pass over the training examples, >= 1.
    """

    steps: int
    steps_per_epoch: int

    @classmethod
    def of(cls, epochs: float | None, steps: int | None, steps_per_epoch: int) -> "Horizon":
        """From exactly one of `epochs` (may be fractional) and `steps`."""
        total = steps if epochs is None else max(1, math.ceil(epochs * steps_per_epoch - 1e-9))
        return cls(total, steps_per_epoch)
