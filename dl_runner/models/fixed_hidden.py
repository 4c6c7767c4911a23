"""A custom module: a random weight that is never learned, one layer used twice, and a loop in the forward pass.

What a list of layers cannot express, ordinary Python in `forward` can (Dive into Deep Learning, "Layers and modules").
"""

import math

import torch
from torch import Tensor, nn

from dl_runner.config.types import PositiveInt
from dl_runner.layers.shapes import flat_size
from dl_runner.spec import DataSpec


class FixedHidden(nn.Module):
    """Flatten → linear → shared linear → ReLU(xR + 1), R fixed → the shared linear again → halvings → linear."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.first = nn.Linear(inputs, hidden)
        self.shared = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, outputs)
        self.relu = nn.ReLU()
        # A buffer: saved and moved with the model, but no parameter, so no optimizer changes it.
        self.register_buffer("fixed", torch.randn(hidden, hidden) / math.sqrt(hidden))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, …) → (batch, outputs)."""
        x = self.shared(self.relu(self.first(self.flatten(x))))
        x = self.shared(self.relu(x @ self.fixed + 1))
        while (long := self._long(x)).any():  # on an accelerator, each turn waits for the answer
            x = torch.where(long, x / 2, x)
        return self.last(x)

    @staticmethod
    def _long(x: Tensor) -> Tensor:
        """Which examples have a norm above 1, (batch, 1). An infinite one is left: halving it would never end."""
        norm = x.norm(dim=1, keepdim=True)
        return (norm > 1) & norm.isfinite()


def fixed_hidden(data: DataSpec, *, hidden: PositiveInt = 64) -> nn.Module:
    """(batch, …) → (batch, outputs).

    Args:
        hidden: units of each hidden layer.
    """
    return FixedHidden(flat_size(data, "fixed_hidden"), hidden, data.outputs)
