"""What every transform does with masks and boxes, and how transforms are put together."""

import inspect
from dataclasses import replace
from importlib import import_module

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dl_runner.data.transforms import Geometric, Pictures, PixelLevel, compose, sometimes
from dl_runner.errors import UserError
from dl_runner.registry import MODULES, builder

NAMES = sorted(
    name
    for module in map(import_module, MODULES["augment"])
    for name, value in vars(module).items()
    if inspect.isfunction(value) and value.__module__ == module.__name__ and name[0] != "_"
)
MOVE = ["affine", "horizontal_flip", "random_crop", "random_resized_crop", "rotation", "translation", "vertical_flip"]
WITH_P = [name for name in NAMES if "p" in inspect.signature(builder("augment", name)).parameters]
IGNORE = 200


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def rectangles(n: int, height: int, width: int, seed: int) -> Pictures:
    """Black images, each with a white rectangle, its mask and its box; the second row of boxes is padding."""
    drawn, sides = generator(seed), torch.tensor([width, height])
    length = (torch.rand(n, 2, generator=drawn) * (sides - 4)).long() + 4
    first = (torch.rand(n, 2, generator=drawn) * (sides - length + 1)).long()
    (left, top), (right, bottom) = first.T, (first + length).T
    rows, columns = torch.arange(height)[None, :, None], torch.arange(width)[None, None]
    inside = (rows >= top.view(-1, 1, 1)) & (rows < bottom.view(-1, 1, 1))
    inside = inside & (columns >= left.view(-1, 1, 1)) & (columns < right.view(-1, 1, 1))
    boxes = torch.stack([torch.stack([left, top, right, bottom], -1).float(), torch.zeros(n, 4)], 1)
    return Pictures(inside[:, None].float(), inside.to(torch.uint8), boxes, IGNORE)


def test_which_transforms_move():
    kinds = {name: type(builder("augment", name)()) for name in NAMES}
    assert {name for name, kind in kinds.items() if issubclass(kind, Geometric)} == set(MOVE)
    assert {name for name, kind in kinds.items() if kind is PixelLevel} == set(NAMES) - set(MOVE)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("p", [None, 0.4])
def test_images_are_the_same_with_masks_and_boxes_as_without(name, p):
    transform = builder("augment", name)(**({"p": p} if p and name in WITH_P else {}))
    before = rectangles(12, 14, 17, seed=1)
    alone, beside = generator(4), generator(4)
    assert torch.equal(transform(before.images, alone), transform(before, beside).images)
    assert torch.equal(torch.rand(1, generator=alone), torch.rand(1, generator=beside))
    for part in (Pictures(before.images), replace(before, boxes=None), replace(before, masks=None)):
        after = transform(part, generator(4))
        assert torch.equal(after.images, transform(before.images, generator(4)))
        assert (after.masks is None, after.boxes is None) == (part.masks is None, part.boxes is None)


@pytest.mark.parametrize("name", sorted({*NAMES} - {*MOVE}))
def test_changes_of_values_leave_masks_and_boxes(name):
    before = rectangles(8, 12, 12, seed=2)
    after = builder("augment", name)()(before, generator())
    assert after.masks is before.masks and after.boxes is before.boxes
    assert not torch.equal(after.images, before.images)


@pytest.mark.parametrize("name", MOVE)
@settings(max_examples=12, deadline=None)
@given(height=st.integers(12, 40), width=st.integers(12, 40), seed=st.integers(0, 99), p=st.sampled_from([None, 0.5]))
def test_a_mask_and_a_box_stay_in_step_with_their_image(name, height, width, seed, p):
    transform = builder("augment", name)(**({"p": p} if p and name in WITH_P else {}))
    before = rectangles(8, height, width, seed)
    after = transform(before, generator(seed))
    seen, bright = after.masks != IGNORE, after.images[:, 0]
    assert after.masks.dtype == torch.uint8 and set(after.masks.unique().tolist()) <= {0, 1, IGNORE}
    assert (bright[~seen] <= 0.5 + 1e-4).all()  # what comes from outside is black, or half of it is
    # Bilinear and nearest may differ where an edge is cut, and nowhere else.
    sure = seen & ((bright - 0.5).abs() > 0.3)
    assert ((bright > 0.5) == (after.masks == 1))[sure].double().mean() > 0.98
    for image, mask, (box, padding) in zip(bright, after.masks, after.boxes, strict=True):
        assert (padding == 0).all()
        assert (box[:2] >= 0).all() and (box[2:] <= torch.tensor([width, height]) + 1e-4).all()
        rows, columns = torch.nonzero((mask == 1) & (image > 0.5), as_tuple=True)
        if len(rows) and box.any():  # every pixel of the thing has its centre in the box, within a pixel
            x1, y1, x2, y2 = box.tolist()
            assert x1 - 1 <= columns.min() + 0.5 and columns.max() + 0.5 <= x2 + 1
            assert y1 - 1 <= rows.min() + 0.5 and rows.max() + 0.5 <= y2 + 1


@pytest.mark.parametrize("name", ["horizontal_flip", "rotation", "translation", "affine"])
def test_one_chance_decides_over_image_mask_and_box(name):
    before = rectangles(200, 16, 16, seed=3)
    after = builder("augment", name)(p=0.5)(before, generator())
    moved = builder("augment", name)(p=1.0)
    same = [(a == b).flatten(1).all(1) for a, b in zip(parts(before), parts(after), strict=True)]
    assert torch.equal(moved(before, generator()).masks.unique(), after.masks.unique())
    assert 60 < same[0].sum() < 140
    assert (same[0] <= same[1]).all() and (same[0] <= same[2]).all()


def parts(batch: Pictures) -> tuple[Tensor, Tensor, Tensor]:
    return batch.images, batch.masks, batch.boxes


def test_a_box_is_clipped_and_dropped_when_less_than_a_tenth_is_left():
    class Right:
        def __init__(self, pixels: float) -> None:
            self.pixels = pixels

        def images(self, images: Tensor) -> Tensor:
            return images

        def boxes(self, boxes: Tensor, size: tuple[int, int]) -> Tensor:
            return boxes + torch.tensor([self.pixels, 0.0, self.pixels, 0.0])

    before = Pictures(torch.zeros(1, 1, 8, 20), boxes=torch.tensor([[[5.0, 2.0, 15.0, 4.0]]]))
    for pixels, expected in ((13.5, [18.5, 2, 20, 4]), (14.5, [0, 0, 0, 0]), (30, [0, 0, 0, 0]), (-7, [0, 2, 8, 4])):
        right = Right(pixels)
        after = Geometric(lambda images, _, right=right: right)(before, generator())
        assert after.boxes.flatten().tolist() == expected


def test_images_without_boxes_to_mark_are_no_special_case():
    none = Pictures(torch.rand(3, 1, 9, 9), boxes=torch.zeros(3, 0, 4))
    for name in MOVE:
        assert builder("augment", name)()(none, generator()).boxes.shape == (3, 0, 4)


def test_compose_applies_in_order_and_is_none_for_nothing():
    assert compose([]) is None
    doubled_then_one_more = compose([lambda images, _: images * 2, lambda images, _: images + 1])
    assert torch.equal(doubled_then_one_more(torch.ones(1), generator()), torch.tensor([3.0]))


def test_compose_takes_masks_and_boxes_through_all_its_parts():
    before = rectangles(6, 12, 15, seed=5)
    names = ["horizontal_flip", "color_jitter", "affine"]
    together, one_by_one = generator(1), generator(1)
    after = compose([builder("augment", name)() for name in names])(before, together)
    for name in names:
        before = builder("augment", name)()(before, one_by_one)
    for ours, theirs in zip(parts(after), parts(before), strict=True):
        assert torch.equal(ours, theirs)


def test_a_plain_function_is_a_transform_of_images_alone():
    def invert(images: Tensor, generator: torch.Generator) -> Tensor:
        return 1 - images

    batch = rectangles(2, 8, 8, seed=0)
    transform = compose([invert, sometimes(0.0, invert)])
    assert torch.equal(transform(batch.images, generator()), 1 - batch.images)
    assert torch.equal(transform(Pictures(batch.images), generator()).images, 1 - batch.images)
    with pytest.raises(UserError, match=r"test_a_plain_function.* changes images alone, but these have masks or b"):
        transform(batch, generator())
