"""ResNet-18 (He et al., 2016, "Deep residual learning for image recognition"): four stages of two basic blocks."""

from torch import nn

from dl_runner.layers.residual import Stem, residual_network
from dl_runner.layers.shapes import require_images
from dl_runner.spec import DataSpec


def resnet18(data: DataSpec, *, stem: Stem = "imagenet") -> nn.Module:
    """(batch, channels, h, w) → (batch, outputs).

    Args:
        stem: "imagenet" is a 7×7 convolution with stride 2 and pooling (11,178,378 parameters with one channel
            and ten classes); "small" is a 3×3 convolution at full size, for small images (11,175,818).

    Raises:
        UserError: no images.
    """
    require_images(data, "resnet18")
    return residual_network(stem, (2, 2, 2, 2), data.channels, data.outputs)
