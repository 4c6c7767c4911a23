"""Attention pooling: an answer is a mean of known values, and the weights are what there is to choose or learn."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from dl_runner.running.lesson import Lesson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POOLING = {
    "average": "Average: no kernel",
    "gaussian": "Gaussian kernel: near points count more",
    "learned": "Learned width",
}


def attention_pooling(lesson: Lesson) -> "Figure":
    """Three ways to answer from the same points: their mean, a fixed Gaussian kernel, and a kernel of learned width.

    The mean is the same for every query. The fixed kernel follows the curve smoothly. Learning makes the kernel
    narrower, since that lowers the training loss: its fit is bumpy, and its weights are sharper. The first two have
    nothing to train.

    Returns:
        Above, the fits over the points; below, the weights of every query (a row) on every point (a column).
    """
    from matplotlib.figure import Figure

    data = lesson.data()
    known, queries = data.train.inputs, data.test.inputs
    figure = Figure(figsize=(15, 9), layout="constrained")
    figure.suptitle("Attention pooling: the same points, three kinds of weights")
    fits, maps = figure.subplots(2, 3, sharey="row", height_ratios=[1, 1.25])
    for above, below, (pooling, title) in zip(fits, maps, POOLING.items(), strict=True):
        changes = {"model.pooling": pooling}
        model = lesson.train(pooling, changes).model if pooling == "learned" else lesson.initial(lesson.change(changes))
        answers, weights = answered(model, queries)
        error = (answers - data.test.targets).square().mean().item()
        lesson.metrics[f"{pooling}: mean squared error"] = error
        above.scatter(known["query"], data.train.targets, s=22, color="C1", alpha=0.6, label="points")
        above.plot(queries["query"], data.test.targets, color="gray", linestyle="--", label="the curve without noise")
        above.plot(queries["query"], answers, color="C0", linewidth=2.5, label=f"answers, squared error {error:.2f}")
        above.set(xlabel="x", title=title + _width(model))
        above.legend(loc="upper left")
        above.grid(alpha=0.3)
        image = below.imshow(weights, cmap="Reds", aspect="auto", vmin=0)
        below.set(xlabel="points, sorted (keys)")
        largest = weights.max().item()
        lesson.metrics[f"{pooling}: largest weight"] = largest
        below.set_title(f"weights, the largest is {largest:.2f}")
        figure.colorbar(image, ax=below, shrink=0.8)
    fits[0].set_ylabel("y")
    fits[0].set_ylim(top=1.5 * data.train.targets.max().item())  # room for the legends
    maps[0].set_ylabel("queries from left to right")
    return figure


@torch.no_grad()
def answered(model: nn.Module, queries: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The answers (queries, 1) and the weights (queries, points)."""
    weights = model.weights(queries["query"], queries["keys"], queries["seen"])
    return model(**queries), weights


def _width(model: nn.Module) -> str:
    return "" if model.w is None else f", σ = {1 / abs(model.w.item()):.2g}"
