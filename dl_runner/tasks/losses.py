"""Losses by name: each builder takes the data's spec and returns a loss.

A loss is a function `loss(outputs, targets)`, the mean over the examples. A loss for classes may also have
`total(outputs, targets, ignore)`, the sum over the targets other than `ignore`: tasks with many targets in each
example, such as a language model, need it. A builder raises UserError where its loss makes no sense for the data's
targets.
"""

from torch import Tensor
from torch.nn import functional as F

from dl_runner.config.types import Positive
from dl_runner.errors import UserError
from dl_runner.spec import Boxes, Classes, DataSpec, Fields, Numbers, Pixels, Tokens
from dl_runner.tasks.loss import Loss, MeanLoss
from dl_runner.tasks.targets import learns_from

CLASSES = (Classes, Tokens, Pixels)


def _two_classes(loss: str, data: DataSpec) -> None:
    learns_from((Classes,), loss, data, "auto")
    if data.outputs != 2:
        raise UserError(f"loss={loss}: is for two classes, and the data have {data.outputs}; use loss=cross_entropy")


def _score(logits: Tensor) -> Tensor:
    """What speaks for class 1: the difference of two logits (batch, 2), (batch,)."""
    return logits[:, 1] - logits[:, 0]


def auto(data: DataSpec) -> Loss:
    """The targets' usual loss: cross-entropy for classes, mean squared error for numbers."""
    if isinstance(data.targets, Fields | Boxes):
        return _of_its_own
    return mse(data) if isinstance(data.targets, Numbers) else cross_entropy(data)


def _of_its_own(outputs: Tensor, targets: Tensor) -> Tensor:
    raise NotImplementedError("targets of several fields have no usual loss: their task computes its own")


def cross_entropy(data: DataSpec) -> Loss:
    """−log softmax(logits)[target], for logits (n, classes, …) and targets (n, …)."""
    learns_from(CLASSES, "cross_entropy", data, "auto")
    return MeanLoss(
        F.cross_entropy,
        lambda logits, targets, ignore: F.cross_entropy(logits, targets, ignore_index=ignore, reduction="sum"),
    )


def log_loss(data: DataSpec) -> Loss:
    """Binary cross-entropy, −y log p − (1 − y) log(1 − p), for two classes.

    p = sigmoid(s), s the difference of the two logits (batch, 2): the negative log-likelihood of softmax(logits), so
    equal to the cross-entropy of two classes.
    """
    _two_classes("log_loss", data)
    return lambda logits, labels: F.binary_cross_entropy_with_logits(_score(logits), labels.to(logits.dtype))


def perceptron(data: DataSpec) -> Loss:
    """max(0, −y·s) for two classes, y = ±1, s the difference of the two logits (batch, 2); averaged over the batch.

    Its gradient is −y where y·s <= 0 and 0 elsewhere: SGD on single examples is the perceptron's update (Rosenblatt,
    1958), the tie s = 0 of zero weights included.
    """
    _two_classes("perceptron", data)

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        margin = (2 * labels - 1) * _score(logits)  # (batch,)
        return -(margin * (margin <= 0)).mean()  # relu(-margin) would have no gradient at the tie

    return loss


def mse(data: DataSpec) -> Loss:
    """(ŷ − y)², averaged over batch and outputs."""
    learns_from((Numbers,), "mse", data, "auto")
    return F.mse_loss


def squared(data: DataSpec) -> Loss:
    """½(ŷ − y)², averaged over batch and outputs: the squared loss of Dive into Deep Learning."""
    learns_from((Numbers,), "squared", data, "auto")
    return lambda outputs, targets: 0.5 * F.mse_loss(outputs, targets)


def l1(data: DataSpec) -> Loss:
    """|ŷ − y|, averaged over batch and outputs."""
    learns_from((Numbers,), "l1", data, "auto")
    return F.l1_loss


def huber(data: DataSpec, *, delta: Positive = 1.0) -> Loss:
    """Quadratic within `delta` of the target, linear beyond (Huber, 1964); averaged over batch and outputs."""
    learns_from((Numbers,), "huber", data, "auto")
    return lambda outputs, targets: F.huber_loss(outputs, targets, delta=delta)


def smooth_l1(data: DataSpec, *, beta: Positive = 1.0) -> Loss:
    """½(ŷ − y)²/β within `beta` of the target, |ŷ − y| − β/2 beyond: Huber's loss over β (Girshick, 2015).

    Averaged over batch and outputs.
    """
    learns_from((Numbers,), "smooth_l1", data, "auto")
    return lambda outputs, targets: F.smooth_l1_loss(outputs, targets, beta=beta)
