"""Random changes of the values of pixels in training images, a whole batch at a time, where the batch lives.

Every function here is an entry of the registry group "augment", as are those of `augment`; masks and boxes stay as they
are.
"""

from typing import Annotated

import torch
from torch import Tensor

from dl_runner.config.types import NonNegative, Positive, PositiveInt, Probability, Within
from dl_runner.data.image_ops import adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation, blur
from dl_runner.data.transforms import PixelLevel, Transform, bounds, sometimes, uniform
from dl_runner.errors import UserError

HueShift = Annotated[float, Within(low=0, high=0.5)]


def color_jitter(
    *,
    brightness: NonNegative = 0.5,
    contrast: NonNegative = 0.5,
    saturation: NonNegative = 0.5,
    hue: HueShift = 0.5,
    p: Probability = 1.0,
) -> Transform:
    """Changes brightness, contrast, saturation and hue of each image, always in this order.

    Each of the first three multiplies by a factor from [max(0, 1 - x), 1 + x]. Grey images have no saturation and hue.

    Args:
        brightness: x of the brightness, 0 for no change.
        contrast: x of the contrast.
        saturation: x of the saturation.
        hue: the hue turns by at most this share of the circle, either way; 0.5 gives any hue.
    """
    factors = [(adjust_brightness, brightness), (adjust_contrast, contrast), (adjust_saturation, saturation)]
    steps = [(adjust, max(0.0, 1 - most), 1 + most) for adjust, most in factors if most]
    steps += [(adjust_hue, -hue, hue)] if hue else []

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        for adjust, low, high in steps:
            images = adjust(images, uniform(low, high, (len(images),), generator))
        return images

    return sometimes(p, PixelLevel(transform))


def gaussian_noise(*, std: Positive = 0.1, p: Probability = 1.0) -> Transform:
    """Adds normal noise of standard deviation `std`, in units of 0..1, to every value, and clips at 0 and 1."""

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.randn(images.shape, generator=generator, device=images.device)
        return noise.mul_(std).add_(images).clamp_(0, 1)

    return sometimes(p, PixelLevel(transform))


def salt_and_pepper(*, share: Probability = 0.05, p: Probability = 1.0) -> Transform:
    """Makes each pixel, in all its channels, white or black with probability `share`, both equally often."""

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        n, _, height, width = images.shape
        lot = uniform(0, 1, (n, 1, height, width), generator)
        return images.masked_fill(lot < share, 1.0).masked_fill_(lot < share / 2, 0.0)

    return sometimes(p, PixelLevel(transform))


def gaussian_blur(
    *, kernel_size: PositiveInt = 5, sigma: tuple[Positive, ...] = (0.1, 2.0), p: Probability = 1.0
) -> Transform:
    """Blurs each image with a Gaussian of random width.

    Args:
        kernel_size: pixels along each side of the window, odd.
        sigma: smallest and largest standard deviation, in pixels.

    Raises:
        UserError: an even `kernel_size`, one too large for the images, or `sigma` is not two numbers, the lower first.
    """
    low, high = bounds("sigma", sigma)
    if kernel_size % 2 == 0:
        raise UserError(f"augment.kernel_size={kernel_size}: gaussian_blur needs an odd number")

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        if kernel_size // 2 >= min(images.shape[-2:]):
            size = "x".join(map(str, images.shape[-2:]))
            raise UserError(f"augment.kernel_size={kernel_size}: too large for images of {size} pixels")
        return blur(images, uniform(low, high, (len(images),), generator), kernel_size)

    return sometimes(p, PixelLevel(transform))
