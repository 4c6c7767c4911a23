"""What is learnt of the columns of a table, from the training rows alone."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dl_runner.data.fitted.columns import MISSING, Category, FittedColumns, Number
from dl_runner.data.table.read import Roles
from dl_runner.data.table.split import Table
from dl_runner.data.table.text_file import Format
from dl_runner.spec import DataSpec

Impute = Literal["mean", "median", "most_frequent", "constant"]


@dataclass(frozen=True)
class ColumnFit:
    """What is learnt of columns, and how.

    Args:
        spec: its targets and task are those that come out.
        impute: what a missing number becomes; "constant" is `fill`.
        indicator: whether a column of numbers with missing values gets another one that says where.
        rare: a category that fewer training rows have is told from no other such one.
        normalize: whether numbers are standardized.
        log: columns of numbers >= 0 whose logarithm log(1 + x) is taken, or those with a skewness above this.
    """

    spec: DataSpec
    form: Format
    roles: Roles
    impute: Impute = "mean"
    fill: float = 0.0
    indicator: bool = False
    rare: int = 1
    normalize: bool = True
    log: tuple[str, ...] | float = ()

    def fit(self, train: Table) -> FittedColumns:
        numeric = train.numeric.numpy()
        return FittedColumns(
            tuple(self._number(name, numeric[:, at]) for at, name in enumerate(train.names)),
            tuple(self._category(train, at, name) for at, name in enumerate(train.levels)),
            tuple(
                name for at, name in enumerate(train.names) if self.indicator and bool(np.isnan(numeric[:, at]).any())
            ),
            self.spec.targets,
            self.spec.task,
            self.form,
            self.roles,
        )

    def _number(self, name: str, values: np.ndarray) -> Number:
        known = values[~np.isnan(values)]
        log = self._is_log(name, known)
        fill = self._fill(known)
        filled = np.where(np.isnan(values), fill, values)
        if log:
            filled = np.log1p(np.maximum(filled, 0))
        if not self.normalize:
            return Number(name, fill, 0.0, 1.0, log)
        mean, std = _moments(filled)
        return Number(name, fill, mean, std if filled.max() > filled.min() else 1.0, log)  # rounding gives one above 0

    def _fill(self, known: np.ndarray) -> float:
        if self.impute == "constant" or not len(known):
            return self.fill
        if self.impute == "most_frequent":  # the smallest of several
            values, counts = np.unique(known, return_counts=True)
            return float(values[counts.argmax()])
        return _moments(known)[0] if self.impute == "mean" else float(np.median(known))

    def _is_log(self, name: str, known: np.ndarray) -> bool:
        if not isinstance(self.log, float | int):
            return name in self.log
        if not len(known) or known.min() < 0 or known.min() == known.max():
            return False
        mean, std = _moments(known)
        return bool((((known - mean) / std) ** 3).mean() > self.log)

    def _category(self, train: Table, at: int, name: str) -> Category:
        codes = train.codes[:, at].numpy()
        levels = (*train.levels[name], MISSING)
        counts = np.bincount(np.where(codes < 0, len(levels) - 1, codes), minlength=len(levels))
        return Category(
            name,
            tuple(level for level, count in zip(levels, counts, strict=True) if count >= max(self.rare, 1)),
        )


def _moments(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation, scaled by a power of two so that no square of float64 overflows or vanishes; the
    digits stay the same."""
    power = int(np.frexp(np.abs(values).max())[1])
    scaled = np.ldexp(values, -power)
    return float(np.ldexp(scaled.mean(), power)), float(np.ldexp(scaled.std(), power))
