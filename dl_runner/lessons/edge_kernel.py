"""A convolution finds the kernel of an edge detector by itself, from one picture and the map of its edges."""

from typing import TYPE_CHECKING

import torch

from dl_runner.data.preparation import to_input
from dl_runner.running.lesson import Lesson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor, nn

TRUE = (1.0, -1.0)


def entries(model: "nn.Module") -> dict[str, float]:
    """The kernel's numbers, row by row: kernel_0, kernel_1, …"""
    (kernel,) = model.parameters()
    return {f"kernel_{i}": number.item() for i, number in enumerate(kernel.flatten())}


def edge_kernel(lesson: Lesson) -> "Figure":
    """Gradient descent on the squared error between the output and the edge map leads to the kernel [1, −1].

    Returns:
        Above, picture, edge map and what the learned kernel makes of the picture; below, kernel and error over the
        steps.
    """
    from matplotlib.figure import Figure

    arm = lesson.train("edge kernel", watch=entries)
    data, start = lesson.data(arm.config), entries(lesson.initial(arm.config))
    with torch.no_grad():
        learned = arm.model(to_input(data.train.inputs, data.spec))
    height, width = data.spec.input_shape[1:]

    figure = Figure(figsize=(13.4, 8), layout="constrained")
    above, below = figure.subfigures(2, height_ratios=[1.1, 1])
    left, middle, right = above.subplots(1, 3, width_ratios=[width, width - 1, width - 1])
    picture, edges = data.train.inputs.view(height, width) / 255, data.train.targets.view(height, width - 1)
    _draw(left, picture, "The picture: 1 white, 0 black", "gray")
    _draw(middle, edges, "Its vertical edges: the target", "RdBu")
    _draw(right, learned.view(height, width - 1), "What the learned kernel makes of the picture", "RdBu")

    kernels, errors = below.subplots(1, 2)
    for i, (name, true) in enumerate(zip(start, TRUE, strict=True)):
        steps, values = arm.curve(f"train/{name}", "step")
        label = f"{'left' if i == 0 else 'right'} number: {start[name]:.2f} → {values[-1]:.3f}".replace("-", "−")
        kernels.plot([0, *steps], [start[name], *values], "o-", color=f"C{i}", label=label)
        kernels.axhline(true, color=f"C{i}", linestyle=":")
    kernels.set(title="The kernel on its way to [1, −1]", xlabel="steps done", ylabel="value")
    for split, label, color in (("train", "this picture", "black"), ("test", "a picture of random pixels", "tab:gray")):
        steps, means = arm.curve(f"{split}/loss", "step")
        totals = [mean * data.spec.outputs for mean in means]
        if split == "train":  # measured before each step
            steps, totals = [0, *steps], [*totals, (learned - data.train.targets).square().sum().item()]
        errors.semilogy(steps, totals, "o-", color=color, label=f"{label}: {totals[-1]:.2g}")
    errors.set(title="The error that falls meanwhile", xlabel="steps done", ylabel="squared error, summed over the map")
    for axes in (kernels, errors):
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def _draw(axes: "Axes", values: "Tensor", title: str, colors: str) -> None:
    """A map of numbers, 0 … 1 in grey or around 0 in red and blue, with the numbers in it."""
    grey = colors == "gray"
    axes.imshow(values, cmap=colors, vmin=0 if grey else -1.6, vmax=1 if grey else 1.6)
    for row, line in enumerate(values.tolist()):
        for column, value in enumerate(line):
            ink = "white" if grey and value < 0.5 else "black"
            number = round(value, 2) + 0.0  # no −0
            axes.text(column, row, f"{number:g}".replace("-", "−"), color=ink, ha="center", va="center", fontsize=11)
    axes.set(title=title, xticks=[], yticks=[])
