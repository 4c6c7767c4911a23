"""Losses written out in elementary tensor operations; builders as in `dl_runner.tasks.losses`."""

from dl_runner.layers.scratch import softmax
from dl_runner.spec import DataSpec
from dl_runner.tasks.losses import Loss, _serves


def cross_entropy_scratch(data: DataSpec) -> Loss:
    """log Σₖ exp(oₖ) − o_y, cross-entropy written out, for logits o (batch, classes) and labels y (batch,)."""
    _serves("classification", "cross_entropy_scratch", data, "squared_scratch")
    return softmax.cross_entropy


def squared_scratch(data: DataSpec) -> Loss:
    """½(ŷ − y)², written out, averaged over batch and outputs."""
    _serves("regression", "squared_scratch", data, "cross_entropy_scratch")
    return lambda outputs, targets: ((outputs - targets) ** 2 / 2).mean()
