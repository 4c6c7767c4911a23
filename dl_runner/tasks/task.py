"""What the loop asks of a task: how a batch becomes a loss, and sums become metrics."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from dl_runner.data.batch import Batch

Sums = dict[str, Tensor]


@dataclass(frozen=True)
class Metric:
    """A number that a task reports.

    Args:
        better: which direction is an improvement.
        format: how people read it: a "fraction" of 0..1 with four decimals, any other "number" with four digits.
        detail: one of many of a kind, such as one for each class: shown at the end, and not in the line of each
            evaluation.
    """

    name: str
    better: Literal["max", "min"] = "min"
    format: Literal["fraction", "number"] = "number"
    detail: bool = False


def full_precision(outputs: Tensor) -> Tensor:
    """A model's outputs for its loss, which loses too much in the 8 bits of bfloat16; float64 stays as it is."""
    return outputs.float() if outputs.dtype == torch.bfloat16 else outputs


class Task(Protocol):
    """One experiment's task.

    A task may also have, each of them optional:

    - `predict(model, inputs, **options)`: what `dlrun predict` prints; see `dl_runner.tasks.predicting`.
    - `tabulate(model, inputs, **options)`: what it writes into `--out FILE.csv`; without it, what it would print.
    - `answers(model, batch, **options)`: a row for each example of a batch, what it should be and what the model says,
      for `dlrun predict RUN --split SPLIT`. The model is in evaluation mode, and nothing asks for gradients.
    - `predictions(outputs)`: what metrics beside the task's read instead of a model's outputs, such as numbers in the
      targets' unit.
    - `show(model, batch)`: {name: picture or text} for the trackers, at `trainer.show_every`. A picture is a numpy
      array, uint8 (height, width, 3), or a function that draws it, for pictures that take long and are not shown
      everywhere. It draws from no global random generator.
    - `draw(sums)`: {name: picture} of the sums of a whole split, after the final test.
    - `shows_per_run`: how often `show` is called where `trainer.show_every` is null; 0, the default, for the end alone.
    - `meter()`: a new `Meter`, for metrics that are no sums.
    - `check_targets(split, targets)`: raises UserError before the training where it cannot learn from, or measure, the
      targets of a split, named "train", "validation" or "test".
    - `check_outputs(outputs, batch)`: raises ValueError, with a line that says what was expected, where what a model
      gives for a batch is not what `step` takes; without it, see `dl_runner.tasks.outputs`.
    - `before_step(step, horizon)`: called before each training step, counted from 0, where what is learnt changes with
      the time; a pure function of the step, so that a run goes on exactly.
    - `state_dict()` and `load_state_dict(state)`: what an exact continuation needs, as a dict of tensors whose
      dimension 0 counts the examples of a batch, or None; such as a hidden state that is carried on.

    Attributes:
        metrics: what `report` and the meter return; on the validation split, the first one chooses the best weights.
    """

    metrics: tuple[Metric, ...]

    def step(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Sums]:
        """The batch's contribution to the loss of the whole batch, differentiable, and the sums for the metrics.

        The contribution is a sum of terms over `batch.whole[its count]`, so that those of all parts add up. The sums
        are detached, of any shape, and zero or more examples add to them; "loss" is among them, the sum of the terms.
        """

    def report(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Metrics from the sums of `step`, tensors on the host, and those of the batches' counts, such as
        "examples"."""


class Meter(Protocol):
    """Metrics of a split that are no sums over its batches, such as a mean average precision or BLEU.

    It is measured with the whole model, at `trainer.meter_every`. With several processes each has one for its share of
    the split; they are merged, never averaged, so they have to survive pickling.
    """

    def update(self, model: nn.Module, batch: Batch) -> None:
        """Take the examples of a batch."""

    def merge(self, other: "Meter") -> None:
        """Take what another process's meter has taken."""

    def compute(self) -> dict[str, float]:
        """The metrics of all examples taken."""


def chooses(task: Task) -> Metric:
    """The metric that chooses the best weights on the validation split."""
    return task.metrics[0]


def metric_info(task: Task) -> dict[str, dict[str, str]]:
    """What run.json says of the metrics, the one that chooses the weights first."""
    return {metric.name: {"better": metric.better, "format": metric.format} for metric in task.metrics}
