"""Exploding gradients of a recurrent network, and what clipping their norm does: g ← min(1, θ/‖g‖) · g."""

from typing import TYPE_CHECKING

from dl_runner.config.types import Positive
from dl_runner.run.lesson import Lesson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WITHOUT, WITH = "without clipping", "clipped at {:g}"


def gradient_clipping(lesson: Lesson, *, threshold: Positive = 1.0) -> "Figure":
    """A plain RNN learns a text twice from the same weights; once no gradient is longer than the threshold.

    Back through time a gradient is multiplied by the same matrix at every token. Where that makes it grow, a batch now
    and then has a gradient many times the usual one, and one step along it undoes what was learnt (Pascanu et al.,
    2013).

    Args:
        threshold: θ, the largest norm of a gradient that is followed.

    Returns:
        The norm of the gradient before clipping at every step, and the training loss.
    """
    from matplotlib.figure import Figure

    arms = {
        WITHOUT: lesson.train(WITHOUT, {"trainer.clip_norm": None}, may_diverge=True),
        WITH.format(threshold): lesson.train(WITH.format(threshold), {"trainer.clip_norm": threshold}),
    }
    figure = Figure(figsize=(13.4, 5.4), layout="constrained")
    norms, losses = figure.subplots(1, 2)
    ends = {}
    for (name, arm), color in zip(arms.items(), ("tab:red", "tab:blue"), strict=True):
        steps, sizes = arm.curve("train/gradient_norm", "step")
        lesson.metrics[f"{name}: largest gradient norm"] = max(sizes)
        norms.plot(steps, sizes, color=color, linewidth=0.9, label=f"{name}: at most {max(sizes):.3g}")
        steps, values = arm.curve("train/loss", "step")
        ends[name] = "diverged" if arm.diverged else f"{arm.metrics['validation/loss']:.2f}"
        losses.plot(steps, values, color=color, linewidth=0.9, label=f"{name}: {ends[name]} on the validation text")
    norms.axhline(threshold, color="gray", linestyle=":", label=f"the threshold θ = {threshold:g}")
    norms.set(title="The gradient of a batch, before clipping", xlabel="step", ylabel="norm ‖g‖", yscale="log")
    without, with_ = ends.values()
    losses.set(xlabel="step", ylabel="training loss, nats per token")
    losses.set_title(f"Validation loss at the end: {without} without clipping, {with_} with it")
    for axes in (norms, losses):
        axes.grid(alpha=0.3)
        axes.legend(loc="upper right")
    return figure
