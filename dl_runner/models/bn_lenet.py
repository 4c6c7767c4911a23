"""LeNet with batch normalization (Ioffe and Szegedy, 2015), which bears a learning rate ten times as high.

Normalization stands between each convolution and its activation, and likewise after the first fully connected layer.
"""

from torch import nn

from dl_runner.config.types import PositiveInt
from dl_runner.layers.shapes import require_images
from dl_runner.spec import DataSpec


def bn_lenet(data: DataSpec, *, width: PositiveInt = 1) -> nn.Module:
    """(batch, channels, h, w) → (batch, outputs), h and w >= 16; 44,710 parameters on 28×28 grey, ten classes.

    Args:
        width: multiplies every number of channels and of hidden units.

    Raises:
        UserError: no images, or smaller than 16×16.
    """
    require_images(data, "bn_lenet", smallest=16)
    channels, height, breadth = data.input_shape
    first, second, third, fourth = (width * size for size in (6, 16, 120, 84))
    features = second * (((height - 4) // 2 - 4) // 2) * (((breadth - 4) // 2 - 4) // 2)
    return nn.Sequential(
        nn.Conv2d(channels, first, kernel_size=5),  # (batch, 6·width, h - 4, w - 4)
        nn.BatchNorm2d(first),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, kernel_size=5),  # (batch, 16·width, (h - 4)/2 - 4, …)
        nn.BatchNorm2d(second),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(features, third),
        nn.BatchNorm1d(third),
        nn.ReLU(),
        nn.Linear(third, fourth),
        nn.ReLU(),
        nn.Linear(fourth, data.outputs),
    )
