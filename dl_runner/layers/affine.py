"""A linear layer with parameters of its own making."""

import math

import torch
from torch import Tensor, nn


class Affine(nn.Linear):
    """y = xWᵀ + b; (…, inputs) → (…, outputs).

    The parameters are made and the product is written out here; nothing of the parent's is used. It is a subclass so
    that all that treats linear layers by their kind, such as the initializers, treats this one alike.

    Args:
        inputs: features of an example, > 0.
        outputs: likewise; W is (outputs, inputs) and starts as N(0, 1/inputs), b is (outputs,) and starts as 0.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = inputs, outputs
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / math.sqrt(inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.T + self.bias
