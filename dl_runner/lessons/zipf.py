"""Zipf's law: how often the words of a text, and their pairs and triples, occur."""

import math
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dl_runner.config.types import PositiveInt
from dl_runner.errors import UserError
from dl_runner.running.lesson import Lesson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMES = ("words", "pairs", "triples")
POINTS = 60  # of a fitted line, evenly spaced along the axis of ranks
LISTED = 10
NAMED = 3  # of these in the run's metrics


def zipf(lesson: Lesson, *, ranks: list[PositiveInt] = (10, 1000)) -> "Figure":
    """The frequency of the word of rank r is about C · r^−α, with α near 1 (Zipf, 1949); n-grams of more words are
    spread over more of them, so that their α is smaller.

    α is measured by least squares of log frequency on log rank, at ranks that are evenly spaced on the logarithmic
    axis, so that each decade counts the same. It depends on the ranks: the first few words lie below the line, and far
    down are steps, where thousands occur two times or one.

    Args:
        ranks: the first and the last rank that α is measured on.

    Returns:
        Frequency over rank of words, pairs and triples with the fitted lines; the most frequent of each.

    Raises:
        UserError: the data are no text, or have not as many different words, pairs or triples; or the ranks are no two
            that increase.
    """
    from matplotlib.figure import Figure

    if len(ranks) != 2 or ranks[0] >= ranks[1]:
        raise UserError(f"lesson.ranks={list(ranks)}: has to be two ranks that increase, such as [10,1000]")
    words, read = _words(lesson)
    grams = {name: Counter(zip(*(words[i:] for i in range(n)), strict=False)) for n, name in enumerate(NAMES, 1)}
    exponents = {}
    figure = Figure(figsize=(15, 7), layout="constrained")
    curves, lists = figure.subplots(1, 2, width_ratios=(5, 4))
    for place, (name, counted) in enumerate(grams.items()):
        frequencies = np.array(sorted(counted.values(), reverse=True))
        if len(frequencies) < ranks[1]:
            raise UserError(
                f"lesson.ranks={list(ranks)}: the text has {len(frequencies):,} different {name}; use fewer ranks or a "
                "longer text"
            )
        exponents[name], constant = _fitted(frequencies, *ranks)
        _draw(curves, name, frequencies, exponents[name], constant, ranks, f"C{place}")
        lesson.metrics |= {f"exponent of {name}": exponents[name], f"different {name}": len(frequencies)}
        for gram, count in counted.most_common(NAMED):
            lesson.metrics[f"“{' '.join(map(read, gram))}”"] = count
    curves.set(xscale="log", yscale="log", xlabel="rank", ylabel="times that it occurs")
    curves.grid(alpha=0.3)
    curves.legend()
    _list(lists, {name: [(" ".join(map(read, g)), c) for g, c in of.most_common(LISTED)] for name, of in grams.items()})
    told = ", ".join(f"−{exponents[name]:.2f} for {name}" for name in NAMES)
    figure.suptitle(
        f"In {len(words):,} words of {lesson.config.data.name} the frequency falls as a power of the rank: {told} "
        f"(ranks {ranks[0]:,} to {ranks[1]:,})",
        parse_math=False,
    )
    return figure


def _words(lesson: Lesson) -> tuple[list[int], Callable[[int], str]]:
    """The tokens of the lesson's training text, and what tells their names.

    Raises:
        UserError: its data are no text.
    """
    data = lesson.data()
    tokenizer = getattr(data.fitted, "tokenizer", None)
    if tokenizer is None or not hasattr(data.train, "tokens"):
        raise UserError(f"data={lesson.config.data.name}: is no text; use data=time_machine, or data=python_docs")
    return data.train.tokens.tolist(), lambda number: tokenizer.decode([number])


def _fitted(frequencies: np.ndarray, first: int, last: int) -> tuple[float, float]:
    """α and log C of C · r^−α."""
    ranks = np.unique(np.geomspace(first, last, POINTS).round().astype(int))
    slope, constant = np.polyfit(np.log(ranks), np.log(frequencies[ranks - 1]), 1)
    return -float(slope), float(constant)


def _draw(
    axes: "Axes", name: str, frequencies: np.ndarray, exponent: float, constant: float, ranks: list[int], color: str
) -> None:
    axes.plot(np.arange(1, len(frequencies) + 1), frequencies, ".", ms=3, color=color, zorder=exponent)
    ends = np.array(ranks)
    label = f"{name}: {len(frequencies):,} different, α = {exponent:.2f}"
    axes.plot(ends, math.exp(constant) * ends**-exponent, color=color, label=label)


def _list(axes: "Axes", most: dict[str, list[tuple[str, int]]]) -> None:
    axes.set_axis_off()
    for column, (name, rows) in enumerate(most.items()):
        left = (0, 0.26, 0.6)[column]
        axes.text(left, 0.97, f"the most frequent\n{name}", transform=axes.transAxes, weight="bold")
        for row, (text, count) in enumerate(rows, 1):
            line = f"{count:,}  {text}"
            axes.text(left, 0.99 - 0.08 * row, line, transform=axes.transAxes, parse_math=False)
