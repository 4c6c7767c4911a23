"""Multilayer perceptron: fully connected layers with an activation, and optionally dropout, between them."""

from itertools import pairwise

from torch import nn

from dl_runner.config.types import Fraction, PositiveInt
from dl_runner.errors import UserError
from dl_runner.layers.activations import Activation
from dl_runner.layers.activations import activation as make_activation
from dl_runner.layers.shapes import flat_size
from dl_runner.spec import DataSpec


def mlp(
    data: DataSpec,
    *,
    hidden: list[PositiveInt] = (256,),
    activation: Activation = "relu",
    dropout: Fraction | list[Fraction] = 0.0,
) -> nn.Module:
    """(batch, …) → (batch, outputs).

    Args:
        hidden: the width of each hidden layer.
        activation: after each hidden layer.
        dropout: after each activation; one rate for all hidden layers, or one each.

    Raises:
        UserError: not as many dropout rates as hidden layers.
    """
    rates = [dropout] * len(hidden) if isinstance(dropout, float) else list(dropout)
    if len(rates) != len(hidden):
        raise UserError(f"model.dropout={rates}: mlp has {len(hidden)} hidden layers; give one rate, or one for each")
    widths = [flat_size(data, "mlp"), *hidden]
    layers: list[nn.Module] = [nn.Flatten()]
    for (inputs, outputs), rate in zip(pairwise(widths), rates, strict=True):
        layers += [nn.Linear(inputs, outputs), make_activation(activation)]
        if rate:
            layers.append(nn.Dropout(rate))
    return nn.Sequential(*layers, nn.Linear(widths[-1], data.outputs))
