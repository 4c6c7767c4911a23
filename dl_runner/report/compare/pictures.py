"""The picture of a comparison: learning curves, and the main metric against each hyperparameter."""

import io
import math
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dl_runner.report.compare.rows import REPEATED, Row, brought, differing, main_metric
from dl_runner.report.compare.selection import order
from dl_runner.report.compare.table import metric_cells, short_labels
from dl_runner.runtime.files import read_json
from dl_runner.tracking.metric_info import larger_is_better

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

MOST_COLORS = 8  # rows up to which each has a color; of more only the best are told apart
BEST_SHOWN = 5
MOST_PANELS = 6
MOST_LINES = 6  # in a panel of a hyperparameter
REST = "#b8bcc4"
LONGEST_LABEL = 44
SWEEP = "sweep.json"  # beside the run folders of a sweep


def draw(rows: Sequence[Row]) -> bytes:
    """The rows' learning curves above, and below, where they differ in hyperparameters, the main metric against each.

    Repeated runs are one curve, their mean, in a band of their deviation. Up to eight rows have a color each; of more,
    the five best by the main metric, before gray ones.

    Returns:
        a PNG file's content.
    """
    from matplotlib.figure import Figure

    main = main_metric(rows)
    curves = _curve_metrics(rows, main)
    followers = brought(rows)
    swept = [key for key in differing(rows) if main and key not in (*REPEATED, *followers) and _points(rows, key, main)]
    swept = sorted(swept, key=lambda key: isinstance(rows[0].value(key), str))[:MOST_PANELS]
    heights = ([3.6] if curves else []) + [3.3] * math.ceil(len(swept) / 3)
    figure = Figure(figsize=(12, max(sum(heights), 2)), dpi=110, layout="constrained")
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0] if heights else []
    if curves:
        _draw_curves(parts[0], rows, curves, main)
    for line, part in enumerate(parts[bool(curves) :]):
        axes = part.subplots(1, min(max(len(swept), 2), 3), sharey=True)
        for place, key in zip(axes, swept[3 * line :], strict=False):
            _draw_swept(place, rows, key, main)
        for unused in axes[len(swept) - 3 * line :]:
            unused.set_axis_off()
        axes[0].set_ylabel(main, parse_math=False)
    if not heights:
        figure.text(0.5, 0.5, "no curves yet", ha="center")
    return _png(figure)


def _png(figure: "Figure") -> bytes:
    """A figure as a PNG of 256 colors, a third of the size and no different to the eye."""
    from PIL import Image

    from dl_runner.report.pictures import to_pixels

    page = io.BytesIO()
    Image.fromarray(to_pixels(figure)).quantize(256, dither=Image.Dither.NONE).save(page, format="PNG", optimize=True)
    return page.getvalue()


def _curve_metrics(rows: Sequence[Row], main: str | None) -> list[str]:
    """Of the main metric, its split's loss and the training loss those that have curves."""
    split = (main or "validation/").partition("/")[0]
    split = "validation" if split == "train" else split
    wanted = dict.fromkeys([*([main] if main else []), f"{split}/loss", "train/loss"])
    return [name for name in wanted if any(len(run.curve(name)[0]) > 1 for row in rows for run in row.runs)]


def _draw_curves(part: Any, rows: Sequence[Row], curves: Sequence[str], main: str | None) -> None:
    """A panel for each metric, and beside them the legend, best first."""
    ranked = sorted(zip(rows, _legend_labels(rows, main), strict=True), key=lambda pair: _rank(pair[0], main))
    colored = len(ranked) if len(ranked) <= MOST_COLORS else BEST_SHOWN
    panels = part.subplots(1, len(curves) + 1, width_ratios=[3] * len(curves) + [2.4])
    for axes, name in zip(panels, curves, strict=False):
        for place, (row, _) in reversed(list(enumerate(ranked))):
            color = f"C{place}" if place < colored else REST
            _draw_curve(axes, row, name, color, line=1.6 if place < colored else 0.8)
        axes.set_xlabel("epoch")
        axes.set_title(name, parse_math=False)
        axes.grid(alpha=0.3)
        if name.endswith("/loss") and 0 < axes.dataLim.y0 * 20 < axes.dataLim.y1:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
        axes.xaxis.get_major_locator().set_params(integer=True)
    legend = panels[-1]
    legend.set_axis_off()
    for place, (_, label) in enumerate(ranked[:colored]):
        legend.plot([], [], color=f"C{place}", linewidth=3, label=label)
    if colored < len(ranked):
        legend.plot([], [], color=REST, linewidth=3, label=f"{len(ranked) - colored} more")
    several = any(len(row.runs) > 1 for row in rows)
    title = f"best first by {main}{chr(10) + 'mean ± deviation (runs)' if several else ''}" if main else None
    # With the handles named, a label that begins with _ is one, too.
    _as_they_are(legend.legend(handles=legend.lines, loc="center left", frameon=False, title=title, fontsize=9))


def _as_they_are(legend: "Legend") -> None:
    """A legend's texts are a user's: no formulas."""
    for text in (*legend.get_texts(), legend.get_title()):
        text.set_parse_math(False)


def _draw_curve(axes: "Axes", row: Row, name: str, color: str, line: float) -> None:
    """The curve of a row; of several runs their mean where all have a value, in a band of one deviation."""
    at = [{round(epoch, 2): height for epoch, height in zip(*_evaluated(run, name), strict=True)} for run in row.runs]
    epochs = sorted(set.intersection(*(set(curve) for curve in at)))
    columns = [[curve[epoch] for curve in at] for epoch in epochs]
    means = [statistics.fmean(column) for column in columns]
    axes.plot(epochs, means, color=color, linewidth=line, marker="." if len(epochs) < 3 else None)
    if len(row.runs) > 1:
        deviations = [statistics.stdev(column) for column in columns]
        # Never beyond what was measured: a loss below 0 or an accuracy above 1 would puzzle the reader.
        low = [max(m - d, min(c)) for m, d, c in zip(means, deviations, columns, strict=True)]
        high = [min(m + d, max(c)) for m, d, c in zip(means, deviations, columns, strict=True)]
        axes.fill_between(epochs, low, high, color=color, alpha=0.13, linewidth=0)


def _evaluated(run: Any, name: str) -> tuple[list[float], list[float]]:
    """A curve; of a training metric, which starts anew at each evaluation, its values at the evaluations alone."""
    if name.startswith("train/"):
        rows = [row for row in run.rows if name in row and any(key.startswith(("validation/", "test/")) for key in row)]
        if len(rows) > 1:
            return [row["epoch"] for row in rows], [float(row[name]) for row in rows]
    return run.curve(name)


def _rank(row: Row, main: str | None) -> tuple[bool, float]:
    """Sorts the best first, and last the rows without the metric."""
    value = row.value(main) if main else None
    if value is None or math.isnan(value):
        return True, 0.0
    return False, -value if larger_is_better(main, row.runs[0].info) else value


def _legend_labels(rows: Sequence[Row], main: str | None) -> list[str]:
    results = metric_cells(rows, main) if main else [""] * len(rows)
    labels = []
    for row, label, result in zip(rows, short_labels(rows), results, strict=True):
        label = label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"
        status = "" if row.status == "completed" else row.status
        told = " ".join(part for part in (result, status) if part)
        labels.append(f"{label}: {told}" if told else label)
    return labels


def _points(rows: Sequence[Row], key: str, main: str) -> list[tuple[Any, Row]]:
    """Value of the hyperparameter and row, of the rows that have both it and a finite metric; none if they agree."""
    found = [(row.value(key), row) for row in rows if row.value(key) is not None]
    found = [(value, row) for value, row in found if row.value(main) is not None and math.isfinite(row.value(main))]
    return found if len({repr(value) for value, _ in found}) > 1 else []


def _draw_swept(axes: "Axes", rows: Sequence[Row], key: str, main: str) -> None:
    """The main metric against one hyperparameter; rows that differ in nothing else, but for what a choice brings along,
    are joined by a line."""
    followers = brought(rows)
    others = [other for other in differing(rows) if other != key and other not in followers]
    points = sorted(_points(rows, key, main), key=lambda point: [order(point[1].value(other)) for other in others])
    where = _positions(axes, [value for value, _ in points], sampled_scale(rows, key))
    labels = short_labels([row for _, row in points], others) if others else [""] * len(points)
    lines: dict[str, list[tuple[float, Row]]] = {}
    for (value, row), label in zip(points, labels, strict=True):
        lines.setdefault(label, []).append((where[repr(value)], row))
    told = 1 < len(lines) <= MOST_LINES
    beside = 0.06 if told and isinstance(points[0][0], str) else 0.0  # so that the bars of a category do not overlap
    for place, (label, members) in enumerate(lines.items()):
        members.sort(key=lambda member: member[0])
        xs = [x + beside * (place - (len(lines) - 1) / 2) for x, _ in members]
        heights, bars = ([row.value(main) for _, row in members], [row.deviation(main) or 0.0 for _, row in members])
        color = f"C{place}" if told else "#4a6fa5"
        style = {"color": color, "marker": "o", "markersize": 5, "linewidth": 1.3 if told or len(lines) == 1 else 0.5}
        axes.errorbar(xs, heights, bars if any(bars) else None, capsize=3, elinewidth=1, label=label, **style)
    axes.set_xlabel(key.removesuffix(".name"), parse_math=False)
    axes.grid(alpha=0.3)
    if told:  # above the panel, where no point can be
        above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 2}
        _as_they_are(axes.legend(handles=axes.containers, fontsize=8, frameon=False, **above))


def sampled_scale(rows: Sequence[Row], key: str) -> str | None:
    """The scale of an axis on which a sweep drew a hyperparameter: "log" or "linear"; None where it drew none, or where
    the rows are of sweeps that differ in it."""
    found = set()
    for folder in {run.folder.parent for row in rows for run in row.runs}:
        path = folder / SWEEP
        swept = read_json(path).get("swept") if path.is_file() else None
        text = str((swept or {}).get(key, ""))
        drawn = "interval(" in text
        found.add(("log" if "log" in text.partition("interval(")[0] else "linear") if drawn else None)
    return found.pop() if len(found) == 1 else None


def _positions(axes: "Axes", values: Sequence[Any], scale: str | None = None) -> dict[str, float]:
    """Where on the x axis each value is, by its repr: numbers by size, on the scale on which they were drawn, else on a
    logarithmic axis if they span a decade."""
    distinct = {repr(value): value for value in values}
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in distinct.values()):
        numbers = sorted(distinct.values())
        if numbers[0] > 0 and (scale == "log" or (scale is None and numbers[-1] / numbers[0] >= 10)):
            axes.set_xscale("log")
        if len(numbers) <= 6:
            axes.set_xticks(numbers, [f"{number:g}" for number in numbers])
            axes.minorticks_off()
        return {text: float(value) for text, value in distinct.items()}
    names = sorted(distinct, key=lambda text: str(distinct[text]))
    shown = [str(distinct[name]) for name in names]
    crowded = sum(map(len, shown)) > 36
    axes.set_xticks(
        range(len(names)), shown, rotation=30 if crowded else 0, ha="right" if crowded else "center", parse_math=False
    )
    axes.set_xlim(-0.5, len(names) - 0.5)
    return {name: float(place) for place, name in enumerate(names)}
