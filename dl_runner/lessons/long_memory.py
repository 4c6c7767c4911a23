"""How long a network remembers: RNN, LSTM, GRU and a Transformer on the copy task."""

from itertools import cycle
from typing import TYPE_CHECKING

from dl_runner.config.types import PositiveInt
from dl_runner.running.lesson import Lesson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES = (("tab:red", "o"), ("tab:orange", "s"), ("tab:green", "^"), ("tab:blue", "v"), ("tab:purple", "D"))
LEARNT = 0.9  # of the answers


def long_memory(lesson: Lesson, *, arms: dict, delays: list[PositiveInt] = (5, 10, 20, 40)) -> "Figure":
    """Symbols are to be said again after a delay. A recurrent network has to hold them in its state all the while, and
    to learn so from a gradient that comes back through every step; attention looks at them, however far they are.

    Args:
        arms: name in the legend → sections of the config, such as model, in place of the lesson's own.
        delays: places between the symbols and the question, ascending.

    Returns:
        The accuracy after training against the delay, and the loss while they learn at the longest one.
    """
    from matplotlib.figure import Figure

    delays, figure = sorted(delays), Figure(figsize=(13.4, 5.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    reached = {}
    for (name, changes), (color, marker) in zip(arms.items(), cycle(STYLES), strict=False):
        runs = [lesson.train(f"{name}, delay {delay}", changes | {"data.delay": delay}) for delay in delays]
        shares = [run.metrics["test/accuracy"] for run in runs]
        reached[name] = max((delay for delay, share in zip(delays, shares, strict=True) if share > LEARNT), default=0)
        left.plot(delays, shares, color=color, marker=marker, label=f"{name}: {shares[-1]:.0%} at {delays[-1]}")
        right.plot(*runs[-1].curve("validation/loss", "step"), color=color, marker=marker, markersize=4, label=name)
    chance = 1 / lesson.config.data.arguments["symbols"]
    left.axhline(chance, color="gray", linestyle=":", label=f"a guess: {chance:.0%}")
    told = ", ".join(f"{name} {delay or 'none'}" for name, delay in reached.items())
    left.set(xlabel="delay, places", ylabel="test accuracy", xscale="log", ylim=(-0.03, 1.03))
    left.set_xticks(delays, [str(delay) for delay in delays])
    left.minorticks_off()
    right.set(title=f"While they learn, at a delay of {delays[-1]}", xlabel="steps", ylabel="validation loss, nats")
    right.set_ylim(-0.05, None)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle(f"Longest delay with more than {LEARNT:.0%} right: {told}")
    return figure
