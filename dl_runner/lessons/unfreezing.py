"""Which layers to unfreeze: from the new head alone to the whole network, with few examples and with many."""

from typing import TYPE_CHECKING

import numpy as np

from dl_runner.config.types import CountInt, PositiveInt
from dl_runner.lessons.fine_tuning import ACCURACY, begun_with, learnt_before
from dl_runner.running.lesson import Lesson

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def unfreezing(
    lesson: Lesson,
    *,
    source: dict,
    source_epochs: PositiveInt = 10,
    layers: list[str] = ("11.*", "9.*", "7.*", "3.*", "0.*"),
    examples: list[PositiveInt] = (20, 400),
    seeds: list[CountInt] = (0, 1, 2),
) -> "Figure":
    """What a frozen layer has learnt from other data is kept; what learns again fits the new data better.

    Args:
        source: the data that the network learns first: keys of the config's `data`; those that are missing are the
            lesson's own.
        source_epochs: how long it learns them.
        layers: parameters of each layer from the output to the input; the first is new.
        examples: numbers of examples of the lesson's own data, a curve for each.
        seeds: of the examples drawn, of their order, and of the new weights.

    Returns:
        The test accuracy and the training loss against the number of layers that learn; the others are frozen.
    """
    from matplotlib.figure import Figure

    starts = {seed: begun_with(learnt_before(lesson, source, source_epochs, seed), layers[0]) for seed in seeds}
    places, names = range(1, len(layers) + 1), _names(len(layers))
    figure = Figure(figsize=(13.4, 5.4), layout="constrained")
    tested, fitted = figure.subplots(1, 2)
    for color, number in enumerate(examples):
        arms = []
        for count in places:
            frozen = [{"match": pattern, "lr": 0} for pattern in layers[count:]]
            changes = {"groups": frozen, "data.limit": number}
            label = f"{number} examples, {count} of {len(layers)} layers learn"
            arms.append(
                [lesson.train(f"{label}, seed {seed}", {**starts[seed], **changes, "seed": seed}) for seed in seeds]
            )
        for axes, metric in ((tested, ACCURACY), (fitted, "train/loss")):
            values = np.array([[arm.metrics[metric] for arm in of_one] for of_one in arms])
            axes.plot(places, values.mean(1), "o-", color=f"C{color}", linewidth=2, label=f"{number} examples")
            axes.plot(np.repeat(places, len(seeds)), values.ravel(), ".", color=f"C{color}", alpha=0.5)
            for count, mean in zip(places, values.mean(1), strict=True):
                lesson.metrics[f"{number} examples, {count} layers: mean {metric}"] = float(mean)
                if metric == ACCURACY:
                    shift = (0, 9 if color else -17)
                    axes.annotate(f"{mean:.1%}", (count, mean), shift, textcoords="offset points", ha="center")
    fitted.set_yscale("log")
    tested.set(title="Test accuracy", ylabel="test accuracy")
    fitted.set(title="Training loss at the end", ylabel="training loss")
    for axes in (tested, fitted):
        axes.set_xticks(places, names)
        axes.set_xlabel("layers that learn, from the output on")
        axes.margins(0.08, 0.12)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def _names(count: int) -> list[str]:
    return ["the new head\nalone", *(f"{number}" for number in range(2, count)), f"all {count}"]
