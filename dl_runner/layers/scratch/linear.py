"""The fully connected layer, y = Wx + b for each example, and the flattening before it.

x (batch, inputs), W (outputs, inputs), b (outputs,), y (batch, outputs). Examples are rows, so Wx is written x Wᵀ.
"""

from torch import Tensor, nn


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """(…, inputs) → (…, outputs)."""
    y = x @ weight.T
    return y if bias is None else y + bias


def flatten(x: Tensor, first: int = 1, last: int = -1) -> Tensor:
    """The dimensions `first` to `last`, a negative one counted from the end, become one."""
    first, last = first % x.ndim, last % x.ndim
    return x.reshape(*x.shape[:first], -1, *x.shape[last + 1 :])


class ScratchLinear(nn.Linear):
    """`nn.Linear`, computed by `linear`."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


class ScratchFlatten(nn.Flatten):
    """`nn.Flatten`, computed by `flatten`."""

    def forward(self, x: Tensor) -> Tensor:
        return flatten(x, self.start_dim, self.end_dim)
