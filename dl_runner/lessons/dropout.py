"""Dropout: the gap between training and test of a network that can learn its few examples by heart."""

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING

from torch import nn

from dl_runner.build.builders import check_builders
from dl_runner.build.data import evaluation_loader
from dl_runner.build.experiment import build_task
from dl_runner.build.model import build_device, build_device_settings
from dl_runner.config.schema import Config
from dl_runner.config.types import Fraction
from dl_runner.running.launch import Watch
from dl_runner.running.lesson import Lesson
from dl_runner.training.evaluation import evaluate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = ("tab:red", "tab:blue", "tab:green", "tab:purple", "tab:brown")
TITLES = {
    "loss": "Loss: learning by heart lowers that of the training split and raises that of the test split",
    "accuracy": "Accuracy: the more dropout, the less is learned by heart",
}
FITTED = "train/{}_with_all_units"  # a run's own train/loss is measured at its steps, with units off


def dropout(lesson: Lesson, *, rates: list[Fraction] = (0.0, 0.5, 0.7)) -> "Figure":
    """Few examples, many weights: the network learns them by heart; with dropout, the gap to the test set is smaller.

    The test loss falls as well. The accuracies approach each other from the side of the training split: dropout need
    not raise the test accuracy.

    Args:
        rates: shares of the hidden units that are off at a step, one arm each.

    Returns:
        Loss and accuracy on both splits over the epochs, and at the end. The training split is measured as the test
        split is, with all units on.
    """
    from matplotlib.figure import Figure

    watch = with_all_units(lesson, lesson.config)
    names = {rate: f"dropout {rate:g}" if rate else "no dropout" for rate in rates}
    arms = [lesson.train(name, {"model.dropout": rate}, watch) for rate, name in names.items()]
    figure = Figure(figsize=(13.4, 8.4), layout="constrained")
    rows = figure.subplots(2, 2, width_ratios=[3, 2])
    for (curves, ends), (metric, title) in zip(rows, TITLES.items(), strict=True):
        fitted, tested = FITTED.format(metric), f"test/{metric}"
        for place, (arm, color) in enumerate(zip(arms, cycle(COLORS), strict=False)):
            curves.plot(*arm.curve(tested), color=color, linewidth=2, label=arm.name)
            curves.plot(*arm.curve(fitted), color=color, linestyle="--", linewidth=1.2)
            gap = _span(ends, place, color, arm.metrics[fitted], arm.metrics[tested])
            lesson.metrics[f"{arm.name}: {metric} gap"] = gap
        curves.plot([], [], color="black", linewidth=2, label="solid: test")
        curves.plot([], [], color="black", linestyle="--", linewidth=1.2, label="dashed: train, all units on")
        curves.set(title=title, xlabel="epoch", ylabel=metric)
        ends.set(title=f"{metric.capitalize()} at the end", ylabel=metric, xlim=(-0.5, len(arms) - 0.2))
        ends.set_xticks(range(len(arms)), [arm.name for arm in arms])
        for axes in (curves, ends):
            axes.grid(alpha=0.3)
    figure.legend(*rows[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(arms) + 2)
    return figure


def _span(axes: "Axes", place: int, color: str, fitted: float, tested: float) -> float:
    """Draw one metric of the two splits, joined, at a place along x; returns the gap between them."""
    gap = abs(tested - fitted)
    axes.plot([place, place], [fitted, tested], color=color, linewidth=6, alpha=0.4)
    for value, split in ((fitted, "train"), (tested, "test")):
        axes.plot(place, value, "o", color=color, markersize=9)
        axes.annotate(f"{split} {value:.3f}", (place, value), (10, 0), textcoords="offset points", va="center")
    axes.annotate(
        f"gap {gap:.2g}",
        (place, (fitted + tested) / 2),
        (10, 0),
        textcoords="offset points",
        va="center",
        weight="bold",
    )
    return gap


def with_all_units(lesson: Lesson, checked: Config) -> Watch:
    """Measures a model of a config on its training split in evaluation mode: train/NAME_with_all_units."""
    data = lesson.data(checked)
    task, device = build_task(checked, check_builders(checked), data.spec, data.fitted), build_device(checked)
    settings = build_device_settings(checked, data.spec, lesson.initial(checked), device)
    loader = evaluation_loader(checked, data, "train", settings)

    def watch(model: nn.Module) -> Mapping[str, float]:
        measured = evaluate(model, task, loader, settings.autocast, data.spec).read()
        return {FITTED.format(name).removeprefix("train/"): value for name, value in measured.items()}

    return watch
