"""A single convolution: cross-correlation with a learned kernel and nothing else, not even a bias."""

from torch import nn

from dl_runner.config.types import PositiveInt
from dl_runner.errors import UserError
from dl_runner.layers.shapes import require_images
from dl_runner.spec import DataSpec


def convolution(data: DataSpec, *, kernel: tuple[PositiveInt, ...] = (1, 2)) -> nn.Module:
    """(batch, channels, h, w) → (batch, outputs): k maps of (h − a + 1)·(w − b + 1) pixels, k as the outputs need.

    Args:
        kernel: its height a and width b.

    Raises:
        UserError: no images, a kernel that does not fit into them, or outputs that are no whole number of maps.
    """
    require_images(data, "convolution")
    channels, height, width = data.input_shape
    if len(kernel) != 2 or kernel[0] > height or kernel[1] > width:
        raise UserError(
            f"model.kernel={list(kernel)}: needs a height and a width, at most those of the images, {height}x{width}"
        )
    pixels = (height - kernel[0] + 1) * (width - kernel[1] + 1)
    if data.outputs % pixels:
        raise UserError(
            f"model=convolution: its maps of {pixels} pixels cannot make up {data.outputs} outputs; "
            "it is for targets that are images, such as data=vertical_edges"
        )
    return nn.Sequential(nn.Conv2d(channels, data.outputs // pixels, kernel, bias=False), nn.Flatten())
