"""ResNet-34 (He et al., 2016, "Deep residual learning for image recognition"): 3, 4, 6 and 3 basic blocks."""

from torch import nn

from dl_runner.layers.residual import Stem, residual_network
from dl_runner.layers.shapes import require_images
from dl_runner.spec import DataSpec


def resnet34(data: DataSpec, *, stem: Stem = "imagenet") -> nn.Module:
    """(batch, channels, h, w) → (batch, outputs), any h and w >= 1.

    Args:
        stem: "imagenet" is a 7×7 convolution with stride 2 and pooling (21,290,250 parameters with one channel
            and ten classes); "small" is a 3×3 convolution at full size, for small images (21,287,690).

    Raises:
        UserError: no images.
    """
    require_images(data, "resnet34")
    return residual_network(stem, (3, 4, 6, 3), data.channels, data.outputs)
