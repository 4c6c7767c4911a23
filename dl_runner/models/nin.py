"""Network in network (Lin et al., 2014): small perceptrons, made of 1×1 convolutions, slide over the image.

No fully connected layer: the last block has a channel per class, and global average pooling turns it into the logits.
"""

from torch import nn

from dl_runner.config.types import Fraction
from dl_runner.layers.shapes import require_images
from dl_runner.spec import DataSpec


def _block(inputs: int, outputs: int, kernel_size: int, stride: int = 1, padding: int = 0) -> nn.Sequential:
    """A convolution and two 1×1 convolutions, each with ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size, stride, padding),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, kernel_size=1),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, kernel_size=1),
        nn.ReLU(),
    )


def nin(data: DataSpec, *, dropout: Fraction = 0.5) -> nn.Module:
    """(batch, channels, h, w) → (batch, outputs), h and w >= 67; 1,992,166 parameters with grey and ten classes.

    Args:
        dropout: before the last block.

    Raises:
        UserError: no images, or smaller than 67×67.
    """
    require_images(data, "nin", smallest=67)
    return nn.Sequential(
        _block(data.channels, 96, kernel_size=11, stride=4),  # 224×224 → 54×54
        nn.MaxPool2d(3, stride=2),  # 26×26
        _block(96, 256, kernel_size=5, padding=2),
        nn.MaxPool2d(3, stride=2),  # 12×12
        _block(256, 384, kernel_size=3, padding=1),
        nn.MaxPool2d(3, stride=2),  # 5×5
        nn.Dropout(dropout),
        _block(384, data.outputs, kernel_size=3, padding=1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
