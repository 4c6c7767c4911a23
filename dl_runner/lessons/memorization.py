"""Capacity: a network learns random labels by heart, and what regularizers do about it."""

from typing import TYPE_CHECKING, Any

from dl_runner.config.types import Fraction, NonNegative, Probability
from dl_runner.lessons.dropout import with_all_units
from dl_runner.running.lesson import Arm, Lesson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = ("tab:red", "tab:orange", "tab:green", "tab:purple")
FITTED = "train/accuracy_with_all_units"


def memorization(
    lesson: Lesson,
    *,
    shares: list[Probability] = (0.0, 0.5, 1.0),
    dropout: Fraction = 0.5,
    weight_decay: NonNegative = 5.0,
) -> "Figure":
    """The same network fits the true labels, half of them and none of them; only the first helps with new examples.

    Regularizers slow the learning by heart down; whether they prevent it depends on how strong they are. That they are
    off does not keep the network from generalizing where there is something to learn (Zhang et al., 2017).

    Args:
        shares: of labels that are drawn at random, one row of arms each.
        dropout: rate of the arm with dropout.
        weight_decay: λ of the arm with decoupled weight decay.

    Returns:
        The training accuracy over the epochs for each share, without and with regularizers, and the accuracies on both
        splits at the end; all of them with all units on.
    """
    from matplotlib.figure import Figure

    regularizers: dict[str, dict[str, Any]] = {
        "none": {},
        f"dropout {dropout:g}": {"model.dropout": dropout},
        f"weight decay {weight_decay:g}": {"regularization.decoupled": weight_decay},
        "both": {"model.dropout": dropout, "regularization.decoupled": weight_decay},
    }
    figure = Figure(figsize=(4.6 * len(shares), 8), layout="constrained")
    for place, (share, (curves, ends)) in enumerate(
        zip(shares, figure.subplots(2, len(shares), squeeze=False).T, strict=True)
    ):
        watch = with_all_units(lesson, lesson.change({"data.share": share}))
        arms = {
            name: lesson.train(f"{share:.0%} random labels, regularizers {name}", {**more, "data.share": share}, watch)
            for name, more in regularizers.items()
        }
        for (name, arm), color in zip(arms.items(), COLORS, strict=True):
            curves.plot(*arm.curve(FITTED), color=color, label=f"regularizers: {name}" if place == 0 else None)
        curves.axhline(0.1, color="gray", linestyle=":")
        curves.set(title=_title(share), xlabel="epoch", ylabel="training accuracy", ylim=(0, 1.04))
        _bars(ends, arms)
        curves.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=len(regularizers))
    return figure


def _title(share: float) -> str:
    return {0.0: "True labels", 1.0: "Random labels"}.get(share, f"{share:.0%} of the labels are random")


def _bars(axes: "Axes", arms: dict[str, Arm]) -> None:
    """The accuracies of some arms at the end, on their training labels and on the true ones of the test split."""
    for place, (arm, color) in enumerate(zip(arms.values(), COLORS, strict=True)):
        for shift, metric, alpha in ((-0.2, FITTED, 0.45), (0.2, "test/accuracy", 1.0)):
            bar = axes.bar(place + shift, arm.metrics[metric], 0.38, color=color, alpha=alpha)
            axes.bar_label(bar, [f"{arm.metrics[metric]:.0%}"], fontsize=9)
    axes.axhline(0.1, color="gray", linestyle=":")
    axes.set_xticks(range(len(arms)), [name.replace(" ", "\n", 1).replace("decay ", "decay\n") for name in arms])
    axes.set(title="At the end: training (pale), test (true labels)", ylabel="accuracy", ylim=(0, 1.1))
