"""What a loss is: a function of outputs and targets, the mean over the examples; some have their sum as well."""

import math
from collections.abc import Callable

from torch import Tensor

from dl_runner.errors import UserError

Loss = Callable[[Tensor, Tensor], Tensor]
Total = Callable[[Tensor, Tensor, int], Tensor]
LARGEST = 700.0  # exp of a little more is no float


class MeanLoss:
    """A loss with its sum beside its mean.

    Args:
        mean: (outputs, targets) → the mean over the targets.
        total: (outputs, targets, ignore) → the sum over the targets other than `ignore`.
    """

    def __init__(self, mean: Loss, total: Total) -> None:
        self._mean, self.total = mean, total

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self._mean(outputs, targets)


def perplexity(loss: float) -> float:
    """exp of a loss in nats: among how many equally probable tokens the model is in doubt; infinity beyond a float."""
    return math.inf if loss > LARGEST else math.exp(loss)


def total_of(loss: Loss, name: str) -> Total:
    """The sum of a loss, for a task with many targets in each example.

    Raises:
        UserError: it has none.
    """
    total = getattr(loss, "total", None)
    if total is None:
        raise UserError(f"task={name}: takes the loss of each target by itself; use loss=cross_entropy")
    return total
