"""One or more real numbers per example."""

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from dl_runner.data.batch import Batch, call
from dl_runner.spec import DataSpec, Numbers
from dl_runner.tasks.loss import Loss
from dl_runner.tasks.targets import require_targets
from dl_runner.tasks.task import Metric, Sums, Task, full_precision


class _Regression:
    metrics = (Metric("loss"), Metric("rmse"), Metric("mae"))

    def __init__(self, loss: Loss, outputs: int) -> None:
        self.loss = loss
        self.outputs = outputs

    def step(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Sums]:
        predictions, targets = full_precision(call(model, batch.inputs)), batch.targets  # (batch, outputs) both
        loss = self.loss(predictions, targets)
        error = predictions.detach() - targets
        sums = {"loss": loss.detach() * len(batch), "squared": error.square().sum(), "absolute": error.abs().sum()}
        return batch.weighted(loss), sums

    def report(self, sums: Mapping[str, Any]) -> dict[str, float]:
        numbers = sums["examples"] * self.outputs
        return {
            "loss": float(sums["loss"]) / sums["examples"],
            "rmse": math.sqrt(float(sums["squared"]) / numbers),
            "mae": float(sums["absolute"]) / numbers,
        }


def regression(data: DataSpec, loss: Loss) -> Task:
    """Reports the mean loss, the root mean squared error and the mean absolute error, in the targets' unit.

    Raises:
        UserError: the data's targets are no numbers.
    """
    require_targets(data, "regression", Numbers)
    return _Regression(loss, data.outputs)
