"""Which rows, and in what order: --where and --sort."""

import math
import operator
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dl_runner.errors import UserError
from dl_runner.report.compare.rows import ABSENT, Row, info_of, resolve
from dl_runner.tracking.metric_info import larger_is_better

ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@dataclass(frozen=True)
class Condition:
    """KEY OPERATOR VALUE, such as model.name=lenet or test/accuracy>0.9."""

    key: str
    operator: str
    wanted: str

    @classmethod
    def parse(cls, text: str, known: Sequence[str]) -> "Condition":
        """Read a condition.

        Raises:
            UserError: not of this form, an unknown key, or an order between things that are no numbers.
        """
        match = re.fullmatch(r"([^=!<>]+)(!=|<=|>=|=|<|>)(.*)", text)
        if match is None:
            raise UserError(f"--where {text}: expected KEY=VALUE, or with !=, <, <=, > or >= and in quotes")
        key, sign, wanted = (part.strip() for part in match.groups())
        if sign in ORDERS and _number(wanted) is None:
            raise UserError(f"--where {text}: {sign} compares with a number, and {wanted or 'nothing'} is none")
        return cls(resolve(key, known, "--where"), sign, wanted)

    @property
    def of_results(self) -> bool:
        """Whether it is about a result; of repeated runs that is their mean, lest the lucky ones be chosen."""
        return "/" in self.key or self.key in ("seconds", "steps")

    def holds(self, value: Any) -> bool:
        if self.operator in ORDERS:
            number = _number(value)
            return number is not None and ORDERS[self.operator](number, _number(self.wanted))
        return _same(value, self.wanted) == (self.operator == "=")


def _same(value: Any, wanted: str) -> bool:
    if isinstance(value, bool) or value is None:
        return (ABSENT if value is None else str(value).lower()) == wanted.lower()
    number = _number(value)
    if number is not None and _number(wanted) is not None:
        return number == _number(wanted)
    return str(value).replace(" ", "") == wanted.replace(" ", "")  # lists, as [512,256]


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def sort(rows: Iterable[Row], key: str, *, reverse: bool) -> list[Row]:
    """By a key, the best first: accuracies and speeds from high to low, all else upwards; what has none comes last."""
    known, unknown = [], []
    for row in rows:
        value = row.value(key)
        usable = value is not None and not (isinstance(value, float) and math.isnan(value))
        (known if usable else unknown).append(row)
    known.sort(key=lambda row: order(row.value(key)), reverse=larger_is_better(key, info_of(rows)) != reverse)
    return known + unknown


def order(value: Any) -> tuple[int, float, str]:
    """A sorting key for values of any kind: numbers by size, then texts."""
    number = _number(value)
    return (1, 0.0, str(value)) if number is None else (0, number, "")
