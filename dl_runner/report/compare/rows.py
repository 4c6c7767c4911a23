"""Rows of the table: runs, those that differ only in seed or fold taken together."""

import difflib
import json
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dl_runner.errors import UserError
from dl_runner.report.compare.runs import BEST, COMPUTED, Run
from dl_runner.tracking.metric_info import MetricInfo, merged

REPEATED = ("seed", "data.fold")  # what repetitions of one experiment differ in
SPLITS = ("validation", "test", "train")
ABSENT = "null"


@dataclass(frozen=True, eq=False)
class Row:
    """One or more completed runs of the same experiment, or one run however it ended."""

    runs: tuple[Run, ...]

    @property
    def status(self) -> str:
        return self.runs[0].status

    def numbers(self, key: str) -> list[float]:
        """The numbers that the runs have for a metric or fact."""
        values = [run.value(key) for run in self.runs]
        return [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]

    def value(self, key: str) -> Any:
        """A metric's or fact's mean, or a hyperparameter; of one that varies, its values as a text. None without it."""
        first = self.runs[0].value(key)
        if len(self.runs) > 1 and key in REPEATED:
            return span([run.value(key) for run in self.runs])
        if len(self.runs) > 1 and key in COMPUTED:
            return self._listed(key)
        if len(self.runs) == 1 or isinstance(first, str | bool) or key in self.runs[0].hyperparameters:
            return first
        numbers = self.numbers(key)
        return statistics.fmean(numbers) if numbers else None

    def _listed(self, key: str) -> Any:
        values = list(dict.fromkeys(run.value(key) for run in self.runs))
        return values[0] if len(values) == 1 else ", ".join(sorted(map(str, values)))

    def deviation(self, key: str) -> float | None:
        """The sample standard deviation of a metric; None for fewer than two numbers."""
        numbers = self.numbers(key)
        return statistics.stdev(numbers) if len(numbers) > 1 and all(map(math.isfinite, numbers)) else None


def fold(runs: Iterable[Run]) -> tuple[list[Row], int]:
    """Completed runs that differ only in seed or fold, and have the same tags, in one row; every other run in its own.

    A run that was made twice, seed and fold included, counts once: the later one.

    Returns:
        the rows, in the order of their first runs, and the number of runs left out as repeats of a later one.
    """
    groups: dict[Any, dict[Any, Run]] = {}
    repeats = 0
    for run in sorted(runs, key=lambda run: str(run.facts["start"])):
        kept = {key: value for key, value in run.hyperparameters.items() if key not in REPEATED}
        # With other code it is another experiment, and tags are to tell such runs apart.
        same = json.dumps([kept, run.facts["code"], run.facts["tags"]], sort_keys=True)
        completed = run.status == "completed"
        group = groups.setdefault(same if completed else run.folder, {})
        repetition = tuple(run.hyperparameters.get(key) for key in REPEATED)
        repeats += repetition in group
        group[repetition] = run
    rows = [Row(tuple(sorted(group.values(), key=_repetition))) for group in groups.values()]
    return rows, repeats


def _repetition(run: Run) -> list[float]:
    values = [run.hyperparameters.get(key) for key in REPEATED]
    return [value if isinstance(value, int) else -1 for value in values]


def span(values: Sequence[Any]) -> str:
    """Whole numbers as people write a selection of them: '0–4', '1, 3'."""
    found = sorted({value for value in values if isinstance(value, int)})
    if not found:
        return ABSENT
    if len(found) > 2 and found[-1] - found[0] == len(found) - 1:
        return f"{found[0]}–{found[-1]}"
    return ", ".join(map(str, found))


def differing(rows: Sequence[Row]) -> list[str]:
    """The hyperparameters in which the rows differ, in the order of the config.

    Left out is a key that some rows only lack because of another choice, as model.dropout where the model has none,
    and that is the same in all others.
    """
    keys = dict.fromkeys(key for row in rows for key in row.runs[0].hyperparameters)
    return [key for key in keys if _differs(key, rows)]


def _differs(key: str, rows: Sequence[Row]) -> bool:
    values = [row.value(key) for row in rows]
    # Runs of before a key existed lack it, as others have it null or empty.
    if len({repr(ABSENT if value in (None, "[]") else value) for value in values}) < 2:
        return False
    if len({repr(value) for value in values if value is not None}) > 1:
        return True
    chooser = f"{key.partition('.')[0]}.name"
    having = {row.value(chooser) for row in rows if row.value(key) is not None}
    lacking = {row.value(chooser) for row in rows if row.value(key) is None}
    return bool(having & lacking)


def brought(rows: Sequence[Row]) -> dict[str, str]:
    """Of the keys in which the rows differ those that only follow another one: key → the choice of its group, such as
    optimizer.betas → optimizer.name, where all rows of a choice have the same value."""
    found = {}
    for key in (keys := differing(rows)):
        chooser = f"{key.partition('.')[0]}.name"
        if key == chooser or chooser not in keys:
            continue
        values: dict[Any, set[str]] = {}
        for row in rows:
            values.setdefault(row.value(chooser), set()).add(repr(row.value(key)))
        if all(len(of_choice) == 1 for of_choice in values.values()):
            found[key] = chooser
    return found


def main_metric(rows: Sequence[Row]) -> str | None:
    """The metric that a reader looks at first: what chose the weights, of validation before test before train."""
    names = {name for row in rows for run in row.runs for name in run.metrics}
    wanted = [f"{split}/{name}" for split in SPLITS for name in info_of(rows)]
    return next((name for name in wanted if name in names), None)


def info_of(rows: Iterable[Row]) -> MetricInfo:
    """Of the metrics of all the rows."""
    return merged(run.info for row in rows for run in row.runs)


def known_keys(runs: Iterable[Run]) -> list[str]:
    """Everything that a column, --sort or --where may name, apart from best/METRIC."""
    keys: dict[str, None] = {}
    for run in runs:
        reported = [name for row in run.rows[-3:] for name in row if "/" in name]
        keys |= dict.fromkeys([*run.facts, *run.metrics, *reported, *run.hyperparameters])
    return list(keys)


def resolve(word: str, known: Sequence[str], option: str) -> str:
    """The key that a user means: itself, a group for its name (`model`), or the end of one key only (`lr`).

    Raises:
        UserError: none or several.
    """
    if word in known or word.removeprefix(BEST) in known:
        return word
    ends = [key for key in known if key == f"{word}.name" or key.endswith((f".{word}", f"/{word}"))]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise UserError(f"{option} {word}: which one? {', '.join(ends)}")
    near = difflib.get_close_matches(word, [*known, *(BEST + key for key in known if "/" in key)], n=1, cutoff=0.5)
    metrics = ", ".join(key for key in known if key.endswith(("/loss", "/accuracy")))
    advice = f"did you mean {near[0]}?" if near else f"there are the config's keys, and {metrics}"
    raise UserError(f"{option} {word}: no run here has it; {advice}")
