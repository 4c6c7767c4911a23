"""Symmetry: hidden units that start as copies of each other stay copies, whatever they are trained on."""

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

from dl_runner.config.types import PositiveInt
from dl_runner.report.tiles import tile
from dl_runner.running.lesson import Arm, Lesson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SPREAD = "spread"
ALONE = "a single unit"


def spread(model: nn.Module) -> dict[str, float]:
    """How far the hidden units of the first layer are from being one: ‖W − W̄‖ / ‖W‖, 0 for copies, at most 1.

    W (units, inputs) are the weights, W̄ their mean over the units.
    """
    weight = _weight(model).double()  # so that the mean of copies is their value to the bit
    return {SPREAD: (torch.linalg.norm(weight - weight.mean(0)) / torch.linalg.norm(weight)).item()}


def symmetry(
    lesson: Lesson, *, inits: list[str] = ("constant", "normal", "xavier_uniform"), shown: PositiveInt = 16
) -> "Figure":
    """Copies compute the same, so they get the same gradient and take the same step: only chance can part them.

    Args:
        inits: initializers by name, with their own defaults; the last one also starts a network of one hidden unit,
            which is all that a layer of copies amounts to.
        shown: hidden units whose weights are drawn.

    Returns:
        Above, the weights of some hidden units after training; below, their spread and the accuracy over training.
    """
    from matplotlib.figure import Figure

    arms = [lesson.train(name, {"init": {"name": name}}, spread) for name in inits]
    alone = lesson.train(ALONE, {"init": {"name": inits[-1]}, "model.hidden": [1]})
    units = len(_weight(arms[0].model))

    figure = Figure(figsize=(13.4, 8.4), layout="constrained")
    above, below = figure.subfigures(2)
    above.suptitle(f"{shown} of the {units} hidden units after training: the weight of each pixel (blue > 0, red < 0)")
    for arm, axes in zip(arms, above.subplots(1, len(arms), squeeze=False).flat, strict=True):
        _draw_units(axes, arm, lesson.data(arm.config).spec.input_shape[-2:], shown)
    left, right = below.subplots(1, 2)
    for arm in arms:
        left.plot(*arm.curve(f"train/{SPREAD}", "step"), label=f"{arm.name}: {arm.metrics[f'train/{SPREAD}']:.3g}")
    for arm in (*arms, alone):
        accuracy = arm.metrics["validation/accuracy"]
        style = {"color": "black", "linestyle": ":"} if arm is alone else {}
        right.plot(*arm.curve("validation/accuracy"), label=f"{arm.name}: {accuracy:.0%}", **style)
    ends = {arm.name: arm.metrics[f"train/{SPREAD}"] for arm in arms}
    told = ", ".join(f"{name} {value:.2g}" for name, value in ends.items())
    left.set(title=f"Spread of the units at the end: {told}", xlabel="step", ylabel="spread, ‖W − W̄‖ / ‖W‖")
    know = [f"{arm.name} {arm.metrics['validation/accuracy']:.0%}" for arm in (*arms, alone)]
    right.set(title=f"What {units} units know: {', '.join(know)}", xlabel="epoch", ylabel="validation accuracy")
    for axes in (left, right):
        axes.set_ylim(-0.03, 1.03)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def _weight(model: nn.Module) -> torch.Tensor:
    return next(layer for layer in model.modules() if isinstance(layer, nn.Linear)).weight.detach()


def _draw_units(axes: "Axes", arm: Arm, size: tuple[int, int], shown: int) -> None:
    """Units in a square, each as a picture of its weights, all on one scale."""
    weight = _weight(arm.model)[:shown].unflatten(1, (-1, *size)).mean(1)  # (units, height, width)
    limit = weight.abs().max()
    axes.imshow(tile(weight, math.isqrt(len(weight))), cmap="RdBu", vmin=-limit, vmax=limit)
    axes.set(title=f"init={arm.name}", xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
