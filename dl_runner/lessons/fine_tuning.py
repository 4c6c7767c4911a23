"""Fine-tuning against training from scratch: many examples with poor labels, and then few with good ones."""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from dl_runner.config.schema import DataConfig
from dl_runner.config.types import CountInt, PositiveInt
from dl_runner.running.lesson import Arm, Lesson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACCURACY = "test/accuracy"
SCRATCH = "from scratch"
COLORS = {SCRATCH: "tab:gray", "fine-tuned": "tab:blue"}


def fine_tuning(
    lesson: Lesson,
    *,
    source: dict,
    source_epochs: PositiveInt = 10,
    head: str = "11.*",
    head_rate: PositiveInt = 10,
    examples: list[PositiveInt] = (20, 50, 100, 400),
    seeds: list[CountInt] = (0, 1, 2),
) -> "Figure":
    """The fewer examples there are, the more it helps to begin with weights that have seen others.

    Args:
        source: the data that the network learns first: keys of the config's `data`; those that are missing are the
            lesson's own.
        source_epochs: how long it learns them.
        head: the parameters of the last layer, which is new in the fine-tuned networks.
        head_rate: how many times as fast the new layer learns.
        examples: numbers of examples of the lesson's own data, in ascending order.
        seeds: of the examples drawn, of their order, and of the new weights.

    Returns:
        The test accuracy against the number of examples, from scratch and fine-tuned, and over the training for the
        smallest number.
    """
    from matplotlib.figure import Figure

    before = {seed: learnt_before(lesson, source, source_epochs, seed) for seed in seeds}
    faster = {"groups": [{"match": head, "lr": head_rate}]}
    starts = {
        "from scratch": {seed: {} for seed in seeds},
        "fine-tuned": {seed: begun_with(arm, head) | faster for seed, arm in before.items()},
    }
    found = {
        (start, number): [
            lesson.train(
                f"{start}, {number} examples, seed {seed}", {**changes[seed], "data.limit": number, "seed": seed}
            )
            for seed in seeds
        ]
        for number in examples
        for start, changes in starts.items()
    }
    figure = Figure(figsize=(13.4, 5.4), layout="constrained")
    against, curves = figure.subplots(1, 2)
    for start, color in COLORS.items():
        values = np.array([[arm.metrics[ACCURACY] for arm in found[start, number]] for number in examples])
        against.semilogx(examples, values.mean(1), "o-", color=color, linewidth=2, label=start)
        against.plot(np.repeat(examples, len(seeds)), values.ravel(), ".", color=color, alpha=0.5)
        for number, mean in zip(examples, values.mean(1), strict=True):
            below = start == SCRATCH
            against.annotate(
                f"{mean:.1%}",
                (number, mean),
                (0, -16 if below else 10),
                textcoords="offset points",
                ha="center",
                color=color,
            )
            lesson.metrics[f"{start}, {number} examples: mean {ACCURACY}"] = float(mean)
        for place, arm in enumerate(found[start, examples[0]]):
            steps, values_at = arm.curve(ACCURACY, "step")
            curves.plot(steps, values_at, color=color, alpha=0.8, label=start if place == 0 else None)
    gains = []
    for number in examples:
        means = {start: lesson.metrics[f"{start}, {number} examples: mean {ACCURACY}"] for start in COLORS}
        gains.append(max(mean for start, mean in means.items() if start != SCRATCH) - means[SCRATCH])
    against.set(
        title=f"The old weights are worth {gains[0]:+.1%} with {examples[0]} examples, {gains[-1]:+.1%} with "
        f"{examples[-1]}",
        xlabel="examples of each training",
        ylabel="test accuracy",
    )
    against.set_xticks(examples, [str(number) for number in examples])
    against.minorticks_off()
    against.margins(0.1, 0.15)
    curves.set(title=f"Each training with {examples[0]} examples", xlabel="step", ylabel="test accuracy")
    for axes in (against, curves):
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")
    return figure


def learnt_before(lesson: Lesson, source: dict[str, Any], epochs: int, seed: int) -> Arm:
    """The network that has learnt other data; of the same seed, which tells what is the test split of both."""
    common = {field.name for field in dataclasses.fields(DataConfig)}
    data = {key: value for key, value in lesson.config.plain["data"].items() if key in common} | source
    length = {"trainer.epochs": epochs, "trainer.steps": None}
    return lesson.train(f"learns {data['name']}, seed {seed}", {"data": data, **length, "seed": seed})


def begun_with(arm: Arm, head: str) -> dict[str, Any]:
    """What makes a training begin with the weights of an arm, but for its last layer."""
    return {"pretrained": {"from": str(arm.folder), "except": [head]}}
