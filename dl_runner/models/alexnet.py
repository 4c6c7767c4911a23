"""AlexNet (Krizhevsky et al., 2012, "ImageNet classification with deep convolutional neural networks").

Five convolutions whose kernels shrink from 11×11 to 3×3, overlapping max pooling, and two wide fully connected layers
with dropout, which hold most of the parameters.
"""

from torch import nn

from dl_runner.config.types import Fraction, PositiveInt
from dl_runner.layers.heads import dense_head
from dl_runner.layers.shapes import require_images
from dl_runner.spec import DataSpec


def alexnet(data: DataSpec, *, last_width: PositiveInt = 384, dropout: Fraction = 0.5) -> nn.Module:
    """(batch, channels, h, w) → (batch, outputs), h and w >= 65.

    60,314,442 parameters on 224×224 grey, ten classes.

    Args:
        last_width: output channels of the fifth convolution; 256 in the paper.
        dropout: after each hidden fully connected layer.

    Raises:
        UserError: no images, or smaller than 65×65.
    """
    require_images(data, "alexnet", smallest=65)
    channels, height, width = data.input_shape
    features = nn.Sequential(
        nn.Conv2d(channels, 96, kernel_size=11, stride=4, padding=1),  # 224×224 → 54×54
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),  # 26×26
        nn.Conv2d(96, 256, kernel_size=5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),  # 12×12
        nn.Conv2d(256, 384, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 384, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, last_width, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),  # 5×5
    )
    return nn.Sequential(features, dense_head(last_width * _side(height) * _side(width), data.outputs, dropout))


def _side(pixels: int) -> int:
    """Height or width of the feature maps that the images leave."""
    side = (pixels + 2 - 11) // 4 + 1  # the first convolution; the others keep the size
    for _ in range(3):
        side = (side - 3) // 2 + 1  # a pooling
    return side
