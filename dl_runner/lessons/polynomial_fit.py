"""Under- and overfitting: polynomials of several degrees fitted to a noisy cubic."""

from typing import TYPE_CHECKING

import torch

from dl_runner.config.types import PositiveInt
from dl_runner.data.dataset import Data
from dl_runner.running.lesson import Arm, Lesson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {"train": "C0", "test": "C1"}


def polynomial_fit(
    lesson: Lesson, *, degrees: list[PositiveInt] = (1, 3, 20), few: PositiveInt = 8, most_degree: PositiveInt = 20
) -> "Figure":
    """A degree too low cannot follow the data, the right one can, a high one with few examples follows the noise.

    Args:
        degrees: of the polynomials fitted to all examples.
        few: the examples of one more arm, of the highest degree.
        most_degree: its degree.

    Returns:
        Above, the fitted curves over the examples; below, training and test loss over the epochs.
    """
    from matplotlib.figure import Figure

    arms = [lesson.train(f"degree {degree}", {"model.degree": degree}) for degree in degrees]
    arms.append(
        lesson.train(f"degree {most_degree}, {few} examples", {"model.degree": most_degree, "data.examples": few})
    )
    figure = Figure(figsize=(4 * len(arms), 8), layout="constrained")
    figure.suptitle(
        "Too low a degree fails on both sets; too high a one is good on the training set alone, the more so the fewer "
        "examples it has"
    )
    for arm, (above, below) in zip(arms, figure.subplots(2, len(arms), sharey="row", squeeze=False).T, strict=True):
        _draw_fit(above, arm, lesson.data(arm.config))
        for split, color in COLORS.items():
            loss = arm.metrics[f"{split}/loss"]
            below.semilogy(*arm.curve(f"{split}/loss"), color=color, label=f"{split}: {loss:.2g} at the end")
        below.set(xlabel="epoch", ylabel="loss (½ squared error)")
        below.grid(alpha=0.3)
        below.legend()
    return figure


def _draw_fit(axes: "Axes", arm: Arm, data: Data) -> None:
    """The examples and, over their range, the polynomial."""
    everything = torch.cat([data.train.inputs, data.test.inputs])
    grid = torch.linspace(float(everything.min()), float(everything.max()), 200)[:, None]
    with torch.no_grad():
        axes.plot(grid, arm.model(grid), color="black", label="fitted", zorder=3)
    axes.scatter(data.test.inputs, data.test.targets, s=14, color=COLORS["test"], alpha=0.5, label="test")
    axes.scatter(data.train.inputs, data.train.targets, s=22, color=COLORS["train"], label="train")
    low, high = float(data.test.targets.min()), float(data.test.targets.max())
    margin = (high - low) / 8  # a bad fit may leave the picture
    axes.set(title=arm.name, xlabel="x", ylabel="y", ylim=(low - margin, high + margin))
    axes.legend(loc="lower right")
