"""A multilayer perceptron with tied weights: two hidden layers are one and the same linear layer.

Its parameters are counted and stored once, and its gradient is the sum over both uses.
"""

from torch import Tensor, nn

from dl_runner.config.types import PositiveInt
from dl_runner.layers.shapes import flat_size
from dl_runner.spec import DataSpec


class TiedMLP(nn.Module):
    """Flatten → linear → ReLU → shared linear → ReLU → the shared linear again → ReLU → linear."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.first = nn.Linear(inputs, hidden)
        self.shared = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, outputs)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(batch, …) → (batch, outputs)."""
        x = self.relu(self.first(self.flatten(x)))
        for _ in range(2):
            x = self.relu(self.shared(x))
        return self.last(x)


def tied_mlp(data: DataSpec, *, hidden: PositiveInt = 64) -> nn.Module:
    """(batch, …) → (batch, outputs).

    Args:
        hidden: units of each hidden layer.
    """
    return TiedMLP(flat_size(data, "tied_mlp"), hidden, data.outputs)
