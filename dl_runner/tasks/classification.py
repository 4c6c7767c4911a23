"""One class per example."""

from collections.abc import Mapping

from torch import Tensor, nn

from dl_runner.spec import DataSpec
from dl_runner.tasks.losses import Loss
from dl_runner.tasks.task import Batch, Sums, Task


class _Classification:
    monitor, mode = "accuracy", "max"
    metrics = ("loss", "accuracy")

    def __init__(self, loss: Loss) -> None:
        self.loss = loss

    def step(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Sums]:
        inputs, labels = batch
        logits = model(inputs)  # (batch, classes)
        loss = self.loss(logits, labels)
        correct = (logits.detach().argmax(1) == labels).sum()
        return loss, {"loss": loss.detach() * len(labels), "correct": correct}

    def report(self, sums: Mapping[str, float], examples: int) -> dict[str, float]:
        return {"loss": sums["loss"] / examples, "accuracy": sums["correct"] / examples}


def classification(data: DataSpec, loss: Loss) -> Task:
    """Reports the mean loss and the accuracy, the fraction of examples whose largest logit is the label's."""
    return _Classification(loss)
