"""k-fold cross-validation against one split: how far an estimate of the same model's error depends on luck."""

from typing import TYPE_CHECKING

import numpy as np

from dl_runner.config.types import Folds, PositiveInt
from dl_runner.running.lesson import Lesson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METRIC = "validation/rmse"
MODELS = {
    "linear": {},
    "mlp": {"model": {"name": "mlp", "hidden": [64], "activation": "relu", "dropout": 0.0}},
}
COLORS = ("tab:blue", "tab:red")


def k_fold(lesson: Lesson, *, folds: Folds = 5, repeats: PositiveInt = 5) -> "Figure":
    """The same few rows are cut into folds several times. Each fold by itself is one split, and its verdict depends on
    which rows it holds; the mean over the folds of a cut depends on it much less, and it chooses the better model more
    often.

    Args:
        folds: parts of a cut.
        repeats: cuts, each by another seed.

    Returns:
        The errors of two models on each fold with the means over the folds of each cut; the deviations of both kinds of
        estimate; how often each kind prefers which model.
    """
    from matplotlib.figure import Figure

    errors = np.array([_errors(lesson, name, changes, folds, repeats) for name, changes in MODELS.items()])
    means = errors.mean(2)  # (models, repeats)
    figure = Figure(figsize=(15, 6.2), layout="constrained")
    cuts, spread = figure.subplots(1, 2, width_ratios=[3, 1])
    for at, (name, color) in enumerate(zip(MODELS, COLORS, strict=True)):
        for cut in range(repeats):
            x = cut + 0.3 * (at - 0.5)
            label = {"label": f"{name}: a fold"} if not cut else {}
            cuts.scatter(np.full(folds, x), errors[at, cut], color=color, alpha=0.45, s=30, **label)
            label = {"label": f"{name}: mean over the folds"} if not cut else {}
            cuts.plot([x - 0.12, x + 0.12], [means[at, cut]] * 2, color=color, linewidth=4, **label)
        cuts.axhline(means[at].mean(), color=color, linestyle=":", linewidth=1)
    single, mean = errors.std((1, 2), ddof=1), means.std(1, ddof=1)
    values = np.stack([single, mean], 1).ravel()
    bars = spread.bar(range(len(values)), values, color=np.repeat(COLORS, 2))
    for bar in bars[::2]:
        bar.set_alpha(0.45)
    spread.bar_label(bars, fmt="%.2g", padding=3)
    spread.set_xticks(range(len(values)), [f"{name}\n{kind}" for name in MODELS for kind in ("one split", "mean")])
    agreed, of = _preferring(errors[1] < errors[0], means[1].mean() < means[0].mean())
    agreed_means, cuts_of = _preferring(means[1] < means[0], means[1].mean() < means[0].mean())
    better = list(MODELS)[int(means[1].mean() < means[0].mean())]
    cuts.set(
        title=f"{better} is better on average: {agreed} of {of} single splits say so, and {agreed_means} of {cuts_of} "
        f"{folds}-fold means",
        xlabel="cut (seed)",
        ylabel="validation rmse",
    )
    cuts.set_xticks(range(repeats))
    spread.set(title="Deviation of the estimate", ylabel="standard deviation of the rmse")
    spread.margins(y=0.15)
    for axes in (cuts, spread):
        axes.grid(alpha=0.3)
    figure.legend(*cuts.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    for name, one, many in zip(MODELS, single, mean, strict=True):
        lesson.metrics |= {f"{name}: deviation of one split": float(one), f"{name}: deviation of the mean": float(many)}
    return figure


def _errors(lesson: Lesson, name: str, changes: dict, folds: int, repeats: int) -> list[list[float]]:
    """(repeats, folds)."""
    return [
        [
            lesson.train(
                f"{name}, cut {seed}, fold {fold}",
                {**changes, "seed": seed, "data.validation": None, "data.folds": folds, "data.fold": fold},
            ).metrics[METRIC]
            for fold in range(folds)
        ]
        for seed in range(repeats)
    ]


def _preferring(first: np.ndarray, wanted: bool) -> tuple[int, int]:
    return int((first == wanted).sum()), first.size
