"""The temperature of distillation: what a teacher says beside its first choice, and how much of it a student hears."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dl_runner.config.types import CountInt, Positive, PositiveInt
from dl_runner.data.preparation import to_input
from dl_runner.running.lesson import Arm, Lesson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACCURACY = "test/accuracy"


def distillation_temperature(
    lesson: Lesson,
    *,
    student: dict,
    examples: PositiveInt = 100,
    steps: PositiveInt = 600,
    temperatures: list[Positive] = (1.0, 2.0, 4.0, 8.0, 16.0),
    seeds: list[CountInt] = (0, 1, 2, 3, 4),
) -> "Figure":
    """At T = 1 a sure teacher says hardly more than the label; a higher T lets the student see what it holds alike.

    Args:
        student: keys of the config's `model`; the lesson's own model is the teacher's.
        examples: from which the students learn; the teacher learns from all.
        steps: of the students' training.
        temperatures: T of the students' arms, in ascending order.
        seeds: of the examples drawn, of their order, and of the students' weights.

    Returns:
        One test picture, the teacher's answers to it at each temperature, and the students' test accuracy against the
        temperature, beside that of students without a teacher.
    """
    from matplotlib.figure import Figure

    teacher = lesson.train("the teacher")
    small = {"model": student, "data.limit": examples, "trainer.epochs": None, "trainer.steps": steps}

    def students(name: str, changes: dict[str, Any]) -> np.ndarray:
        arms = [lesson.train(f"{name}, seed {seed}", {**small, **changes, "seed": seed}) for seed in seeds]
        found = np.array([arm.metrics[ACCURACY] for arm in arms])
        lesson.metrics[f"{name}: mean {ACCURACY}"] = float(found.mean())
        return found

    alone = students("a student alone", {})
    options = {**lesson.config.plain["task"], "name": "distillation", "teacher": str(teacher.folder), "weight": 0.9}
    taught = {
        one: students(f"a student taught at T = {one:g}", {"task": {**options, "temperature": one}})
        for one in temperatures
    }
    figure = Figure(figsize=(15, 5.2), layout="constrained")
    shown, said, learnt = figure.subplots(1, 3, width_ratios=[0.8, 1.5, 1.6])
    _answers(lesson, teacher, shown, said, temperatures)
    values = np.array(list(taught.values()))
    learnt.semilogx(temperatures, values.mean(1), "o-", color="tab:blue", linewidth=2, label="taught: mean")
    learnt.plot(
        np.repeat(temperatures, len(seeds)), values.ravel(), ".", color="tab:blue", alpha=0.5, label="each seed"
    )
    for place, mean in zip(temperatures, values.mean(1), strict=True):
        learnt.annotate(f"{mean:.1%}", (place, mean), (0, 10), textcoords="offset points", ha="center")
    error = alone.std(ddof=1) / len(seeds) ** 0.5 if len(seeds) > 1 else 0.0
    learnt.axhline(alone.mean(), color="tab:gray", label=f"alone: {alone.mean():.1%} ± {error:.1%}")
    learnt.axhspan(alone.mean() - error, alone.mean() + error, color="tab:gray", alpha=0.2)
    learnt.axhline(
        teacher.metrics[ACCURACY], color="tab:red", linestyle=":", label=f"teacher: {teacher.metrics[ACCURACY]:.1%}"
    )
    learnt.set_xticks(temperatures, [f"{one:g}" for one in temperatures])
    learnt.minorticks_off()
    learnt.set(title=f"Students that learn from {examples} examples", xlabel="temperature T", ylabel="test accuracy")
    learnt.margins(0.1, 0.15)
    learnt.grid(alpha=0.3)
    learnt.legend(loc="best")
    return figure


def _answers(lesson: Lesson, teacher: Arm, shown: "Axes", said: "Axes", temperatures: list[float]) -> None:
    """Draw the right answer of which the teacher is least sure, and what it says at each temperature."""
    data = lesson.data(teacher.config)
    with torch.no_grad():
        logits = teacher.model(to_input(data.test.inputs, data.spec))  # (n, classes)
    sure = logits.softmax(1).gather(1, data.test.targets[:, None])[:, 0]
    right = logits.argmax(1) == data.test.targets
    place = int(torch.where(right, sure, 2.0).argmin())
    picture, names = data.test.inputs[place].permute(1, 2, 0).numpy(), data.spec.classes
    shown.imshow(picture, cmap="gray_r")
    shown.set(xticks=[], yticks=[], title=f"It is {names[int(data.test.targets[place])]}")
    width, colors = 0.8 / len(temperatures), np.linspace(0.9, 0.1, len(temperatures))
    from matplotlib import colormaps

    for number, (temperature, color) in enumerate(zip(temperatures, colors, strict=True)):
        shares = (logits[place] / temperature).softmax(0).numpy()
        places = np.arange(len(names)) + (number - (len(temperatures) - 1) / 2) * width
        said.bar(places, shares, width, color=colormaps["viridis"](color), label=f"T = {temperature:g}")
    said.set_xticks(range(len(names)), names)
    said.set(title="What the teacher says of it: softmax(logits / T)", xlabel="class", ylabel="probability")
    said.legend()
