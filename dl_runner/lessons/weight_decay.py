"""Weight decay: the L2 penalty λ/2·‖w‖² on linear regression with more inputs than examples."""

from typing import TYPE_CHECKING

import numpy as np

from dl_runner.config.types import NonNegative
from dl_runner.running.lesson import Lesson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NORM = "train/weight_norm"


def weight_decay(lesson: Lesson, *, penalties: list[NonNegative] = (0.0, 0.3, 1.0, 3.0, 10.0)) -> "Figure":
    """With 200 inputs and 20 examples the training data leave most directions of w as they started; λ shrinks them.

    Args:
        penalties: the λ, in ascending order; the bias is not penalized.

    Returns:
        Above, train and test loss over the epochs, and at the end against λ; below, the same for ‖w‖₂.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    arms = [lesson.train(f"λ = {penalty:g}", {"regularization.l2": penalty}) for penalty in penalties]
    colors = colormaps["viridis"](np.linspace(0, 0.9, len(arms)))
    options = lesson.config.data.arguments
    true_norm = np.linalg.norm(np.resize(options["weight"], options["features"] or len(options["weight"])))

    figure = Figure(figsize=(13.4, 8.4), layout="constrained")
    (losses, final_losses), (norms, final_norms) = figure.subplots(2, 2, width_ratios=[3, 2])
    for arm, color in zip(arms, colors, strict=True):
        losses.semilogy(*arm.curve("test/loss"), color=color, label=arm.name)
        losses.semilogy(*arm.curve("train/loss"), color=color, linestyle="--", linewidth=1)
        norms.semilogy(*arm.curve(NORM), color=color)
    losses.plot([], [], color="black", label="solid: test")
    losses.plot([], [], color="black", linestyle="--", linewidth=1, label="dashed: train")
    places = range(len(arms))
    for split, style in (("test", "o-"), ("train", "s--")):
        values = [arm.metrics[f"{split}/loss"] for arm in arms]
        final_losses.semilogy(places, values, style, color="tab:red" if split == "test" else "tab:gray", label=split)
    final_norms.semilogy(places, [arm.metrics[NORM] for arm in arms], "o-", color="tab:blue", label="learned")
    for axes in (norms, final_norms):
        axes.axhline(true_norm, color="black", linestyle=":", label=f"of the true w: {true_norm:.3g}")
    losses.set(
        title=f"Test loss {arms[0].metrics['test/loss']:.3g} at λ = {penalties[0]:g}, "
        f"{arms[-1].metrics['test/loss']:.3g} at λ = {penalties[-1]:g}",
        xlabel="epoch",
        ylabel="loss (½ squared error)",
    )
    norms.set(title="Size of the weights", xlabel="epoch", ylabel="‖w‖₂")
    final_losses.set(title="Loss after training", ylabel="loss (½ squared error)")
    final_norms.set(title="Size of the weights after training", ylabel="‖w‖₂")
    for axes in (final_losses, final_norms):
        axes.set_xticks(places, [f"{penalty:g}" for penalty in penalties])
        axes.set_xlabel("penalty λ")
    for axes in (losses, final_losses, norms, final_norms):
        axes.grid(alpha=0.3)
        axes.legend()
    return figure
