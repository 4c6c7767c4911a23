"""A hidden state that is carried from window to window, against a fresh one for each."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dl_runner.data.dataset import Data
from dl_runner.running.lesson import Lesson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARMS = {"fresh state": "random", "carried state": "sequential"}
COLORS = dict(zip(ARMS, ("tab:red", "tab:blue"), strict=True))


def carried_state(lesson: Lesson) -> "Figure":
    """One model begins each window of the text with an empty state, the other with the state after the window before.

    Gradients stay within a window for both: the state is detached (truncated back-propagation through time). What
    differs is what the first tokens of a window are predicted from.

    Returns:
        The validation loss while they learn, and at the end the loss of each place of the validation text's windows.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13.4, 5.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    ends, firsts = {}, {}
    for name, sampling in ARMS.items():
        arm = lesson.train(name, {"data.sampling": sampling})
        places = losses_by_place(arm.model, lesson.data(arm.config), carried=sampling == "sequential")
        ends[name], firsts[name] = arm.metrics["validation/loss"], places[0].item()
        lesson.metrics |= {f"{name}: loss at the first place": firsts[name]}
        left.plot(*arm.curve("validation/loss", "step"), "o-", color=COLORS[name], label=f"{name}: {ends[name]:.3f}")
        label = f"{name}: {firsts[name]:.2f} at the first place, {places[-1]:.2f} at the last"
        right.plot(range(1, len(places) + 1), places, "o-", color=COLORS[name], label=label)
    fresh, carried = ends.values()
    left.set(title=f"Validation loss: {fresh:.3f} fresh, {carried:.3f} carried", xlabel="steps")
    fresh, carried = firsts.values()
    right.set_title(f"A window's first token: {fresh:.2f} without a state, {carried:.2f} with one")
    right.set(xlabel=f"place in a window of {len(places)} tokens")
    for axes in (left, right):
        axes.set_ylabel("loss on the validation text, nats per token")
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


@torch.no_grad()
def losses_by_place(model: nn.Module, data: Data, carried: bool) -> Tensor:
    """The mean loss at each place of the full windows of the validation text, one after the other: (length,)."""
    steps = data.spec.inputs.length
    inputs, targets = data.validation.take(torch.arange(0, len(data.validation) - steps, steps))
    if not carried:
        return F.cross_entropy(model(inputs)[0].transpose(1, 2), targets, reduction="none").mean(0)
    logits, _ = model(inputs.reshape(1, -1))  # one row, read through
    return F.cross_entropy(logits[0], targets.flatten(), reduction="none").view_as(targets).mean(0)
