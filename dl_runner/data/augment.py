"""Random changes of where the pixels of training images are, a whole batch at a time, where the batch lives.

Every function here is an entry of the registry group "augment": it takes its settings and returns a `Transform`, which
moves masks and boxes with the images. Those that change the pixels' values are in `augment_color`.
"""

import math
from typing import Annotated

import torch
from torch import Tensor

from dl_runner.config.types import Positive, PositiveInt, Probability, Within
from dl_runner.data.geometry import Flip, Warp, Window
from dl_runner.data.image_ops import erase
from dl_runner.data.transforms import (
    Crop,
    Geometric,
    Move,
    PixelLevel,
    Transform,
    bounds,
    compose,
    sizes_of,
    sometimes,
    uniform,
)

__all__ = ["Transform", "compose"]

Degrees = Annotated[float, Within(low=0, high=180)]
DRAWS = 10  # of a box that may turn out too large for its image, as in torchvision


def horizontal_flip(*, p: Probability = 0.5) -> Transform:
    """Mirrors each image left to right with probability `p`."""
    return sometimes(p, Geometric(lambda images, _: Flip(-1)))


def vertical_flip(*, p: Probability = 0.5) -> Transform:
    """Mirrors each image upside down with probability `p`."""
    return sometimes(p, Geometric(lambda images, _: Flip(-2)))


def random_crop(*, padding: PositiveInt = 4) -> Transform:
    """Pads each image with `padding` black pixels on every side and cuts a window of the old size at a random place.

    Source: the CIFAR-10 augmentation of He et al., "Deep Residual Learning for Image Recognition", 2015, section 4.2.
    """

    def draw(images: Tensor, generator: torch.Generator) -> Move:
        top, left = torch.randint(2 * padding + 1, (2, len(images)), generator=generator, device=images.device)
        return Window((padding, padding), top, left)

    return Geometric(draw)


def translation(*, fraction: Probability = 0.1, p: Probability = 1.0) -> Transform:
    """Moves each image by whole pixels, at most `fraction` of its height down or up and of its width sideways."""

    def draw(images: Tensor, generator: torch.Generator) -> Move:
        rows, columns = (round(fraction * size) for size in images.shape[-2:])
        top, left = (
            torch.randint(2 * most + 1, (len(images),), generator=generator, device=images.device)
            for most in (rows, columns)
        )
        return Window((rows, columns), top, left)

    return sometimes(p, Geometric(draw))


def rotation(*, degrees: Degrees = 30.0, p: Probability = 1.0) -> Transform:
    """Rotates each image about its centre, at most `degrees` either way; black corners, bilinear."""
    return affine(degrees=degrees, translate=0.0, scale=(1.0, 1.0), p=p)


def affine(
    *,
    degrees: Degrees = 30.0,
    translate: Probability = 0.1,
    scale: tuple[Positive, ...] = (0.8, 1.2),
    p: Probability = 1.0,
) -> Transform:
    """Rotates, zooms and moves each image in one bilinear sampling; black where nothing was.

    Args:
        degrees: at most this far either way.
        translate: at most this share of the height and of the width, in whole pixels.
        scale: smallest and largest enlargement.

    Raises:
        UserError: `scale` is not two numbers, the lower first.
    """
    low, high = bounds("scale", scale)

    def draw(images: Tensor, generator: torch.Generator) -> Move:
        n, _, height, width = images.shape
        angle, zoom = uniform(-degrees, degrees, (n,), generator), uniform(low, high, (n,), generator)
        down, right = uniform(-translate, translate, (2, n), generator)
        return Warp(angle, zoom, (down * height).round(), (right * width).round())

    return sometimes(p, Geometric(draw))


def random_resized_crop(
    *, scale: tuple[Positive, ...] = (0.1, 1.0), ratio: tuple[Positive, ...] = (0.5, 2.0)
) -> Transform:
    """Cuts a random box out of each image and resizes it, bilinearly, to the size that the images have.

    Where ten draws of a box are all larger than the image, the largest central box of the nearest ratio is taken. As
    the first transform of photographs with `data.resize`, it sees them whole.
    Source: Szegedy et al., "Going Deeper with Convolutions", 2014, section 6.

    Args:
        scale: smallest and largest share of the area that the box has, at most 1.
        ratio: smallest and largest width / height of the box, in pixels.

    Raises:
        UserError: a setting is not two numbers in its range, the lower first.
    """
    scale, ratio = bounds("scale", scale, 1), bounds("ratio", ratio)

    def boxes(sizes: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
        rows, columns = sizes.unbind(1)
        height, width, found = _box_sizes(sizes, scale, ratio, generator)
        nearest = (columns.double() / rows).clamp(*ratio)
        height = torch.where(found, height, (columns / nearest).round().long().clamp(min=1).minimum(rows))
        width = torch.where(found, width, (rows * nearest).round().long().clamp(min=1).minimum(columns))
        top, left = _corner(sizes, height, width, generator)
        top = torch.where(found, top, (rows - height) // 2)
        left = torch.where(found, left, (columns - width) // 2)
        return top, left, height, width

    return Crop(boxes)


def random_erasing(
    *,
    scale: tuple[Positive, ...] = (0.02, 0.33),
    ratio: tuple[Positive, ...] = (0.3, 3.3),
    value: Probability = 0.0,
    p: Probability = 0.5,
) -> Transform:
    """Fills a random box of each image with one value, with probability `p`; masks and boxes stay as they are.

    Source: Zhong et al., "Random Erasing Data Augmentation", 2017, algorithm 1.

    Args:
        scale: smallest and largest share of the area that the box has, at most 1.
        ratio: smallest and largest width / height of the box, in pixels.
        value: from 0, black, to 1, white.

    Raises:
        UserError: a setting is not two numbers in its range, the lower first.
    """
    scale, ratio = bounds("scale", scale, 1), bounds("ratio", ratio)

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        sizes = sizes_of(images)
        height, width, found = _box_sizes(sizes, scale, ratio, generator)
        top, left = _corner(sizes, height, width, generator)
        return erase(images, top, left, height * found, width, value)

    return sometimes(p, PixelLevel(transform))


def _box_sizes(
    sizes: Tensor, scale: tuple[float, float], ratio: tuple[float, float], generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Height and width of a box per image, and whether it fits into the image: the first of some draws that does.

    The area is uniform in `scale`, the logarithm of width / height uniform in that of `ratio`. All are (n,), int64
    and bool; a box that does not fit is as large as the image at most.
    """
    rows, columns = sizes.split(1, 1)  # (n, 1)
    area = uniform(*scale, (len(sizes), DRAWS), generator) * (rows * columns)
    aspect = uniform(math.log(ratio[0]), math.log(ratio[1]), (len(sizes), DRAWS), generator).exp_()
    heights, widths = (side.sqrt().round().long().clamp_(min=1) for side in (area / aspect, area * aspect))
    fits = (heights <= rows) & (widths <= columns)
    first = fits.int().argmax(1, keepdim=True)
    height, width, found = (drawn.gather(1, first).squeeze(1) for drawn in (heights, widths, fits))
    return height.minimum(rows[:, 0]), width.minimum(columns[:, 0]), found


def _corner(sizes: Tensor, height: Tensor, width: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """First row and column of boxes of these sizes, uniform over the places within the image, int64 (n,)."""
    rows, columns = sizes.unbind(1)
    down, right = uniform(0, 1, (2, len(sizes)), generator)
    return (down * (rows - height + 1)).long(), (right * (columns - width + 1)).long()
