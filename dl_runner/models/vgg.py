"""VGG (Simonyan and Zisserman, 2015, "Very deep convolutional networks for large-scale image recognition").

Five blocks of 3×3 convolutions, each closed by 2×2 max pooling; the width doubles from block to block up to 512.
Two wide fully connected layers with dropout follow.
"""

from typing import Literal

from torch import nn

from dl_runner.config.types import Fraction
from dl_runner.layers.heads import dense_head
from dl_runner.layers.shapes import require_images
from dl_runner.spec import DataSpec

WIDTHS = (64, 128, 256, 512, 512)
CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}  # per block


def vgg(
    data: DataSpec,
    *,
    depth: Literal[11, 13, 16, 19] = 11,
    divisor: Literal[1, 2, 4, 8, 16] = 4,
    dropout: Fraction = 0.5,
    batch_norm: bool = False,
) -> nn.Module:
    """(batch, channels, h, w) → (batch, outputs), h and w >= 32.

    43,093,322 parameters on 224×224 grey, ten classes, with depth 11 and a quarter of the widths.

    Args:
        depth: the number of layers with weights.
        divisor: of the convolutions' widths; 1 in the paper. The fully connected layers keep 4096 units.
        dropout: after each hidden fully connected layer.
        batch_norm: normalize between each convolution and its ReLU (Ioffe and Szegedy, 2015); not in the paper.

    Raises:
        UserError: no images, or smaller than 32×32.
    """
    require_images(data, "vgg", smallest=32)
    inputs, height, width = data.input_shape
    blocks = []
    for outputs, convolutions in zip([full // divisor for full in WIDTHS], CONVOLUTIONS[depth], strict=True):
        block: list[nn.Module] = []
        for _ in range(convolutions):
            norm = [nn.BatchNorm2d(outputs)] if batch_norm else []
            block += [nn.Conv2d(inputs, outputs, kernel_size=3, padding=1), *norm, nn.ReLU()]
            inputs = outputs
        blocks.append(nn.Sequential(*block, nn.MaxPool2d(2)))  # halves height and width
    return nn.Sequential(*blocks, dense_head(inputs * (height // 32) * (width // 32), data.outputs, dropout))
