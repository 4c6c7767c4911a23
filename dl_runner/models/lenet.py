"""LeNet-5 (LeCun et al., 1998, "Gradient-based learning applied to document recognition").

Two rounds of convolution → activation → 2×2 pooling, then three fully connected layers. The classic is
sigmoid with average pooling; ReLU with max pooling learns faster.
"""

from torch import nn

from dl_runner.config.types import Fraction
from dl_runner.layers.activations import Activation
from dl_runner.layers.activations import activation as make_activation
from dl_runner.layers.pooling import Pooling
from dl_runner.layers.pooling import pooling as make_pooling
from dl_runner.layers.shapes import require_images
from dl_runner.spec import DataSpec


def lenet(
    data: DataSpec, *, activation: Activation = "relu", pooling: Pooling = "max", dropout: Fraction = 0.0
) -> nn.Module:
    """(batch, channels, h, w) → (batch, outputs), h and w >= 12; 61,706 parameters on 28×28 grey, ten classes.

    Args:
        activation: after each convolution and each hidden fully connected layer.
        pooling: of each 2×2 window.
        dropout: after the activation of each hidden fully connected layer.

    Raises:
        UserError: no images, or smaller than 12×12.
    """
    require_images(data, "lenet", smallest=12)
    channels, height, width = data.input_shape
    features = 16 * ((height // 2 - 4) // 2) * ((width // 2 - 4) // 2)

    def hidden(inputs: int, outputs: int) -> list[nn.Module]:
        layers = [nn.Linear(inputs, outputs), make_activation(activation)]
        return [*layers, nn.Dropout(dropout)] if dropout else layers

    return nn.Sequential(
        nn.Conv2d(channels, 6, kernel_size=5, padding=2),  # (batch, 6, h, w)
        make_activation(activation),
        make_pooling(pooling, 2),  # (batch, 6, h/2, w/2)
        nn.Conv2d(6, 16, kernel_size=5),  # (batch, 16, h/2 - 4, w/2 - 4)
        make_activation(activation),
        make_pooling(pooling, 2),
        nn.Flatten(),
        *hidden(features, 120),
        *hidden(120, 84),
        nn.Linear(84, data.outputs),
    )
