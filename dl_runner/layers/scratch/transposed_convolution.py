"""Transposed convolution: every input pixel writes a multiple of the kernel, and what overlaps adds up.

Y[n, o, s·a + i, t·b + j] = bₒ + Σ_c X[n, c, a, b] · K[c, o, i, j], summed over all that reach the same place

It is the convolution of the image with s − 1 rows of zeros between its rows, and t − 1 columns likewise, by the kernel
turned by half a turn; the zeros outside are k − 1 and l − 1 wide, and what padding p takes away is cut off at the end.
"""

from torch import Tensor, nn

from dl_runner.layers.scratch.convolution import conv2d
from dl_runner.layers.scratch.windows import Pair


def conv_transpose2d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Pair = (1, 1), padding: Pair = (0, 0)
) -> Tensor:
    """A transposed convolution layer.

    Args:
        x: (batch, inputs, h, w).
        weight: (inputs, outputs, k, l).
        bias: (outputs,).
        stride: how far apart the kernels of two neighbours are written, down and across.
        padding: rows cut off above and below, columns left and right.

    Returns:
        (batch, outputs, (h − 1)·s − 2p + k, (w − 1)·t − 2q + l).
    """
    (down, across), (height, width) = stride, x.shape[2:]
    spread = x.new_zeros(*x.shape[:2], (height - 1) * down + 1, (width - 1) * across + 1)
    spread[..., ::down, ::across] = x
    turned = weight.flip(2, 3).transpose(0, 1)  # (outputs, inputs, k, l)
    y = conv2d(spread, turned, bias, padding=(weight.shape[2] - 1, weight.shape[3] - 1))
    top, left = padding
    return y[..., top : y.shape[2] - top, left : y.shape[3] - left].contiguous()


class ScratchConvTranspose2d(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d`, computed by `conv_transpose2d`."""

    def forward(self, x: Tensor) -> Tensor:
        return conv_transpose2d(x, self.weight, self.bias, self.stride, self.padding)
