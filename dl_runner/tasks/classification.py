"""One class per example."""

from collections.abc import Mapping

from torch import Tensor, nn

from dl_runner.spec import DataSpec
from dl_runner.tasks.losses import Loss
from dl_runner.tasks.task import Batch, Sums, Task, full_precision


class _Classification:
    monitor, mode = "accuracy", "max"
    metrics = ("loss", "accuracy")

    def __init__(self, loss: Loss, label_smoothing: float) -> None:
        self.loss = loss
        self.label_smoothing = label_smoothing

    def step(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Sums]:
        inputs, labels = batch
        logits = full_precision(model(inputs))  # (batch, classes)
        loss = self.loss(logits, labels)
        correct = (logits.detach().argmax(1) == labels).sum()
        sums = {"loss": loss.detach() * len(labels), "correct": correct}
        if self.label_smoothing:
            # −Σ q log p with q = (1 − ε)·one-hot + ε/classes; what is reported stays without ε, and so comparable.
            loss = loss.lerp(-logits.log_softmax(1).mean(), self.label_smoothing)
        return loss, sums

    def report(self, sums: Mapping[str, float], examples: int) -> dict[str, float]:
        return {"loss": sums["loss"] / examples, "accuracy": sums["correct"] / examples}


def classification(data: DataSpec, loss: Loss, *, label_smoothing: float = 0.0) -> Task:
    """Reports the mean loss and the accuracy, the fraction of examples whose largest logit is the label's.

    Args:
        data: what the task is for.
        loss: of logits (batch, classes) and labels (batch,).
        label_smoothing: ε in [0, 1), for cross-entropy: the step minimizes (1 − ε)·loss + ε·(the cross-entropy to the
            uniform distribution) (Szegedy et al., 2016, section 7). The reported loss is without it.
    """
    return _Classification(loss, label_smoothing)
