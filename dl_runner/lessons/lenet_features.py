"""What LeNet learns to see: the kernels of its first layer, and the feature maps of both convolutions."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dl_runner.data.preparation import to_input
from dl_runner.errors import UserError
from dl_runner.report.tiles import tile
from dl_runner.running.lesson import Lesson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def lenet_features(lesson: Lesson, *, shown: list[int] = (0, 1, 8, 9)) -> "Figure":
    """Random kernels become detectors of edges and spots; the second layer combines what they find.

    Args:
        shown: classes, one test image of each, by number.

    Returns:
        Above, the first layer's kernels before and after training; below, images and what each kernel, and the second
        layer, makes of them.

    Raises:
        UserError: a class without test images.
    """
    from matplotlib.figure import Figure

    data = lesson.data()
    if absent := set(shown) - set(data.test.targets.tolist()):
        raise UserError(f"lesson.shown={list(shown)}: there is no test image of class {min(absent)}; choose others")
    arm, initial = lesson.train("lenet"), lesson.initial()
    images = data.test.inputs[[int((data.test.targets == label).nonzero()[0]) for label in shown]]
    first, second, logits = features(arm.model, to_input(images, data.spec))
    chances, guesses = logits.softmax(1).max(1)

    figure = Figure(figsize=(13.4, 3.6 + 1.35 * len(shown)), layout="constrained")
    accuracy = arm.metrics["test/accuracy"]
    figure.suptitle(f"What LeNet sees: {arm.config.data.name}, test accuracy {accuracy:.1%}")
    grid = figure.subplots(2 + len(shown), 3, width_ratios=[1, 6, 4])
    kernels = [_kernels(model) for model in (initial, arm.model)]
    limit = torch.stack(kernels).abs().max()
    for row, kernel, when in zip(grid, kernels, ("before", "after"), strict=False):
        _draw(row[0], torch.full((1, 1), torch.nan))
        row[0].text(0, 0, f"{when}\ntraining", ha="center", va="center")
        _draw(row[1], tile(kernel, len(kernel)), cmap="RdBu", vmin=-limit, vmax=limit)
        row[2].set_axis_off()
    for row, image, maps, deep in zip(grid[2:], images, first, second, strict=True):
        _draw(row[0], image.permute(1, 2, 0), cmap="gray")
        _draw(row[1], tile(maps, len(maps)), cmap="magma")
        _draw(row[2], tile(deep, -(-len(deep) // 2)), cmap="magma")
    for row, label, guess, chance in zip(grid[2:], shown, guesses, chances, strict=True):
        row[0].set_ylabel(data.spec.classes[label])
        row[0].set_xlabel(f"→ {data.spec.classes[guess]}, {chance:.0%}", fontsize=8)
    grid[0, 1].set_title(f"The {len(kernels[0])} kernels of the first layer (blue > 0, red < 0)")
    grid[2, 1].set_title("Its feature maps: where each kernel finds what it looks for (bright)")
    grid[2, 2].set_title(f"The {second.shape[1]} maps of the second layer, made of those")
    return figure


@torch.no_grad()
def features(model: nn.Sequential, inputs: Tensor) -> tuple[Tensor, ...]:
    """The outputs of each convolution after its activation, (batch, channels, h, w), and the model's own at last."""
    found, after = [], nn.Identity()
    for layer in model:
        inputs = layer(inputs)
        if isinstance(after, nn.Conv2d):
            found.append(inputs)
        after = layer
    return *found, inputs


def _kernels(model: nn.Module) -> Tensor:
    """(kernels, height, width) of the first convolution, the mean over its input channels."""
    return next(layer for layer in model.modules() if isinstance(layer, nn.Conv2d)).weight.detach().mean(1)


def _draw(axes: "Axes", picture: Tensor, **colors: Any) -> None:
    axes.imshow(picture, **colors)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
