"""Exploding gradients of a recurrent network, and what clipping their norm does: g ← min(1, θ/‖g‖) · g."""

import math
from typing import TYPE_CHECKING

from dl_runner.config.types import Positive
from dl_runner.running.lesson import Lesson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WITHOUT = "without clipping"


def gradient_clipping(lesson: Lesson, *, threshold: Positive = 1.0) -> "Figure":
    """A plain RNN learns a text twice from the same weights; once no gradient is longer than the threshold.

    Back through time a gradient is multiplied by the same matrix at every token. Where that makes it grow, a batch now
    and then has a gradient many times the usual one, and one step along it undoes what was learnt (Pascanu et al.,
    2013).

    Args:
        threshold: θ, the largest norm of a gradient that is followed.

    Returns:
        The norm of the gradient before clipping at every step, and the validation loss.
    """
    from matplotlib.figure import Figure

    clipped = f"clipped at {threshold:g}"
    arms = {
        WITHOUT: lesson.train(WITHOUT, {"trainer.clip_norm": None}, may_diverge=True),
        clipped: lesson.train(clipped, {"trainer.clip_norm": threshold}),
    }
    figure = Figure(figsize=(13.4, 5.4), layout="constrained")
    norms, losses = figure.subplots(1, 2)
    ends = {}
    for (name, arm), color in zip(arms.items(), ("tab:red", "tab:blue"), strict=True):
        steps, sizes = arm.curve("train/gradient_norm", "step")
        largest = max(filter(math.isfinite, sizes), default=math.inf)
        lesson.metrics[f"{name}: largest gradient norm"] = largest
        norms.plot(steps, sizes, color=color, linewidth=0.9, label=f"{name}: at most {largest:.3g}")
        steps, values = arm.curve("validation/loss", "step")
        ends[name] = "no number" if arm.diverged else f"{values[-1]:.2f}"
        losses.plot(steps, values, color=color, linewidth=0.9, label=name)
    norms.axhline(threshold, color="gray", linestyle=":", label=f"the threshold θ = {threshold:g}")
    norms.set(title="The gradient of a batch, before clipping", xlabel="step", ylabel="norm ‖g‖", yscale="log")
    losses.set(xlabel="step", ylabel="validation loss, nats per token")
    losses.set_title(f"Validation loss at the end: {ends[WITHOUT]} without clipping, {ends[clipped]} with it")
    for axes in (norms, losses):
        axes.grid(alpha=0.3)
        axes.legend(loc="upper right")
    return figure
