"""GoogLeNet (Szegedy et al., 2015, "Going deeper with convolutions"): nine Inception blocks in three stages.

A block looks at its input with 1×1, 3×3 and 5×5 convolutions and a pooling at once, and 1×1 convolutions keep the
channels few. Without the paper's auxiliary classifiers and local response normalization.
"""

from torch import nn

from dl_runner.layers.inception import convolution, inception_network
from dl_runner.layers.shapes import require_images
from dl_runner.spec import DataSpec


def googlenet(data: DataSpec) -> nn.Module:
    """(batch, channels, h, w) → (batch, outputs); 5,977,530 parameters with grey and ten classes, at any size.

    Raises:
        UserError: no images.
    """
    require_images(data, "googlenet")

    def three(inputs: int, outputs: int) -> nn.Module:
        return convolution(inputs, outputs, 3)

    def five(inputs: int, outputs: int) -> nn.Module:
        return convolution(inputs, outputs, 5)

    return inception_network(data.channels, data.outputs, [(three, five)] * 3)
