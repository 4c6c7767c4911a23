"""Moves of images, masks and boxes against torchvision, one image and one amount at a time, in float64."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as reference

from dl_runner.data.geometry import Flip, ResizedCrop, Warp, Window
from dl_runner.data.transforms import Geometric, Move, Pictures

BILINEAR, NEAREST, EXACT = InterpolationMode.BILINEAR, InterpolationMode.NEAREST, InterpolationMode.NEAREST_EXACT
SIZES = st.tuples(st.integers(1, 5), st.sampled_from([1, 3]), st.integers(5, 30), st.integers(5, 30))
IGNORE = 250


def boxes_within(n: int, most: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """Random boxes, float64 (n, most, 4), at least a pixel long; the last row of each image is padding."""
    sides = torch.tensor([width, height], dtype=torch.float64)
    length = torch.rand(n, most, 2, generator=generator, dtype=torch.float64) * (sides - 1) + 1
    first = torch.rand(n, most, 2, generator=generator, dtype=torch.float64) * (sides - length)
    boxes = torch.cat([first, first + length], -1)
    boxes[:, -1] = torch.tensor([0.0, 0.0, 3.0, 0.0])  # a line: no area, but none of its numbers matters
    return boxes


def pictures(size: tuple[int, int, int, int], generator: torch.Generator) -> Pictures:
    n, _, height, width = size
    images = torch.rand(size, generator=generator, dtype=torch.float64)
    masks = torch.randint(0, 20, (n, height, width), generator=generator, dtype=torch.uint8)
    return Pictures(images, masks, boxes_within(n, 4, height, width, generator), IGNORE)


@dataclass(frozen=True)
class Case:
    """A move with random amounts, and what torchvision does to the image `index` with the same ones."""

    move: Move
    theirs: Callable[[Tensor, int], Tensor]


def flip(size, generator, axis):
    return Case(
        Flip(axis), lambda value, _: (reference.horizontal_flip if axis == -1 else reference.vertical_flip)(value)
    )


def window(size, generator):
    n, _, height, width = size
    padding = (height // 2, width // 3)
    top, left = (torch.randint(2 * most + 1, (n,), generator=generator) for most in padding)

    def theirs(value: Tensor, i: int) -> Tensor:
        fill = IGNORE if isinstance(value, tv_tensors.Mask) else 0
        padded = reference.pad(value, [padding[1], padding[0]], fill=fill)
        return reference.crop(padded, int(top[i]), int(left[i]), height, width)

    return Case(Window(padding, top, left), theirs)


def crop(size, generator):
    n, _, *sides = size
    share = torch.rand(2, 2, n, generator=generator)
    limits = torch.tensor(sides)[:, None]
    length = (share[0] * limits).long() + 1
    first = (share[1] * (limits - length + 1)).long()

    def theirs(value: Tensor, i: int) -> Tensor:
        part = reference.crop(value, *first[:, i].tolist(), *length[:, i].tolist())
        mode = EXACT if isinstance(value, tv_tensors.Mask) else BILINEAR
        return reference.resize(part, sides, interpolation=mode, antialias=False)

    return Case(ResizedCrop(*first, *length), theirs)


def warp(size, generator):
    n = size[0]
    degrees, down, right = ((torch.rand(3, n, generator=generator, dtype=torch.float64) - 0.5) * 20).unbind()
    degrees, scale = degrees * 9, torch.rand(n, generator=generator, dtype=torch.float64) + 0.5

    def theirs(value: Tensor, i: int) -> Tensor:
        moved = {"translate": [right[i].item(), down[i].item()], "scale": scale[i].item(), "shear": [0.0, 0.0]}
        if isinstance(value, tv_tensors.Mask):
            return reference.affine(value, degrees[i].item(), **moved, interpolation=NEAREST, fill=IGNORE)
        return reference.affine(value, degrees[i].item(), **moved, interpolation=BILINEAR)

    return Case(Warp(degrees, scale, down, right), theirs)


CASES = {
    "horizontal_flip": lambda size, generator: flip(size, generator, -1),
    "vertical_flip": lambda size, generator: flip(size, generator, -2),
    "window": window,
    "resized_crop": crop,
    "warp": warp,
}


def moved(case: Case, before: Pictures) -> Pictures:
    return Geometric(lambda images, generator: case.move)(before, torch.Generator())


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=12, deadline=None)
@given(size=SIZES, seed=st.integers(0, 999))
def test_images(name, size, seed):
    generator = torch.Generator().manual_seed(seed)
    before, case = pictures(size, generator), CASES[name](size, generator)
    ours = moved(case, before).images
    theirs = torch.stack([case.theirs(image, i) for i, image in enumerate(before.images)])
    assert torch.equal(ours, case.move.images(before.images))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5)
    assert ours.min() >= 0 and ours.max() <= 1 + 1e-6


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64])
@settings(max_examples=12, deadline=None)
@given(size=SIZES, seed=st.integers(0, 999))
def test_masks(name, dtype, size, seed):
    generator = torch.Generator().manual_seed(seed)
    before, case = pictures(size, generator), CASES[name](size, generator)
    ours = case.move.masks(before.masks.to(dtype), IGNORE)
    theirs = torch.stack([case.theirs(tv_tensors.Mask(mask), i) for i, mask in enumerate(before.masks)])
    assert ours.dtype == dtype and ours.shape == before.masks.shape
    differ = ours != theirs
    if name == "resized_crop":  # halfway between two pixels torchvision rounds as its float32 happens to fall
        differ &= ~(halfway(case.move.height, size[2])[:, :, None] | halfway(case.move.width, size[3])[:, None, :])
    assert not differ.any()


def halfway(length: Tensor, size: int) -> Tensor:
    """Which of `size` places share a stretch of `length` pixels such that they read on the border of two: (n, size)."""
    return (2 * torch.arange(size) + 1) * length[:, None] % (2 * size) == 0


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=20, deadline=None)
@given(size=SIZES, seed=st.integers(0, 999))
def test_boxes(name, size, seed):
    generator = torch.Generator().manual_seed(seed)
    before, case = pictures(size, generator), CASES[name](size, generator)
    height, width = size[2:]
    free = case.move.boxes(before.boxes, (height, width))
    ours = moved(case, before).boxes
    assert ours.dtype == torch.float64 and ours.shape == before.boxes.shape
    assert (ours[:, -1] == 0).all()  # padding stays padding
    for i, boxes in enumerate(before.boxes):
        format = {"format": "XYXY", "canvas_size": (height, width), "clamping_mode": None}
        theirs = case.theirs(tv_tensors.BoundingBoxes(boxes, **format), i)
        torch.testing.assert_close(free[i, :-1], theirs.as_subclass(Tensor)[:-1], rtol=0, atol=1e-4)
        clipped = reference.clamp_bounding_boxes(theirs, clamping_mode="hard").as_subclass(Tensor)
        share = area(clipped) / area(theirs.as_subclass(Tensor))
        for j in range(len(boxes) - 1):
            if abs(share[j] - 0.1) > 1e-4:
                wanted = clipped[j] if share[j] > 0.1 else torch.zeros(4, dtype=torch.float64)
                torch.testing.assert_close(ours[i, j], wanted, rtol=0, atol=1e-4)


def area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def test_masks_of_a_resized_crop_take_the_pixel_whose_centre_is_nearest():
    masks = torch.arange(7 * 9).view(1, 7, 9)
    top, left, height, width = (torch.tensor([number]) for number in (1, 2, 5, 4))
    ours = ResizedCrop(top, left, height, width).masks(masks, IGNORE)
    rows = [1 + int((i + 0.5) * 5 / 7) for i in range(7)]
    columns = [2 + int((i + 0.5) * 4 / 9) for i in range(9)]
    assert torch.equal(ours[0], masks[0][rows][:, columns])


def test_warp_turns_clockwise():
    corner = torch.zeros(1, 1, 5, 5)
    corner[..., 0, 0] = 1
    one, none = torch.ones(1), torch.zeros(1)
    quarter = Warp(torch.tensor([90.0]), one, none, none)
    torch.testing.assert_close(quarter.images(corner), corner.flip(-1), rtol=0, atol=1e-5)
    assert torch.equal(quarter.masks(corner[:, 0].long(), IGNORE), corner[:, 0].flip(-1).long())
    box = quarter.boxes(torch.tensor([[[0.0, 0.0, 1.0, 1.0]]]), (5, 5))
    torch.testing.assert_close(box, torch.tensor([[[4.0, 0.0, 5.0, 1.0]]]))


def test_classes_of_a_mask_survive_sampling_exactly():
    masks = torch.tensor([[[0, 2**24 - 300, 17], [254, 255, 1], [3, 2, 99]]])
    still = Warp(torch.zeros(1), torch.ones(1), torch.zeros(1), torch.zeros(1))
    assert torch.equal(still.masks(masks, -100), masks)
    assert torch.equal(
        Warp(*[torch.tensor([value]) for value in (0.0, 1.0, 9.0, 0.0)]).masks(masks, -100), masks * 0 - 100
    )
