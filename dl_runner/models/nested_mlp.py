"""A multilayer perceptron of nested blocks: a block holds layers and other blocks, to any depth."""

from torch import nn

from dl_runner.config.types import PositiveInt
from dl_runner.layers.shapes import flat_size
from dl_runner.spec import DataSpec


def _block(inputs: int, wide: int, narrow: int) -> nn.Sequential:
    """A block whose first part is itself a block; (batch, inputs) → (batch, narrow)."""
    inner = nn.Sequential(nn.Linear(inputs, wide), nn.ReLU())
    return nn.Sequential(inner, nn.Linear(wide, narrow), nn.ReLU())


def nested_mlp(
    data: DataSpec, *, wide: PositiveInt = 64, narrow: PositiveInt = 32, blocks: PositiveInt = 2
) -> nn.Module:
    """(batch, …) → (batch, outputs).

    Args:
        wide: units inside each block.
        narrow: units that each block returns.
        blocks: how many, one after the other.
    """
    sizes = [flat_size(data, "nested_mlp")] + [narrow] * (blocks - 1)
    body = nn.Sequential(*(_block(inputs, wide, narrow) for inputs in sizes))
    return nn.Sequential(nn.Flatten(), body, nn.Linear(narrow, data.outputs))
