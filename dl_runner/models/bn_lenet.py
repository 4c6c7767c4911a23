"""LeNet with batch normalization (Ioffe and Szegedy, 2015), which bears a learning rate ten times as high.

Normalization stands between each convolution and its activation, and likewise after the first fully connected layer.
"""

from torch import nn

from dl_runner.layers.shapes import require_images
from dl_runner.spec import DataSpec


def bn_lenet(data: DataSpec) -> nn.Module:
    """(batch, channels, h, w) → (batch, outputs), h and w >= 16; 44,710 parameters on 28×28 grey, ten classes.

    Raises:
        UserError: no images, or smaller than 16×16.
    """
    require_images(data, "bn_lenet", smallest=16)
    channels, height, width = data.input_shape
    features = 16 * (((height - 4) // 2 - 4) // 2) * (((width - 4) // 2 - 4) // 2)
    return nn.Sequential(
        nn.Conv2d(channels, 6, kernel_size=5),  # (batch, 6, h - 4, w - 4)
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, kernel_size=5),  # (batch, 16, (h - 4)/2 - 4, (w - 4)/2 - 4)
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(features, 120),
        nn.BatchNorm1d(120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, data.outputs),
    )
