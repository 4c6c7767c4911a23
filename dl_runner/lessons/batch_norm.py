"""Batch normalization and the learning rate: with it, LeNet learns at rates that break the plain one."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dl_runner.config.types import Positive
from dl_runner.running.lesson import Arm, Lesson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACCURACY = "validation/accuracy"
MODELS = {"lenet": "LeNet", "bn_lenet": "LeNet with batch normalization"}


def batch_norm(lesson: Lesson, *, rates: list[Positive] = (0.01, 0.05, 0.2, 0.5, 1.0, 3.0)) -> "Figure":
    """Normalized layers do not feel the scale of the weights before them, so that long steps do less harm.

    Args:
        rates: the learning rates, in ascending order, at which LeNet is trained without and with it.

    Returns:
        The accuracy against the rate, and the training loss over the epochs at each rate for both networks. A training
        whose loss became infinite or NaN is marked, and has no accuracy.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    arms = {name: [_arm(lesson, name, rate) for rate in rates] for name in MODELS}
    colors = colormaps["viridis"]([0.9 * i / max(1, len(rates) - 1) for i in range(len(rates))])

    figure = Figure(figsize=(16, 5.6), layout="constrained")
    against, *curves = figure.subplots(1, 3, width_ratios=[1.2, 1, 1])
    for i, (name, label) in enumerate(MODELS.items()):
        color, heights = f"C{i}", [arm.metrics.get(ACCURACY, math.nan) for arm in arms[name]]
        against.semilogx(rates, heights, "so"[i] + "-", color=color, label=label)
        lost = [rate for rate, arm in zip(rates, arms[name], strict=True) if arm.diverged]
        against.plot(lost, [0.03 * i] * len(lost), "x", color=color, markersize=12, markeredgewidth=2.5)
    against.plot([], [], "x", color="black", markersize=12, label="diverged")
    against.axhline(1 / lesson.data().spec.outputs, color="gray", linestyle=":", label="guessing")
    most = [_largest(rates, arms[name]) for name in MODELS]
    told = " and ".join(f"{label} {one}" for label, one in zip(MODELS.values(), most, strict=True))
    against.set(
        title=f"The largest rate that trains: {told}",
        xlabel="learning rate",
        ylabel="validation accuracy",
        ylim=(-0.05, 1),
    )
    against.legend(loc="center left")
    for axes, (name, label) in zip(curves, MODELS.items(), strict=True):
        for rate, arm, color in zip(rates, arms[name], colors, strict=True):
            outcome = "diverged" if arm.diverged else f"{arm.metrics[ACCURACY]:.0%}"
            axes.plot(
                *arm.curve("train/loss"), "x-" if arm.diverged else ".-", color=color, label=f"{rate:g}: {outcome}"
            )
        axes.set(title=label, xlabel="epoch", ylabel="training loss", ylim=(0, 3.4))
        axes.legend(title="learning rate: accuracy", ncols=3, loc="upper center")
    for axes in (against, *curves):
        axes.grid(alpha=0.3)
    return figure


def _largest(rates: Sequence[float], arms: Sequence[Arm]) -> str:
    """The largest learning rate with which a training comes to half of the best accuracy or more, as a text."""
    heights = [0.0 if arm.diverged else arm.metrics[ACCURACY] for arm in arms]
    good = [rate for rate, height in zip(rates, heights, strict=True) if height >= max(heights) / 2 > 0]
    return f"{max(good):g}" if good else "none"


def _arm(lesson: Lesson, model: str, rate: float) -> Arm:
    changes = {"model": {"name": model}, "optimizer.lr": rate}
    return lesson.train(f"{model}, lr {rate:g}", changes, may_diverge=True)
