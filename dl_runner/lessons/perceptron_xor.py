"""What one line can and cannot separate: the perceptron on separable points and on XOR, and two layers on XOR."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from dl_runner.config.types import OpenFraction, Positive, PositiveInt
from dl_runner.running.lesson import Arm, Lesson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES = (("tab:blue", "o"), ("tab:orange", "^"))
LINE_ON_XOR = 0.75  # a line has at most three of the four clouds on their right sides


def perceptron_xor(
    lesson: Lesson,
    *,
    margin: OpenFraction = 0.1,
    radius: Positive = 2.0,
    hidden: PositiveInt = 8,
    rate: Positive = 0.5,
) -> "Figure":
    """The perceptron comes to an end of its mistakes where a line separates the classes, never on XOR; an MLP does.

    From zero weights, at learning rate 1, on single examples: w += yx, b += y at each mistake.

    Args:
        margin, radius: of the separable points.
        hidden: tanh units of the two-layer MLP.
        rate: its learning rate; cross-entropy is its loss, Xavier its initialization.

    Returns:
        Above, data and decision regions of the three; below, the perceptron's updates, and the accuracies.
    """
    from matplotlib.figure import Figure

    data = {key: value for key, value in lesson.config.plain["data"].items() if key != "noise"}
    separable = lesson.train(
        "perceptron, separable points",
        {"data": data | {"name": "separable_points", "margin": margin, "radius": radius}},
    )
    xor = lesson.train("perceptron, XOR")
    layers = lesson.train(
        "two-layer MLP, XOR",
        {
            "model": {"name": "mlp", "hidden": [hidden], "activation": "tanh"},
            "loss.name": "cross_entropy",
            "init": {"name": "xavier_uniform"},
            "optimizer.lr": rate,
        },
    )
    figure = Figure(figsize=(13.4, 8.6), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[5, 4])
    for axes, arm in zip(above.subplots(1, 3), (separable, xor, layers), strict=True):
        _regions(axes, lesson, arm)
    updates, accuracies = below.subplots(1, 2)
    for arm, color, style in ((separable, "tab:green", "s-"), (xor, "tab:red", "o-"), (layers, "tab:purple", "x:")):
        accuracies.plot(*arm.curve("test/accuracy"), style, color=color, label=arm.name)
        if arm is not layers:
            steps, norms = arm.curve("train/gradient_norm", "step")  # zero where the example was right
            lesson.metrics[f"{arm.name}: updates"] = float(np.count_nonzero(norms))
            updates.plot(steps, np.cumsum(np.array(norms) > 0), color=color, label=arm.name)
    most = (radius**2 + 1) / (margin * radius) ** 2
    updates.axhline(most, color="tab:green", linestyle=":", label=f"most it can need: (r² + 1) / ρ² = {most:.0f}")
    updates.set(title="Updates of the perceptron, one at each mistake", xlabel="examples seen", ylabel="updates so far")
    accuracies.axhline(LINE_ON_XOR, color="black", linestyle=":", label="a line on XOR: 3 of 4 clouds at best")
    accuracies.set(title="Test accuracy", xlabel="epoch", ylabel="accuracy", ylim=(0, 1.05))
    for axes in (updates, accuracies):
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def _regions(axes: "Axes", lesson: Lesson, arm: Arm) -> None:
    """The training points, and which class the model answers where."""
    data = lesson.data(arm.config)
    points, labels = data.train.inputs, data.train.targets
    side = 1.05 * points.abs().max().item()
    line = torch.linspace(-side, side, 300)
    grid = torch.cartesian_prod(line, line)
    with torch.no_grad():
        logits = arm.model(grid)
    score = (logits[:, 1] - logits[:, 0]).reshape(300, 300).T  # class 1 where it is positive
    axes.contourf(line, line, score > 0, levels=[-0.5, 0.5, 1.5], colors=[color for color, _ in STYLES], alpha=0.25)
    if score.min() < 0 < score.max():
        axes.contour(line, line, score, levels=[0], colors="black")
    else:
        axes.text(0, 0, "the line lies outside", ha="center")
    for label, (color, marker) in enumerate(STYLES):
        name = f"class {label}: {data.spec.classes[label]}"
        axes.scatter(*points[labels == label].T, s=24, color=color, marker=marker, edgecolor="white", label=name)
    axes.set(title=f"{arm.name}: test accuracy {arm.metrics['test/accuracy']:.0%}", xlabel="x₁", ylabel="x₂")
    axes.set_aspect("equal")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, fontsize=9)
