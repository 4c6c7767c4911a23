"""Imputation: what a missing number is replaced by, and why it matters why it is missing."""

from typing import TYPE_CHECKING

import numpy as np

from dl_runner.running.lesson import Lesson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CHOICES = {
    "constant 0": {"data.impute": "constant"},
    "median": {"data.impute": "median"},
    "mean": {"data.impute": "mean"},
    "mean and\nindicator": {"data.impute": "mean", "data.indicator": True},
}
TITLES = {"chance": "Missing by chance", "large": "Missing because they are large"}


def imputation(lesson: Lesson, *, why: list[str] = ("chance", "large")) -> "Figure":
    """Linear regression on columns with holes. By chance, the mean is a fair guess and an indicator adds nothing. Where
    large values are missing, the mean of those that are there is far too small; an indicator learns by how much.

    Args:
        why: the values are missing, of `dl_runner.datasets.incomplete_rows`.

    Returns:
        For each reason, the test error of each choice beside that without holes.
    """
    from matplotlib.figure import Figure

    whole = lesson.train("nothing missing", {"data.share": 0.0}).metrics["test/rmse"]
    figure = Figure(figsize=(6.6 * len(why) + 1, 6), layout="constrained")
    panels = figure.subplots(1, len(why), squeeze=False, sharey=True)[0]
    highest = 0.0
    for reason, axes in zip(why, panels, strict=True):
        arms = [
            lesson.train(f"{reason}, {name}".replace("\n", " "), {"data.why": reason, **changes})
            for name, changes in CHOICES.items()
        ]
        errors = [arm.metrics["test/rmse"] for arm in arms]
        highest, gain = max(highest, *errors), 1 - errors[-1] / errors[-2]
        lesson.metrics[f"{reason}: indicator's gain"] = gain
        _draw(axes, errors, whole)
        verdict = "changes little" if abs(gain) < 0.02 else f"takes {gain:.0%} off the mean's error"
        axes.set_title(f"{TITLES.get(reason, reason)}: an indicator {verdict}")
    panels[0].set_ylabel("root mean squared error of new rows")
    panels[0].set_ylim(0, 1.2 * highest)
    return figure


def _draw(axes: "Axes", errors: list[float], whole: float) -> None:
    colors = ["tab:green" if error == min(errors) else "tab:gray" for error in errors]
    bars = axes.bar(np.arange(len(errors)), errors, color=colors, width=0.6)
    axes.bar_label(bars, fmt="%.3f", padding=3)
    axes.axhline(whole, color="black", linestyle=":", label=f"nothing missing: {whole:.3f}")
    axes.set_xticks(range(len(errors)), list(CHOICES))
    axes.grid(alpha=0.3, axis="y")
    axes.legend(loc="upper right")
