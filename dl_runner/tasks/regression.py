"""One or more real numbers per example."""

import math
from collections.abc import Mapping

from torch import Tensor, nn

from dl_runner.spec import DataSpec
from dl_runner.tasks.losses import Loss
from dl_runner.tasks.task import Batch, Sums, Task, full_precision


class _Regression:
    monitor, mode = "loss", "min"
    metrics = ("loss", "rmse", "mae")

    def __init__(self, loss: Loss, outputs: int) -> None:
        self.loss = loss
        self.outputs = outputs

    def step(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Sums]:
        inputs, targets = batch
        predictions = full_precision(model(inputs))  # (batch, outputs)
        loss = self.loss(predictions, targets)
        error = predictions.detach() - targets
        sums = {"loss": loss.detach() * len(targets), "squared": error.square().sum(), "absolute": error.abs().sum()}
        return loss, sums

    def report(self, sums: Mapping[str, float], examples: int) -> dict[str, float]:
        numbers = examples * self.outputs
        return {
            "loss": sums["loss"] / examples,
            "rmse": math.sqrt(sums["squared"] / numbers),
            "mae": sums["absolute"] / numbers,
        }


def regression(data: DataSpec, loss: Loss) -> Task:
    """Reports the mean loss, the root mean squared error and the mean absolute error, in the targets' unit."""
    return _Regression(loss, data.outputs)
