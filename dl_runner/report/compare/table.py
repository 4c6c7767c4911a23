"""The table of the rows as texts: which columns, and numbers with the digits that a person wants."""

import math
import os
import statistics
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dl_runner.report.compare.rows import Row, brought, differing, info_of, main_metric
from dl_runner.report.compare.runs import BEST
from dl_runner.tracking.metric_info import fractions
from dl_runner.tracking.text import COUNTS, duration, number

MOST_DECIMALS = 4


@dataclass(frozen=True)
class Column:
    """A key, the texts of its cells, whether they are numbers, and a title where the key is none."""

    key: str
    cells: list[str]
    numeric: bool
    title: str | None = None

    @property
    def heading(self) -> str:
        """The key in one or two lines: what it is of, and what it is."""
        if self.title is not None:
            return self.title
        if self.key.endswith(".name"):
            return self.key.removesuffix(".name")
        for sign in "/.":
            if sign in self.key and self.key != "examples/s":
                of, _, name = self.key.rpartition(sign)
                return f"{of.replace('/', ' ')}\n{name}"
        return self.key


def default_keys(rows: Sequence[Row]) -> list[str]:
    """The folder, the hyperparameters that differ, final and best metrics, time, speed and status."""
    main = main_metric(rows)
    names = dict.fromkeys(["loss", *([main.rpartition("/")[2]] if main else [])])
    wanted = [f"{split}/{name}" for split in ("train", "validation", "test") for name in names]
    metrics = [key for key in wanted if any(row.value(key) is not None for row in rows)]
    if main and any(row.value(BEST + main) != row.value(main) for row in rows):
        metrics.insert(metrics.index(main) + 1, BEST + main)
    tags = ["tags"] if any(row.value("tags") for row in rows) else []
    return ["run", *tags, *differing(rows), *metrics, "seconds", "examples/s", "status"]


def least_wanted(keys: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """Of the default columns those that a narrow terminal may do without, the first one first: what is the same in all
    rows, then what only follows a choice that has a column, then results that say less than others."""
    main = main_metric(rows) or ""
    name = main.rpartition("/")[2]
    completed = all(row.status == "completed" for row in rows)
    order = [f"train/{name}", "validation/loss", "test/loss", "examples/s", "run", "train/loss"]
    order += [*(["status"] if completed else []), "seconds", BEST + main, f"test/{name}"]
    found = [key for key in order if key in keys and key != main]
    same = [key for key in found if len(rows) > 1 and len({repr(row.value(key)) for row in rows}) == 1]
    followers = [key for key in brought(rows) if key in keys]
    return [*same, *followers, *(key for key in found if key not in same)]


def columns(rows: Sequence[Row], keys: Sequence[str], base: Path) -> list[Column]:
    """The columns for `keys`; `base` is the folder that the runs' names are relative to."""
    return [_column(key, rows, base) for key in keys]


def _column(key: str, rows: Sequence[Row], base: Path) -> Column:
    if key == "run":
        return Column(key, [_label(row, base) for row in rows], numeric=False)
    values = [row.value(key) for row in rows]
    numeric = all(not isinstance(value, str | bool) for value in values)
    if "/" in key and key != "examples/s" and not key.endswith(COUNTS):
        return Column(key, metric_cells(rows, key), numeric)
    return Column(key, [_cell(key, value) for value in values], numeric)


def metric_cells(rows: Sequence[Row], key: str) -> list[str]:
    """A metric's value in each row, '' without one, all deviations to the same number of digits."""
    deviations = [deviation for row in rows if (deviation := row.deviation(key))]
    decimals = _decimals(statistics.median_low(deviations)) if deviations else None
    shares = fractions(info_of(rows))
    cells = []
    for row in rows:
        value = row.value(key)
        known = value is not None
        cells.append(metric(key, value, row.deviation(key), len(row.numbers(key)), decimals, shares) if known else "")
    return cells


def _cell(key: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str | bool):
        return str(value) if isinstance(value, str) else str(value).lower()
    if key == "seconds":
        return duration(value)
    if key in ("examples/s", "parameters", "steps") or key.endswith(COUNTS):
        return f"{value:,.0f}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def metric(
    key: str,
    mean: float,
    deviation: float | None,
    count: int,
    decimals: int | None = None,
    shares: Container[str] = frozenset(),
) -> str:
    """A metric's value, or 'mean ± deviation (count)' to the deviation's first two digits.

    Args:
        decimals: the same for all numbers of a column; None to go by this deviation.
        shares: NAMEs of metrics that are fractions of 1.
    """
    if deviation is None:
        return number(key, mean, shares) + (f" ({count})" if count > 1 else "")
    decimals = _decimals(deviation) if decimals is None else decimals
    if decimals > MOST_DECIMALS and key.rpartition("/")[2] not in shares:
        return f"{mean:.3g} ± {deviation:.2g} ({count})"
    decimals = min(decimals, MOST_DECIMALS)
    return f"{mean:.{decimals}f} ± {deviation:.{decimals}f} ({count})"


def _decimals(deviation: float) -> int:
    return max(0, 1 - math.floor(math.log10(deviation))) if deviation > 0 else MOST_DECIMALS


def _label(row: Row, base: Path) -> str:
    if len(row.runs) > 1:
        return f"{len(row.runs)} runs"
    return os.path.relpath(row.runs[0].folder, base)


def common_folder(rows: Sequence[Row]) -> Path:
    """The folder that holds all the runs; of a single run its parent."""
    return Path(os.path.commonpath([run.folder.absolute().parent for row in rows for run in row.runs]))


def short_labels(rows: Sequence[Row], keys: Sequence[str] | None = None) -> list[str]:
    """A short name for each row, by what it differs in: 'mlp, lr=0.1'.

    Args:
        keys: the hyperparameters to name; None for all that differ.
    """
    keys = differing(rows) if keys is None else keys
    labels = []
    for row in rows:
        parts = []
        for key in keys:
            value = row.value(key)
            last = key.rpartition(".")[2]
            name = key if sum(other.rpartition(".")[2] == last for other in keys) > 1 else last
            shown = f"{value:g}" if isinstance(value, float) else str(value)
            if value is not None:
                parts.append(shown if last == "name" else f"{name}={shown}")
        labels.append(", ".join(parts) or row.runs[0].folder.name)
    return labels
