"""Losses by name: each builder takes the data's spec and returns `loss(outputs, targets) → mean`, a scalar.

A builder raises UserError where its loss makes no sense for the data's task.
"""

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

from dl_runner.checks import Positive
from dl_runner.errors import UserError
from dl_runner.spec import DataSpec, TaskName

Loss = Callable[[Tensor, Tensor], Tensor]


def _serves(task: TaskName, loss: str, data: DataSpec, instead: str) -> None:
    if data.task != task:
        raise UserError(f"loss={loss}: is for {task}, but the data's task is {data.task}; use loss={instead}")


def auto(data: DataSpec) -> Loss:
    """The task's usual loss: cross-entropy for classification, mean squared error for regression."""
    return cross_entropy(data) if data.task == "classification" else mse(data)


def cross_entropy(data: DataSpec) -> Loss:
    """−log softmax(logits)[target], for logits (batch, classes) and labels (batch,)."""
    _serves("classification", "cross_entropy", data, "mse")
    return F.cross_entropy


def mse(data: DataSpec) -> Loss:
    """(ŷ − y)², averaged over batch and outputs."""
    _serves("regression", "mse", data, "cross_entropy")
    return F.mse_loss


def squared(data: DataSpec) -> Loss:
    """½(ŷ − y)², averaged over batch and outputs: the squared loss of Dive into Deep Learning."""
    _serves("regression", "squared", data, "cross_entropy")
    return lambda outputs, targets: 0.5 * F.mse_loss(outputs, targets)


def l1(data: DataSpec) -> Loss:
    """|ŷ − y|, averaged over batch and outputs."""
    _serves("regression", "l1", data, "cross_entropy")
    return F.l1_loss


def huber(data: DataSpec, *, delta: Positive = 1.0) -> Loss:
    """Quadratic within `delta` of the target, linear beyond (Huber, 1964); averaged over batch and outputs."""
    _serves("regression", "huber", data, "cross_entropy")
    return lambda outputs, targets: F.huber_loss(outputs, targets, delta=delta)
