"""Moves of a batch of images with their masks and boxes, each image by its own amount; nothing here is random.

The shapes are those of `transforms.Pictures`. An amount is a tensor (n,) on the images' device, one entry per image.
Images and boxes move as with `torchvision.transforms.v2.functional`, which takes one amount for a whole batch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Flip:
    """Mirrors left to right, or upside down.

    Args:
        axis: -1 or -2.
    """

    axis: int

    def images(self, images: Tensor) -> Tensor:
        return images.flip(self.axis)

    def masks(self, masks: Tensor, ignore: int) -> Tensor:
        return masks.flip(self.axis)

    def boxes(self, boxes: Tensor, size: tuple[int, int]) -> Tensor:
        x1, y1, x2, y2 = boxes.unbind(-1)
        height, width = size
        if self.axis == -1:
            return torch.stack([width - x2, y1, width - x1, y2], -1)
        return torch.stack([x1, height - y2, x2, height - y1], -1)


@dataclass(frozen=True)
class Window:
    """Pads and cuts out a window of the old size: a shift by whole pixels.

    Args:
        padding: rows above and below, columns left and right, >= 0.
        top: the window's first row in the padded image, int64, 0..2 padding[0].
        left: its first column, int64, 0..2 padding[1].
    """

    padding: tuple[int, int]
    top: Tensor
    left: Tensor

    def images(self, images: Tensor) -> Tensor:
        return self._cut(images, 0)

    def masks(self, masks: Tensor, ignore: int) -> Tensor:
        return self._cut(masks[:, None], ignore)[:, 0]

    def boxes(self, boxes: Tensor, size: tuple[int, int]) -> Tensor:
        rows, columns = self.padding
        right, down = columns - self.left, rows - self.top
        return boxes + torch.stack([right, down, right, down], -1)[:, None]

    def _cut(self, values: Tensor, fill: int) -> Tensor:
        height, width = values.shape[-2:]
        rows, columns = self.padding
        padded = F.pad(values, [columns, columns, rows, rows], value=fill)
        # All windows as a view, (n, channels, 2 rows + 1, 2 columns + 1, height, width); the chosen are copied.
        every = padded.unfold(2, height, 1).unfold(3, width, 1)
        return every[torch.arange(len(values), device=values.device), :, self.top, self.left]


@dataclass(frozen=True)
class ResizedCrop:
    """Cuts a box out of each image and resizes it to the size of the image, or to another one: images bilinearly, masks
    by the pixel whose centre is nearest, so that both stay in step.

    Args:
        top: the box's first row, int64; the box lies within the image.
        left: its first column, int64.
        height: its rows, int64, >= 1.
        width: its columns, int64, >= 1.
        size: of the images that come out, height and width; None for their own.
    """

    top: Tensor
    left: Tensor
    height: Tensor
    width: Tensor
    size: tuple[int, int] | None = None

    def images(self, images: Tensor) -> Tensor:
        n, whole = len(images), images.shape[-2:]
        rows, columns = self.size or whole
        y = _places(self.top, self.height, rows, whole[0]).view(n, rows, 1).expand(n, rows, columns)
        x = _places(self.left, self.width, columns, whole[1]).view(n, 1, columns).expand(n, rows, columns)
        grid = torch.stack([x, y], -1).to(images.dtype)
        return F.grid_sample(images, grid, padding_mode="border", align_corners=False)

    def masks(self, masks: Tensor, ignore: int) -> Tensor:
        n, rows, columns = masks.shape
        y, x = _nearest(self.top, self.height, rows), _nearest(self.left, self.width, columns)
        return masks[torch.arange(n, device=masks.device)[:, None, None], y[:, :, None], x[:, None, :]]

    def boxes(self, boxes: Tensor, size: tuple[int, int]) -> Tensor:
        rows, columns = size
        first = torch.stack([self.left, self.top] * 2, -1)[:, None]
        height, width = self.height.to(boxes.dtype), self.width.to(boxes.dtype)
        return (boxes - first) * torch.stack([columns / width, rows / height] * 2, -1)[:, None]


def _places(first: Tensor, length: Tensor, size: int, whole: int) -> Tensor:
    """Where `size` pixels read in a stretch of `length` pixels: (n, size), in -1..1 from edge to edge of the image,
    which has `whole` pixels."""
    steps = torch.arange(size, device=first.device) + 0.5
    places = length[:, None] * (steps / size) - 0.5
    # No further out than the stretch's own outer pixels, as if what surrounds it were cut off already.
    places = torch.minimum(places.clamp_(min=0), length[:, None] - 1.0) + first[:, None]
    return places.add_(0.5).mul_(2 / whole).sub_(1)


def _nearest(first: Tensor, length: Tensor, size: int) -> Tensor:
    """The pixels, (n, size), in which the centres of `size` pixels lie that share a stretch of `length` pixels."""
    odd = 2 * torch.arange(size, device=first.device) + 1
    return first[:, None] + odd * length[:, None] // (2 * size)


@dataclass(frozen=True)
class Warp:
    """Rotates about the centre, zooms and moves, in one sampling: images bilinearly, masks by the nearest pixel. A box
    becomes the one around its four moved corners.

    Args:
        degrees: clockwise.
        scale: above 1 enlarges, > 0.
        down: pixels.
        right: pixels.
    """

    degrees: Tensor
    scale: Tensor
    down: Tensor
    right: Tensor

    def images(self, images: Tensor) -> Tensor:
        return F.grid_sample(images, self._grid(images), align_corners=False)

    def masks(self, masks: Tensor, ignore: int) -> Tensor:
        # Sampling gives 0 outside the image: what is ignored is 0 meanwhile. Whole numbers below 2**24 are exact.
        values = (masks[:, None].to(self.scale.dtype) - ignore).contiguous()
        sampled = F.grid_sample(values, self._grid(values), mode="nearest", align_corners=False)
        return (sampled[:, 0] + ignore).to(masks.dtype)

    def boxes(self, boxes: Tensor, size: tuple[int, int]) -> Tensor:
        height, width = size
        cosine, sine, down, right = (
            amount.to(boxes.dtype)[:, None, None]
            for amount in (*(angle * self.scale for angle in self._angle()), self.down, self.right)
        )
        x, y = boxes[..., [0, 2, 2, 0]] - width / 2, boxes[..., [1, 1, 3, 3]] - height / 2  # (n, most, 4 corners)
        x, y = cosine * x - sine * y + right + width / 2, sine * x + cosine * y + down + height / 2
        return torch.stack([x.amin(-1), y.amin(-1), x.amax(-1), y.amax(-1)], -1)

    def _angle(self) -> tuple[Tensor, Tensor]:
        radians = torch.deg2rad(self.degrees)
        return torch.cos(radians), torch.sin(radians)

    def _grid(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        cosine, sine = (angle / self.scale for angle in self._angle())
        down, right = self.down, self.right
        # Each pixel of the result reads at R⁻¹ (place - shift) / scale, in units in which the image is 2 by 2.
        across = [cosine, sine * (height / width), -(cosine * right + sine * down) * (2 / width)]
        downward = [-sine * (width / height), cosine, (sine * right - cosine * down) * (2 / height)]
        matrices = torch.stack(across + downward, 1).view(-1, 2, 3)
        return F.affine_grid(matrices, list(images.shape), align_corners=False)
