"""Batch normalization (Ioffe and Szegedy, 2015): every channel gets mean 0 and variance 1, then its own scale γ and
shift β.

y = γ · (x − μ) / √(σ² + ε) + β

In training μ and σ² are those of the batch, over all examples and pixels of a channel, and running statistics
follow them: new = (1 − momentum) · old + momentum · batch, with momentum 0.1. In evaluation μ and σ² are the running
ones, so that an example's output does not depend on its neighbours. The batch's own variance divides by n, the
number of values in a channel; the running one estimates that of all data and takes n/(n − 1) of it.
"""

import torch
from torch import Tensor, nn


def batch_norm(
    x: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize each channel of `x`, (batch, channels, …); the shape stays.

    Args:
        running_mean: (channels,), updated in place in training.
        running_var: (channels,), likewise.
        weight: the scale γ, (channels,); None for 1.
        bias: the shift β, (channels,); None for 0.

    Raises:
        ValueError: in training, a channel has only one value, whose variance says nothing.
    """
    dims = [dim for dim in range(x.ndim) if dim != 1]
    column = [-1 if dim == 1 else 1 for dim in range(x.ndim)]  # (channels,) as a shape that broadcasts over x
    wide = x.to(running_mean.dtype)  # sums over a whole batch do not fit a half-precision number
    mean, var = running_mean.view(column), running_var.view(column)
    if training:
        n = x.numel() // x.shape[1]
        if n == 1:
            raise ValueError("batch normalization needs more than one value per channel in training")
        mean = wide.mean(dims, keepdim=True)
        var = (wide - mean).square().mean(dims, keepdim=True)
        with torch.no_grad():
            running_mean.lerp_(mean.flatten(), momentum)
            running_var.lerp_(var.flatten() * n / (n - 1), momentum)
    y = (wide - mean) / torch.sqrt(var + eps)
    if weight is not None:
        y = y * weight.view(column) + bias.view(column)
    return y.to(x.dtype)


class _ScratchBatchNorm:
    """Mixed into torch's batch normalization layers, which hold the parameters and the running statistics."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.num_batches_tracked.add_(1)
        statistics = self.running_mean, self.running_var
        return batch_norm(x, *statistics, self.weight, self.bias, self.training, self.momentum, self.eps)


class ScratchBatchNorm1d(_ScratchBatchNorm, nn.BatchNorm1d):
    """`nn.BatchNorm1d`, computed by `batch_norm`."""


class ScratchBatchNorm2d(_ScratchBatchNorm, nn.BatchNorm2d):
    """`nn.BatchNorm2d`, computed by `batch_norm`."""
