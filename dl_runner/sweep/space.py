"""Intervals and ranges of Hydra's override grammar, and the values in them. Imports no torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, Quote, QuotedString, RangeSweep, Transformer
from hydra.errors import HydraException

from dl_runner.errors import UserError

Swept = Mapping[str, Override]


@dataclass(frozen=True)
class Interval:
    """The numbers from `low` to `high`, both ends included; whole numbers if the ends are `int`.

    Args:
        log: whether they are sampled uniformly in the logarithm.
        step: the distance of neighbours, None for all numbers between the ends.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def middle(self) -> float:
        if self.step is not None:
            return self.low
        if self.whole:
            return math.isqrt(self.low * self.high) if self.log else (self.low + self.high) // 2
        return self.readable(math.sqrt(self.low * self.high) if self.log else (self.low + self.high) / 2)

    def readable(self, exact: float) -> float:
        """`exact` rounded to four digits, for a readable folder name, where that changes it by little."""
        if self.whole:
            return int(exact)
        if self.step is not None:
            return _tidy(exact)
        short = float(f"{exact:.4g}")
        return min(max(short if abs(short - exact) <= 1e-3 * (self.high - self.low) else exact, self.low), self.high)


def interval(override: Override) -> Interval | None:
    """The interval of interval(…) or tag(log, interval(…)), None for a list of values.

    Raises:
        UserError: an interval without numbers in it, or another tag.
    """
    value = override.value()
    tags = getattr(value, "tags", set())
    if tags - ({"log"} if isinstance(value, IntervalSweep) else set()):
        raise UserError(f"{override.input_line}: the only tag is log, of an interval: tag(log, interval(1e-4, 1e-1))")
    if not isinstance(value, IntervalSweep):
        return None
    low, high, log = value.start, value.end, "log" in tags
    if not low <= high or (log and low <= 0):
        raise UserError(f"{override.input_line}: expected interval(LOW, HIGH){', LOW above 0 on a log scale' * log}")
    return Interval(low, high, log)


def choices(key: str, override: Override) -> list[str]:
    """The KEY=VALUE of a list of values, each of which is read as that value again."""
    return [f"{key}={_written(value)}" for value in override.sweep_iterator(transformer=Transformer.identity)]


def _written(value: Any) -> str:
    """A value as the grammar has it; a text in quotes where it would else be another value or none, as null or é."""
    text = Transformer.str(value)
    if not isinstance(value, str):
        return text
    try:
        same = OverridesParser.create().parse_override(f"key={text}").value() == value
    except HydraException:
        same = False
    return text if same else QuotedString(text=value, quote=Quote.single).with_quotes()


@dataclass(frozen=True)
class Dimension:
    """What one key may be, for a search: one of `choices`, or a number of `interval`."""

    key: str
    choices: tuple[str, ...] = ()
    interval: Interval | None = None

    @property
    def middle(self) -> str:
        """A KEY=VALUE in the middle, with which the config is checked before the search begins."""
        return self.choices[0] if self.interval is None else f"{self.key}={self.interval.middle}"

    @property
    def ends(self) -> tuple[str, ...]:
        """Every choice, or the smallest and the largest number of an interval, as KEY=VALUE."""
        if self.interval is None:
            return self.choices
        return tuple(f"{self.key}={self.interval.readable(end)}" for end in (self.interval.low, self.interval.high))

    def suggest(self, trial: Any) -> str:
        """The KEY=VALUE of Optuna's trial for this key, sampled if the trial has none yet."""
        found = self.interval
        if found is None:
            return trial.suggest_categorical(self.key, self.choices)
        if found.whole:
            exact = trial.suggest_int(self.key, found.low, found.high, step=found.step or 1, log=found.log)
        else:
            exact = trial.suggest_float(self.key, found.low, found.high, step=found.step, log=found.log)
        return f"{self.key}={found.readable(exact)}"


def dimension(key: str, override: Override) -> Dimension:
    """The dimension that an override with several values is. A range keeps its order, other lists have none.

    Raises:
        UserError: as for `interval`, or an empty list.
    """
    found = interval(override)
    if isinstance(value := override.value(), RangeSweep):
        values = sorted(value.range())
        if values:
            return Dimension(key, interval=Interval(_tidy(values[0]), _tidy(values[-1]), step=_tidy(abs(value.step))))
    listed = () if found else tuple(choices(key, override))
    if not found and not listed:
        raise UserError(f"{override.input_line}: has no values")
    return Dimension(key, listed, found)


def _tidy(number: float) -> float:
    """0.3 for what 0.1 + 2 · 0.1 is in binary."""
    return number if isinstance(number, int) else float(f"{number:.12g}")
