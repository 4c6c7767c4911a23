"""The wider LeNet (20 and 50 kernels) that Dive into Deep Learning trains on several GPUs by hand."""

from torch import nn

from dl_runner.layers.shapes import require_images
from dl_runner.spec import DataSpec


def lenet_parallel(data: DataSpec) -> nn.Module:
    """(batch, channels, h, w) → (batch, outputs), h and w >= 14; 129,068 parameters on 28×28 grey, ten classes.

    Raises:
        UserError: no images, or smaller than 14×14.
    """
    require_images(data, "lenet_parallel", smallest=14)
    channels, height, width = data.input_shape
    features = 50 * (((height - 2) // 2 - 4) // 2) * (((width - 2) // 2 - 4) // 2)
    return nn.Sequential(
        nn.Conv2d(channels, 20, kernel_size=3),  # (batch, 20, h - 2, w - 2)
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(20, 50, kernel_size=5),  # (batch, 50, (h - 2)/2 - 4, (w - 2)/2 - 4)
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(features, 128),
        nn.ReLU(),
        nn.Linear(128, data.outputs),
    )
