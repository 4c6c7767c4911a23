"""What an augmentation is: a change of images that takes their masks and boxes along.

A geometric transform draws its amounts once, a `Move` for each image, and applies it to images, masks and boxes; a
pixel-level one changes the values of images and leaves the others as they are. Either is called as
`transform(batch, generator)`, where the batch is a tensor of images or `Pictures`, and returns what it was given. All
randomness comes from the generator, on the images' device, and is drawn anew for each image; the same is drawn whether
or not there are masks and boxes. A plain function `(images, generator) -> images` is a transform, too, where there are
neither: nothing tells whether it moves pixels.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from dl_runner.data.geometry import ResizedCrop
from dl_runner.errors import UserError

VISIBLE = 0.1  # share of a moved box that must lie within the image, or the box is gone


@dataclass(frozen=True)
class Pictures:
    """A batch of images with what is known of their places, all on one device.

    Args:
        images: float 0..1, (n, channels, height, width).
        masks: a class index for each pixel, uint8 or int64 (n, height, width).
        boxes: float (n, most, 4), x1, y1, x2, y2 in pixels: the upper left corner of the image is 0, 0, its lower
            right one width, height. A row without area is padding. Rows keep their places, so labels stay theirs.
        ignore: the class index of pixels of a mask that a transform brings in from outside the image.
    """

    images: Tensor
    masks: Tensor | None = None
    boxes: Tensor | None = None
    ignore: int = 255


Batch = TypeVar("Batch", Tensor, Pictures)
Transform = Callable[[Batch, torch.Generator], Batch]


class Move(Protocol):
    """A change of where things are, each image of a batch by its own amount; nothing in it is random. What it returns
    is new memory."""

    def images(self, images: Tensor) -> Tensor:
        """Black where nothing was, at most interpolated in between."""

    def masks(self, masks: Tensor, ignore: int) -> Tensor:
        """The nearest pixel's class, `ignore` where nothing was."""

    def boxes(self, boxes: Tensor, size: tuple[int, int]) -> Tensor:
        """The smallest boxes around the moved ones, not clipped; `size` is the images' height and width."""


@dataclass(frozen=True)
class Geometric:
    """A transform that moves images, masks and boxes alike.

    Boxes are clipped to the image. One of which less than a tenth (`VISIBLE`) of the moved area is left becomes a row
    of zeros, as does padding.

    Args:
        draw: (images, generator) to the move of that batch.
    """

    draw: Callable[[Tensor, torch.Generator], Move]

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        if isinstance(batch, Tensor):
            return self.draw(batch, generator).images(batch)
        move = self.draw(batch.images, generator)
        masks = None if batch.masks is None else move.masks(batch.masks, batch.ignore)
        boxes = None if batch.boxes is None else _visible(move, batch.boxes, tuple(batch.images.shape[-2:]))
        return replace(batch, images=move.images(batch.images), masks=masks, boxes=boxes)


class Crop(Geometric):
    """A transform that cuts a box out of each image and resizes it to the size of the images.

    Of photographs of different sizes it takes the box from the whole one, before anything else is cut off.

    Args:
        boxes: (sizes, generator) to the first row and column, the height and the width of a box in each image: int64
            (n,); sizes are int64 (n, 2), heights and widths.
    """

    def __init__(self, boxes: Callable[[Tensor, torch.Generator], tuple[Tensor, ...]]) -> None:
        super().__init__(lambda images, generator: ResizedCrop(*boxes(sizes_of(images), generator)))
        object.__setattr__(self, "boxes", boxes)

    def whole(self, images: Tensor, sizes: Tensor, size: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Boxes of photographs on a canvas, resized to `size`: (n, channels, *size).

        Args:
            images: float 0..1, (n, channels, height, width), each in the upper left corner.
            sizes: int64 (n, 2), the heights and widths that they have there.
        """
        return ResizedCrop(*self.boxes(sizes, generator), size).images(images)


def sizes_of(images: Tensor) -> Tensor:
    """Heights and widths of images, all the same, int64 (n, 2)."""
    sides = [torch.full((len(images),), side, device=images.device) for side in images.shape[-2:]]  # waits for nothing
    return torch.stack(sides, 1)


@dataclass(frozen=True)
class PixelLevel:
    """A transform that changes values of images, and leaves masks and boxes as they are.

    Args:
        change: (images, generator) to images.
    """

    change: Callable[[Tensor, torch.Generator], Tensor]

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        if isinstance(batch, Tensor):
            return self.change(batch, generator)
        return replace(batch, images=self.change(batch.images, generator))


def compose(parts: Sequence[Transform]) -> Transform | None:
    """One transform that applies `parts` in order; None for no parts, which lets batches skip the step altogether.

    Raises:
        UserError: when called with masks or boxes, a part is a plain function.
    """
    return Composed(tuple(parts)) if parts else None


@dataclass(frozen=True)
class Composed:
    """See `compose`."""

    parts: tuple[Transform, ...]

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        for part in self.parts:
            batch = _apply(part, batch, generator)
        return batch


def sometimes(p: float, part: Transform) -> Transform:
    """`part` for each image with probability `p`; the others stay as they are, to the bit."""
    if p == 1:
        return part

    # All are changed and some taken: picking those to change first would wait for the device.
    def draw(images: Tensor, generator: torch.Generator) -> Move:
        return _Some(_chosen(p, images, generator), part.draw(images, generator))

    def change(images: Tensor, generator: torch.Generator) -> Tensor:
        chosen = _chosen(p, images, generator)
        return torch.where(chosen, part(images, generator), images)

    if isinstance(part, Geometric):
        return Geometric(draw)
    return PixelLevel(change) if isinstance(part, PixelLevel) else change


@dataclass(frozen=True)
class _Some:
    """`move` of the chosen images alone; `chosen` is bool, (n, 1, 1, 1)."""

    chosen: Tensor
    move: Move

    def images(self, images: Tensor) -> Tensor:
        moved = self.move.images(images)
        return torch.where(self.chosen, moved, images, out=moved)  # a third less time than into new memory

    def masks(self, masks: Tensor, ignore: int) -> Tensor:
        return torch.where(self.chosen[:, 0], self.move.masks(masks, ignore), masks)

    def boxes(self, boxes: Tensor, size: tuple[int, int]) -> Tensor:
        return torch.where(self.chosen[:, 0], self.move.boxes(boxes, size), boxes)


def _chosen(p: float, images: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device) < p


def _apply(part: Transform, batch: Batch, generator: torch.Generator) -> Batch:
    if isinstance(batch, Tensor) or isinstance(part, Geometric | PixelLevel):
        return part(batch, generator)
    if batch.masks is None and batch.boxes is None:
        return replace(batch, images=part(batch.images, generator))
    name = getattr(part, "__qualname__", type(part).__name__).partition(".")[0]
    raise UserError(
        f"augment: {name} changes images alone, but these have masks or boxes; let it return a Geometric or PixelLevel "
        "of dl_runner.data.transforms"
    )


def _visible(move: Move, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Moved boxes, clipped to the image; zeros for padding and for those of which too little is left."""
    moved = move.boxes(boxes, size)
    clipped = torch.stack([moved[..., side].clamp(0, size[1 - side % 2]) for side in range(4)], -1)
    kept = (_area(boxes) > 0) & (_area(clipped) > 0) & (_area(clipped) >= VISIBLE * _area(moved))
    return clipped * kept[..., None]


def _area(boxes: Tensor) -> Tensor:
    """(n, most), 0 for a box whose corners are in the wrong order."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)


def uniform(low: float, high: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Numbers from [low, high], float32 of `shape`, on the generator's device."""
    return torch.rand(shape, generator=generator, device=generator.device).mul_(high - low).add_(low)


def bounds(name: str, values: tuple[float, ...], highest: float = math.inf) -> tuple[float, float]:
    """The two ends of a range that a config gives as a list.

    Raises:
        UserError: not two numbers, the first at most the second and that at most `highest`.
    """
    if len(values) != 2 or not values[0] <= values[1] <= highest:
        limit = "" if highest == math.inf else f", neither above {highest:g}"
        raise UserError(f"augment.{name}={list(values)}: expected two numbers, the lower first{limit}")
    return values[0], values[1]
