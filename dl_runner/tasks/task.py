"""What the loop asks of a task."""

from collections.abc import Mapping
from typing import Literal, Protocol

from torch import Tensor, nn

Batch = tuple[Tensor, Tensor]
Sums = dict[str, Tensor]


class Task(Protocol):
    """How a batch becomes a loss, and sums become metrics.

    Attributes:
        monitor: the metric that chooses the best weights on the validation split.
        mode: whether more or less of it is better.
        metrics: the names that `report` returns.
    """

    monitor: str
    mode: Literal["max", "min"]
    metrics: tuple[str, ...]

    def step(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Sums]:
        """The mean loss of a batch, differentiable, and the sums over its examples that the metrics need, detached."""

    def report(self, sums: Mapping[str, float], examples: int) -> dict[str, float]:
        """Metrics from sums over `examples` > 0 examples."""
