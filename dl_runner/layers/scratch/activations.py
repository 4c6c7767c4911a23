"""Activation functions, applied to each element.

relu(x)       = max(0, x)
leaky_relu(x) = x for x > 0, else a·x with a small slope a
sigmoid(x)    = 1 / (1 + e⁻ˣ)
tanh(x)       = (1 − e⁻²ˣ) / (1 + e⁻²ˣ)
gelu(x)       = x · Φ(x), Φ the normal distribution function, ½ (1 + erf(x/√2))

The exponentials are taken of −|x| only, which is at most 1: e⁻ˣ itself overflows for x below −88, and then
automatic differentiation meets ∞/∞.
"""

import math

import torch
from torch import Tensor, nn


def relu(x: Tensor) -> Tensor:
    """max(0, x), with derivative 0 at 0."""
    return torch.where(x <= 0, 0, x)


def leaky_relu(x: Tensor, slope: float = 0.01) -> Tensor:
    """x where it is positive, slope · x elsewhere."""
    return torch.where(x > 0, x, slope * x)


def sigmoid(x: Tensor) -> Tensor:
    """Between 0 and 1; 1 / (1 + e⁻ˣ), for negative x with both sides multiplied by eˣ."""
    small = torch.exp(_minus_size(x))
    return torch.where(x < 0, small, 1) / (1 + small)


def tanh(x: Tensor) -> Tensor:
    """Between −1 and 1; e⁻²ˣ − 1 in one step, because their difference would lose the digits of a small x."""
    less_one = torch.expm1(2 * _minus_size(x))
    return torch.where(x < 0, less_one, -less_one) / (2 + less_one)


def gelu(x: Tensor) -> Tensor:
    """x · Φ(x) (Hendrycks and Gimpel, 2016)."""
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def _minus_size(x: Tensor) -> Tensor:
    """−|x|, with a derivative at 0 too."""
    return torch.where(x < 0, x, -x)


class ScratchReLU(nn.ReLU):
    """`nn.ReLU`, computed by `relu`."""

    def forward(self, x: Tensor) -> Tensor:
        return relu(x)


class ScratchLeakyReLU(nn.LeakyReLU):
    """`nn.LeakyReLU`, computed by `leaky_relu`."""

    def forward(self, x: Tensor) -> Tensor:
        return leaky_relu(x, self.negative_slope)


class ScratchSigmoid(nn.Sigmoid):
    """`nn.Sigmoid`, computed by `sigmoid`."""

    def forward(self, x: Tensor) -> Tensor:
        return sigmoid(x)


class ScratchTanh(nn.Tanh):
    """`nn.Tanh`, computed by `tanh`."""

    def forward(self, x: Tensor) -> Tensor:
        return tanh(x)


class ScratchGELU(nn.GELU):
    """`nn.GELU`, computed by `gelu`."""

    def forward(self, x: Tensor) -> Tensor:
        return gelu(x)
