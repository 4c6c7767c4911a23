"""Losses written out in elementary tensor operations; builders as in `dl_runner.tasks.losses`."""

from torch import Tensor

from dl_runner.layers.scratch import softmax
from dl_runner.spec import DataSpec, Numbers
from dl_runner.tasks.loss import Loss, MeanLoss
from dl_runner.tasks.losses import CLASSES
from dl_runner.tasks.targets import learns_from


def cross_entropy_scratch(data: DataSpec) -> Loss:
    """log Σₖ exp(oₖ) − o_y, cross-entropy written out, for logits o (n, classes, …) and targets y (n, …)."""
    learns_from(CLASSES, "cross_entropy_scratch", data, "squared_scratch")
    return MeanLoss(softmax.cross_entropy, _total)


def squared_scratch(data: DataSpec) -> Loss:
    """½(ŷ − y)², written out, averaged over batch and outputs."""
    learns_from((Numbers,), "squared_scratch", data, "cross_entropy_scratch")
    return lambda outputs, targets: ((outputs - targets) ** 2 / 2).mean()


def _total(logits: Tensor, targets: Tensor, ignore: int) -> Tensor:
    rows = logits.movedim(1, -1).flatten(0, -2)  # (targets, classes)
    labels = targets.flatten().long()
    counted = labels != ignore
    terms = softmax.negative_log_likelihoods(rows, labels * counted)
    return (terms * counted).sum()
