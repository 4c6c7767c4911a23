"""A multilayer perceptron of custom layers: a linear layer with parameters of its own, and one that centers."""

from torch import nn

from dl_runner.config.types import PositiveInt
from dl_runner.layers.affine import Affine
from dl_runner.layers.centered import Centered
from dl_runner.layers.shapes import flat_size
from dl_runner.spec import DataSpec


def centered_mlp(data: DataSpec, *, hidden: PositiveInt = 128) -> nn.Module:
    """(batch, …) → (batch, outputs); the hidden units of each example have mean 0 before the ReLU.

    Args:
        hidden: units of the hidden layer.
    """
    return nn.Sequential(
        nn.Flatten(),
        Affine(flat_size(data, "centered_mlp"), hidden),
        Centered(),
        nn.ReLU(),
        Affine(hidden, data.outputs),
    )
