"""What a translator reads while it learns: the true tokens, its own, or first these and then those."""

from typing import TYPE_CHECKING

from dl_runner.running.lesson import Lesson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLORS = ("tab:blue", "tab:green", "tab:orange", "tab:red")


def teacher_forcing(lesson: Lesson, *, falls: str = "400 steps") -> "Figure":
    """Translators that learn alike but for what their decoders read in training.

    With teacher forcing (Williams and Zipser, 1989) each place reads the true token before it, and the loss falls fast;
    but a decoder at work reads its own tokens, errors included. Half of them while it learns, or more and more of them
    (scheduled sampling; Bengio et al., 2015), prepare it for that.

    Args:
        falls: how long the share of true tokens falls from 1 to 0 in scheduled sampling.

    Returns:
        The validation loss with true tokens while they learn, and the share of sentences that each gets exactly right
        on its own.
    """
    from matplotlib.figure import Figure

    arms = {
        "true tokens": {"task.teacher_forcing": 1.0},
        "half of them": {"task.teacher_forcing": 0.5},
        "fewer and fewer": {"task.teacher_forcing": 0.0, "task.forcing_falls": falls},
        "its own tokens": {"task.teacher_forcing": 0.0},
    }
    figure = Figure(figsize=(13.4, 5.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    exact = {}
    for (name, options), color in zip(arms.items(), COLORS, strict=True):
        arm = lesson.train(name, options)
        exact[name] = arm.metrics["validation/exact"]
        loss = arm.metrics["validation/loss"]
        left.plot(*arm.curve("validation/loss", "step"), "o-", color=color, label=f"{name}: {loss:.3f}")
        right.bar(name, 100 * exact[name], color=color)
        right.annotate(f"{100 * exact[name]:.1f} %", (name, 100 * exact[name]), ha="center", va="bottom")
    low, high = (100 * one for one in (min(exact.values()), max(exact.values())))
    left.set(title="Validation loss where every place reads true tokens", xlabel="steps", yscale="log")
    left.set_ylabel("nats per token")
    left.legend(title="read in training")
    right.set_title(f"On their own {low:.1f} to {high:.1f} % of the sentences come out exactly")
    right.set(ylabel="sentences that are exactly right, %", ylim=(0, 105))
    for axes in (left, right):
        axes.grid(alpha=0.3, axis="y")
    return figure
