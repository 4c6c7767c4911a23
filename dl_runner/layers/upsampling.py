"""Transposed convolution that starts as bilinear interpolation (Long et al., 2015, section 3.3)."""

import torch
from torch import Tensor, nn


def bilinear_kernel(factor: int) -> Tensor:
    """The weights that enlarge a channel `factor` times: float32 (k, k), k = 2·factor − factor mod 2.

    A weight falls linearly from the centre, 1 − |i − c| / factor down and likewise across, so that those of all places
    under which a pixel lies add up to 1.
    """
    size = 2 * factor - factor % 2
    distance = (torch.arange(size) - (size - 1) / 2).abs()
    line = 1 - distance / factor
    return line[:, None] * line


def upsampling(channels: int, factor: int) -> nn.ConvTranspose2d:
    """(batch, channels, h, w) → (batch, channels, factor·h, factor·w), learnt, without bias.

    At first each channel is interpolated by itself. The initializers leave the layer as it is.
    """
    odd = factor % 2
    layer = nn.ConvTranspose2d(
        channels, channels, 2 * factor - odd, stride=factor, padding=(factor - odd) // 2, bias=False
    )
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[range(channels), range(channels)] = bilinear_kernel(factor).to(layer.weight)
    layer.keeps_its_weights = True  # see dl_runner.init.initializers
    return layer
