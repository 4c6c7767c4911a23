"""Pooling: one number for each window of each channel, its largest or its mean.

max:      Y[n, c, a, b] = maxᵢⱼ X[n, c, s·a + i, s·b + j]
average:  Y[n, c, a, b] = 1/(k·l) · Σᵢⱼ X[n, c, s·a + i, s·b + j]

(i, j) runs over the k×l positions in a window, s is the stride. Padding is −∞ for the largest, so that it never wins,
and 0 for the mean, where it counts. Global average pooling is the mean of each whole channel.
"""

import math

import torch
from torch import Tensor, nn

from dl_runner.layers.pooling import Pooling
from dl_runner.layers.scratch.windows import Pair, pad, pair, shifts


def pool2d(
    x: Tensor, window: Pair, mode: Pooling = "max", stride: Pair | None = None, padding: Pair = (0, 0)
) -> Tensor:
    """(…, h, w) → (…, ⌊(h + 2p − k) / s⌋ + 1, ⌊(w + 2q − l) / t⌋ + 1).

    Args:
        window: (k, l).
        mode: "max" or "average".
        stride: (s, t); the window's size when left out, so that windows lie side by side.
        padding: (p, q), at most half a window.
    """
    border = -math.inf if mode == "max" else 0.0
    stacked = torch.stack([*shifts(pad(x, padding, border), window, stride or window)])  # (k·l, …)
    # Of equal maxima, `max` gives the gradient to the first.
    return stacked.max(0).values if mode == "max" else stacked.mean(0)


def global_average(x: Tensor) -> Tensor:
    """(…, h, w) → (…, 1, 1)."""
    return x.mean((-2, -1), keepdim=True)


class ScratchMaxPool2d(nn.MaxPool2d):
    """`nn.MaxPool2d`, computed by `pool2d`."""

    def forward(self, x: Tensor) -> Tensor:
        return pool2d(x, pair(self.kernel_size), "max", pair(self.stride), pair(self.padding))


class ScratchAvgPool2d(nn.AvgPool2d):
    """`nn.AvgPool2d`, computed by `pool2d`."""

    def forward(self, x: Tensor) -> Tensor:
        return pool2d(x, pair(self.kernel_size), "average", pair(self.stride), pair(self.padding))


class ScratchGlobalAvgPool2d(nn.AdaptiveAvgPool2d):
    """`nn.AdaptiveAvgPool2d(1)`, computed by `global_average`."""

    def forward(self, x: Tensor) -> Tensor:
        return global_average(x)
