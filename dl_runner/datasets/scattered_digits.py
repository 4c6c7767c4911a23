"""Scattered digits: several handwritten digits in each picture, partly covering each other, with their masks or boxes.

The digits are those of `data=digits`. Those of the training, the validation and the test pictures are disjoint.
"""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dl_runner.config.types import PositiveInt, Within
from dl_runner.data.batch import Tensors
from dl_runner.data.dataset import Data
from dl_runner.data.sampling import hold_out
from dl_runner.data.splits import TensorSplit
from dl_runner.datasets.digits import SIDE, digits
from dl_runner.errors import UserError
from dl_runner.spec import Boxes, DataSpec, Image, Pixels

ENLARGED = 3  # times
WIDE = SIDE * ENLARGED  # pixels of a digit's square
COVERS, DRAWN = 48, 96  # brightness from which a digit hides what is behind it, and from which it is its digit
NOISE = 64  # brightness that the background stays below
TRIES = 20  # at a place for a digit that is not too near to those before
HELD = 0.125  # of the digits that are not for tests, those for the validation
IGNORE = 255
NAMES = ("background", *"0123456789")


def scattered_digits(
    root: Path,
    *,
    targets: Literal["masks", "boxes"] = "masks",
    images: PositiveInt = 2000,
    validation_images: PositiveInt = 200,
    test_images: PositiveInt = 500,
    canvas: Annotated[int, Within(low=WIDE)] = 64,
    digits_per_image: tuple[PositiveInt, ...] = (2, 5),
    seed: int = 0,
) -> Data:
    """uint8 (n, 1, canvas, canvas), digits of 24×24 on a noisy background; nothing to download.

    Masks: uint8 (n, canvas, canvas), 0 for the background, digit + 1 where a digit is, and 255 on its faint contour,
    which is no target, as in PASCAL VOC. Boxes: around the drawn pixels of each digit, covered ones included; the class
    is the digit.

    Args:
        root: not needed.
        canvas: side of a picture.
        digits_per_image: fewest and most. Where a canvas has no place left for one more, a picture has fewer. At most
            half of a digit's square, each way, is covered by another's.
        seed: of the choice of digits and of the pictures, >= 0.

    Raises:
        UserError: as for `data=digits`, or `digits_per_image` is not two numbers, the lower first.
    """
    if len(digits_per_image) != 2 or digits_per_image[0] > digits_per_image[1]:
        raise UserError(f"data.digits_per_image={list(digits_per_image)}: expected two numbers, the lower first")
    pool = digits(root, seed=seed)
    kept, held = hold_out(len(pool.train), pool.train.strata, HELD, seed, "validation")
    pools = {"train": pool.train.subset(kept), "validation": pool.train.subset(held), "test": pool.test}
    sizes = {"train": images, "validation": validation_images, "test": test_images}
    splits = {
        name: _pictures(
            pools[name], sizes[name], canvas, digits_per_image, targets, np.random.default_rng((seed, place))
        )
        for place, name in enumerate(pools)
    }
    pixels = splits["train"].inputs.float().div_(255)
    mean, std = ((round(float(value), 4),) for value in (pixels.mean(), pixels.std()))
    kind = Pixels(NAMES, canvas, canvas, IGNORE) if targets == "masks" else Boxes(NAMES[1:], digits_per_image[1])
    task = "segmentation" if targets == "masks" else "detection"
    return Data(DataSpec(Image(1, canvas, canvas, mean, std), kind, task), **splits)


def _pictures(
    pool: TensorSplit, number: int, canvas: int, few: tuple[int, ...], targets: str, generator: np.random.Generator
) -> TensorSplit:
    glyphs = _enlarged(pool.inputs)
    drawn = glyphs >= DRAWN
    spans = _spans(drawn)
    images = torch.from_numpy(generator.integers(NOISE, size=(number, canvas, canvas), dtype=np.uint8))
    masks = torch.zeros(number, canvas, canvas, dtype=torch.uint8)
    boxes, classes = torch.zeros(number, few[1], 4), torch.full((number, few[1]), -1)
    wanted = generator.integers(few[0], few[1] + 1, number)
    corners = np.empty((number, 0, 2), dtype=int)
    placed = np.empty((number, 0), dtype=bool)
    for place in range(few[1]):
        corner, free = _place(corners, placed, canvas, generator)
        here = free & (place < wanted)
        corners, placed = (np.concatenate([old, new[:, None]], 1) for old, new in ((corners, corner), (placed, here)))
        rows = np.flatnonzero(here)
        chosen = torch.from_numpy(generator.integers(len(pool), size=len(rows)))
        row, top_left = torch.from_numpy(rows), torch.from_numpy(corner[rows])
        _draw(images, masks, row, top_left, glyphs[chosen], drawn[chosen], pool.targets[chosen])
        boxes[row, place] = spans[chosen] + top_left.flip(1).repeat(1, 2)
        classes[row, place] = pool.targets[chosen]
    of: Tensors = masks if targets == "masks" else {"boxes": boxes, "classes": classes}
    counts = {"pixels": (masks != IGNORE).sum((1, 2))} if targets == "masks" else {}
    return TensorSplit(images[:, None], of, counts)


def _enlarged(glyphs: Tensor) -> Tensor:
    """(n, 1, 8, 8) → (n, 24, 24), uint8, bilinear."""
    return F.interpolate(glyphs.float(), scale_factor=ENLARGED, mode="bilinear").round().byte()[:, 0]


def _spans(drawn: Tensor) -> Tensor:
    """x1, y1, x2, y2 of the pixels that are drawn: bool (n, 24, 24) → float (n, 4)."""
    sides = []
    for along in (drawn.any(1), drawn.any(2)):  # columns, rows
        first = along.int().argmax(1)
        sides.append((first, WIDE - along.flip(1).int().argmax(1)))
    (left, right), (top, bottom) = sides
    return torch.stack([left, top, right, bottom], 1).float()


def _place(
    corners: np.ndarray, placed: np.ndarray, canvas: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """For each picture the upper left corner of one more digit, int (n, 2), and whether it is far enough from others.

    Args:
        corners: of the digits before, int (n, k, 2).
        placed: whether they are there, bool (n, k).
    """
    tried = generator.integers(canvas - WIDE + 1, size=(len(corners), TRIES, 2))
    distance = np.abs(tried[:, :, None] - corners[:, None]).max(-1)  # (n, tries, k)
    far = (~placed[:, None] | (distance >= WIDE // 2)).all(-1)
    first = far.argmax(1)
    return tried[np.arange(len(tried)), first], far.any(1)


def _draw(
    images: Tensor, masks: Tensor, rows: Tensor, corners: Tensor, glyphs: Tensor, drawn: Tensor, labels: Tensor
) -> None:
    """Draws a digit over what is in each of some pictures, in place."""
    side = torch.arange(WIDE)
    at = rows[:, None, None], (corners[:, :1] + side)[:, :, None], (corners[:, 1:] + side)[:, None]
    covers = glyphs >= COVERS
    images[at] = torch.where(covers, glyphs, images[at])
    own = torch.where(drawn, (labels + 1).byte()[:, None, None], IGNORE)
    masks[at] = torch.where(covers, own.byte(), masks[at])
