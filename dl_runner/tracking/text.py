"""Numbers, metrics and time spans as people read them."""

from collections.abc import Container, Mapping

from rich import box
from rich.table import Table

from dl_runner.tracking.tracker import Metrics

FRACTIONS = frozenset({"accuracy"})  # of runs of version 0.1.0, whose records do not say it
COUNTS = ("_per_second", "memory_gib")


def number(name: str, value: float, fractions: Container[str] = FRACTIONS) -> str:
    """A metric's value: fractions with four decimals, counts with thousands separators, others with four digits.

    Args:
        name: NAME or SPLIT/NAME.
        fractions: NAMEs of metrics that are fractions of 1.
    """
    last = name.rpartition("/")[2]
    if last in fractions:
        return f"{value:.4f}"
    if last.endswith(COUNTS):
        return f"{value:,.0f}"
    return f"{value:#.4g}".rstrip(".")


def duration(seconds: float) -> str:
    """'8.3 s', '5 min 43 s' or '2 h 05 min'."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def by_split(metrics: Metrics) -> dict[str, dict[str, float]]:
    """SPLIT → NAME → value, in the order of a run: train, validation, test, anything else."""
    splits: dict[str, dict[str, float]] = {"train": {}, "validation": {}, "test": {}}
    for tag, value in metrics.items():
        split, _, name = tag.rpartition("/")
        splits.setdefault(split, {})[name] = value
    return {split: values for split, values in splits.items() if values}


def words(values: Mapping[str, float], fractions: Container[str] = FRACTIONS) -> str:
    """'loss 0.7403  accuracy 0.7210'."""
    return "  ".join(f"{name} {number(name, value, fractions)}" for name, value in values.items())


def table(metrics: Metrics, fractions: Container[str] = FRACTIONS) -> Table:
    """A row per metric, a column per split."""
    splits = by_split(metrics)
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    grid.add_column("")
    for split in splits:
        grid.add_column(split, justify="right")
    for name in dict.fromkeys(name for values in splits.values() for name in values):
        grid.add_row(
            name, *(number(name, values[name], fractions) if name in values else "" for values in splits.values())
        )
    return grid
