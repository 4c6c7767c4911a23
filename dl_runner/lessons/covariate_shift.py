"""Covariate shift: a classifier that tells training from test inputs gives the weights that correct for it."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from dl_runner.config.types import PositiveInt
from dl_runner.data.dataset import Data
from dl_runner.datasets.shifted_points import TEST, TRAINING, true_log_ratio
from dl_runner.running.lesson import Arm, Lesson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {"as they are": "tab:red", "weighted by the classifier": "tab:blue", "weighted by the true ratio": "tab:green"}
SHOWN = 300  # points


def covariate_shift(lesson: Lesson, *, classifier_epochs: PositiveInt = 60) -> "Figure":
    """A straight line is fitted to points of a curve. The best line where the training points are is not the best one
    where the test points are. Drawn by the ratio of the two densities, the training points give the latter.

    A classifier of the two kinds of inputs says that x is of the test with odds exp h(x): with as many of each kind,
    that is the ratio of the densities. It needs no target of a test point.

    Args:
        classifier_epochs: length of its training.

    Returns:
        The two densities with the classifier's probability, the ratio that follows, and the lines with their test loss.
    """
    from matplotlib.figure import Figure

    changes = {
        "data.targets": "origin",
        "model": {"name": "polynomial", "degree": 2},
        "trainer.epochs": classifier_epochs,
    }
    classifier = lesson.train("classifier of the origin", changes)
    ratio = _log_ratio(classifier)
    ratios = dict(zip(COLORS, ([], ratio, list(true_log_ratio())), strict=True))
    arms = [lesson.train(name, {"data.log_ratio": values}) for name, values in ratios.items()]
    figure = Figure(figsize=(16, 5.6), layout="constrained")
    densities, weights, lines = figure.subplots(1, 3)
    data, grid = lesson.data(), np.linspace(-1.2, 2.2, 300)
    _draw_densities(densities, data, grid, ratio)
    weights.semilogy(grid, np.exp(_values(true_log_ratio(), grid)), "k--", label="true ratio of the densities")
    weights.semilogy(grid, np.exp(_values(ratio, grid)), color="tab:blue", label="exp h(x) of the classifier")
    accuracy = classifier.metrics["test/accuracy"]
    weights.set(title="Weights of the training points", xlabel="x", ylabel="p(test) / p(training)", ylim=(1e-4, 30))
    densities.set_title(f"Inputs; the classifier is right on {accuracy:.0%} of new ones")
    _draw_lines(lines, arms, data, grid)
    losses = [arm.metrics["test/loss"] for arm in arms]
    lesson.metrics["loss corrected, share"] = (losses[0] - losses[1]) / (losses[0] - losses[2])
    lines.set_title(f"Test loss {losses[0]:.3f}, with the classifier's weights {losses[1]:.3f}")
    for axes in (densities, weights, lines):
        axes.grid(alpha=0.3)
    for axes, place in ((densities, "upper right"), (weights, "lower left"), (lines, "upper left")):
        axes.legend(loc=place)
    return figure


def _log_ratio(classifier: Arm) -> list[float]:
    """The coefficients of h(x), a parabola."""
    x = torch.tensor([[-1.0], [0.0], [1.0]])
    with torch.no_grad():
        logits = classifier.model(x).double()
    values = (logits[:, 1] - logits[:, 0]).numpy()
    return [float(one) for one in np.polynomial.polynomial.polyfit(x[:, 0].numpy(), values, 2)]


def _values(coefficients: list[float] | tuple[float, ...], x: np.ndarray) -> np.ndarray:
    return np.polynomial.polynomial.polyval(x, coefficients)


def _draw_densities(axes: "Axes", data: Data, grid: np.ndarray, ratio: list[float]) -> None:
    for split, (mean, std), color in ((data.train, TRAINING, "tab:gray"), (data.test, TEST, "tab:orange")):
        name = "training" if split is data.train else "test"
        axes.hist(split.inputs[:, 0].numpy(), 40, density=True, color=color, alpha=0.5, label=name)
        density = np.exp(-((grid - mean) ** 2) / (2 * std**2)) / (std * np.sqrt(2 * np.pi))
        axes.plot(grid, density, color=color)
    axes.plot(grid, 1 / (1 + np.exp(-_values(ratio, grid))), color="tab:blue", label="classifier: p(test | x)")
    axes.set(xlabel="x", ylabel="density, probability")


def _draw_lines(axes: "Axes", arms: list[Arm], data: Data, grid: np.ndarray) -> None:
    for split, color, label in ((data.train, "tab:gray", "training"), (data.test, "tab:orange", "test")):
        points = split.inputs[:SHOWN, 0].numpy(), split.targets[:SHOWN, 0].numpy()
        axes.scatter(*points, s=8, color=color, alpha=0.4, label=label)
    axes.plot(grid, grid**3 - grid, color="black", linewidth=1, label="−x + x³")
    for arm in arms:
        with torch.no_grad():
            fitted = arm.model(torch.from_numpy(grid).float()[:, None])[:, 0]
        style = {"linestyle": "--", "zorder": 4} if "true" in arm.name else {"zorder": 3}
        axes.plot(grid, fitted, color=COLORS[arm.name], linewidth=2, label=arm.name, **style)
    axes.set(xlabel="x", ylabel="y", ylim=(-1.6, 2.2))
