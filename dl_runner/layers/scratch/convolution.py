"""Convolution, which in deep learning is cross-correlation: a kernel slides over an image.

One channel:      Y[a, b]       = Σᵢⱼ X[a + i, b + j] · K[i, j]
many in and out:  Y[o, a, b]    = Σ_c Σᵢⱼ X[c, a + i, b + j] · K[o, c, i, j]
a layer:          Y[n, o, a, b] = bias[o] + Σ_c Σᵢⱼ X[n, c, s·a + i, s·b + j] · K[o, c, i, j],  X padded, stride s

(a, b) is a pixel of the output, (i, j) a position in the kernel, c an input and o an output channel, n an example.
A 1×1 kernel sees one pixel at a time, which makes it a matrix product over the channels. A layer is one as well: the
sum over c, i and j together is a product of the kernels, a row each, and the shifted images (`windows`), stacked.
"""

import torch
from torch import Tensor, nn

from dl_runner.layers.scratch.windows import Pair, pad, shifts


def corr2d(image: Tensor, kernel: Tensor) -> Tensor:
    """Cross-correlation of one channel: (h, w), (k, l) → (h − k + 1, w − l + 1)."""
    parts = shifts(image, kernel.shape)
    return sum(weight * part for weight, part in zip(kernel.flatten(), parts, strict=True))


def corr2d_multi_in(image: Tensor, kernel: Tensor) -> Tensor:
    """Several input channels, the sum of each one's correlation: (c, h, w), (c, k, l) → (h − k + 1, w − l + 1)."""
    return sum(corr2d(channel, own) for channel, own in zip(image, kernel, strict=True))


def corr2d_multi_in_out(image: Tensor, kernels: Tensor) -> Tensor:
    """Several output channels, a kernel each: (c, h, w), (o, c, k, l) → (o, h − k + 1, w − l + 1)."""
    return torch.stack([corr2d_multi_in(image, kernel) for kernel in kernels])


def corr2d_1x1(image: Tensor, weight: Tensor) -> Tensor:
    """1×1 kernels, a matrix product that mixes the channels of each pixel: (c, …), (o, c) → (o, …)."""
    return (weight @ image.flatten(1)).unflatten(1, image.shape[1:])


def conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Pair = (1, 1), padding: Pair = (0, 0)
) -> Tensor:
    """A convolution layer.

    Args:
        x: (batch, inputs, h, w).
        weight: (outputs, inputs, k, l).
        bias: (outputs,).
        stride: of the kernel, down and across.
        padding: zeros above and below, left and right.

    Returns:
        (batch, outputs, ⌊(h + 2p − k) / s⌋ + 1, ⌊(w + 2q − l) / t⌋ + 1).
    """
    channels_first = pad(x, padding).transpose(0, 1)  # (inputs, batch, h + 2p, w + 2q)
    stacked = torch.stack([*shifts(channels_first, weight.shape[2:], stride)], dim=1)
    y = corr2d_1x1(stacked.flatten(0, 1), weight.flatten(1))  # inputs·k·l channels → (outputs, batch, …)
    if bias is not None:
        y = y + bias[:, None, None, None]
    return y.transpose(0, 1).contiguous()


class ScratchConv2d(nn.Conv2d):
    """`nn.Conv2d`, computed by `conv2d`."""

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, self.weight, self.bias, self.stride, self.padding)
