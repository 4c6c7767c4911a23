"""What the loop asks of a task."""

from collections.abc import Mapping
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

Batch = tuple[Tensor, Tensor]
Sums = dict[str, Tensor]


def full_precision(outputs: Tensor) -> Tensor:
    """A model's outputs for its loss, which loses too much in the 8 bits of bfloat16; float64 stays as it is."""
    return outputs.float() if outputs.dtype == torch.bfloat16 else outputs


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
