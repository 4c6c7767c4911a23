"""ResNet-18 to ResNet-152 (He et al., 2016, "Deep residual learning for image recognition", table 1)."""

from typing import Literal

from torch import nn

from dl_runner.layers.residual import Bottleneck, Residual, Stem, residual_network
from dl_runner.layers.shapes import require_images
from dl_runner.spec import DataSpec

# depth: blocks per stage, and what they are
STAGES = {
    18: ((2, 2, 2, 2), Residual),
    34: ((3, 4, 6, 3), Residual),
    50: ((3, 4, 6, 3), Bottleneck),
    101: ((3, 4, 23, 3), Bottleneck),
    152: ((3, 8, 36, 3), Bottleneck),
}


def resnet(
    data: DataSpec,
    *,
    depth: Literal[18, 34, 50, 101, 152] = 18,
    stem: Stem = "imagenet",
    bias: bool = True,
    norm_shortcut: bool = False,
) -> nn.Module:
    """(batch, channels, h, w) → (batch, outputs), any h and w >= 1.

    Args:
        depth: convolutions and linear layers on the longest path; from 50 on the blocks are bottlenecks.
        stem: "imagenet" is a 7×7 convolution with stride 2 and pooling; "small" is a 3×3 convolution at full size, for
            small images. With one channel and ten classes, ResNet-18 has 11,178,378 and 11,175,818 parameters,
            ResNet-50 23,541,130 and 23,538,570.
        bias: whether convolutions have one, as in Dive into Deep Learning.
        norm_shortcut: whether batch norm follows the 1×1 convolutions of the shortcuts. Without biases and with it the
            network is torchvision's, tensor for tensor: pretrained=in_order reads its weights.

    Raises:
        UserError: no images.
    """
    require_images(data, f"resnet{depth}")
    blocks, kind = STAGES[depth]
    return residual_network(stem, blocks, data.channels, data.outputs, kind, bias=bias, norm_shortcut=norm_shortcut)
