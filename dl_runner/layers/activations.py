"""Activation functions by name."""

from typing import Literal

from torch import nn

Activation = Literal["relu", "leaky_relu", "sigmoid", "tanh", "gelu"]


def activation(name: Activation) -> nn.Module:
    """A new layer that applies the function to each element."""
    layers = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "gelu": nn.GELU}
    return layers[name]()
