"""Masks and boxes are resized and moved with their pictures; pictures alone stay as they were to the bit."""

from dataclasses import replace

import pytest
import torch

from dl_runner.data.augment import affine, horizontal_flip, random_crop
from dl_runner.data.dataset import Cuts, Data, cut
from dl_runner.data.places import resize_targets
from dl_runner.data.preparation import Normalized, preparation
from dl_runner.data.splits import FileSplit, TensorSplit
from dl_runner.data.transforms import compose
from dl_runner.errors import UserError
from dl_runner.spec import Boxes, Classes, DataSpec, Fields, Image, Pixels

IMAGE = Image(1, 8, 8, (0.4,), (0.2,))
MASKS = DataSpec(IMAGE, Pixels(("background", "a", "b"), 8, 8, ignore=200), "segmentation")
BOXES = DataSpec(IMAGE, Boxes(("a", "b"), 2), "detection")


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def pictures(n=6) -> tuple[torch.Tensor, torch.Tensor]:
    """Images whose brightness is 100 times the class, and the classes."""
    masks = torch.randint(1, 3, (n, 8, 8), generator=seeded()).byte()
    return masks[:, None] * 100, masks


@pytest.mark.parametrize("transform", [random_crop(padding=3), compose([horizontal_flip(), random_crop(padding=2)])])
def test_a_mask_moves_with_its_picture_and_has_no_target_outside(transform):
    images, masks = pictures()
    made, moved = preparation(MASKS, "cpu", transform)((images, masks), seeded())
    shown = ((made * 0.2 + 0.4) * 255).round().byte()[:, 0]
    assert (moved == 200).any() and moved.dtype == torch.uint8
    assert torch.equal(shown, torch.where(moved == 200, 0, moved) * 100)
    assert torch.equal(masks, pictures()[1])  # what the split holds is not changed


def test_boxes_move_with_their_pictures_and_those_that_left_have_no_class():
    boxes = torch.tensor([[[0.0, 0, 2, 2], [3, 3, 8, 6]]]).repeat(50, 1, 1)
    targets = {"boxes": boxes, "classes": torch.tensor([[1, 0]]).repeat(50, 1)}
    images = torch.zeros(50, 1, 8, 8, dtype=torch.uint8)
    for row, (x1, y1, x2, y2) in enumerate(boxes[0].int().tolist()):
        images[:, :, y1:y2, x1:x2] = 100 + row
    made, moved = preparation(BOXES, "cpu", random_crop(padding=4))((images, targets), seeded())
    shown = ((made * 0.2 + 0.4) * 255).round().byte()[:, 0]
    gone = moved["classes"] < 0
    assert gone[:, 0].any() and not gone[:, 1].all()
    assert not moved["boxes"][gone].any()
    for picture, spans, classes in zip(shown, moved["boxes"].int(), moved["classes"], strict=True):
        for row, label in enumerate((1, 0)):
            if classes[row] >= 0:
                x1, y1, x2, y2 = spans[row].tolist()
                assert classes[row] == label and (picture[y1:y2, x1:x2] == 100 + row).all()


def test_pictures_alone_are_the_same_to_the_bit():
    images, masks = pictures()
    transform = affine()
    alone = Normalized(IMAGE, "cpu", transform).inputs(images, seeded())
    with_labels, labels = preparation(replace(MASKS, targets=Classes(("a", "b"))), "cpu", transform)(
        (images, masks[:, 0, 0].long()), seeded()
    )
    with_masks, _ = preparation(MASKS, "cpu", transform)((images, masks), seeded())
    expected = (transform(images.float() / 255, seeded()) * (1 / torch.tensor(0.2))) + -torch.tensor(0.4) / 0.2
    assert torch.equal(alone, with_labels) and torch.equal(alone, with_masks) and torch.equal(alone, expected)
    assert torch.equal(labels, masks[:, 0, 0].long())


def test_a_transform_of_images_alone_is_refused_where_there_are_masks():
    with pytest.raises(UserError, match="changes images alone"):
        preparation(MASKS, "cpu", compose([lambda images, _: images]))(pictures(), seeded())


def test_masks_among_several_targets_are_refused_only_with_a_transform():
    several = replace(MASKS, targets=Fields.of(masks=MASKS.targets, label=Classes(("a", "b"))))
    preparation(several, "cpu")
    with pytest.raises(UserError, match="one target of several; set augment=none"):
        preparation(several, "cpu", horizontal_flip())


def test_masks_take_the_size_of_the_pictures_and_their_counts_are_those_of_the_new_size():
    images, masks = pictures()
    masks[:, :3] = 200
    split = TensorSplit(images, masks, {"pixels": (masks != 200).sum((1, 2))})
    data = cut(Data(MASKS, split, test=split), Cuts(image_size=16))
    assert (data.spec.targets.height, data.spec.targets.width) == (16, 16) == data.spec.inputs.shape[1:]
    for made in (data.train, data.test):
        assert torch.equal(made.targets, masks.repeat_interleave(2, 1).repeat_interleave(2, 2))
        assert made.counts["pixels"].tolist() == [10 * 16] * 6
    small = cut(Data(MASKS, split), Cuts(image_size=5)).train.targets
    assert small.shape == (6, 5, 5) and set(small.unique().tolist()) == {1, 2, 200}
    assert cut(Data(MASKS, split), Cuts(image_size=8)).train.targets is split.targets


def test_boxes_take_the_size_of_the_pictures():
    boxes = torch.tensor([[[0.0, 0, 2, 2], [3, 3, 8, 6]]])
    split = TensorSplit(pictures(1)[0], {"boxes": boxes, "classes": torch.tensor([[1, 0]])})
    made = cut(Data(BOXES, split), Cuts(image_size=12)).train.targets
    assert torch.equal(made["boxes"], 1.5 * boxes) and made["classes"].tolist() == [[1, 0]]


def test_masks_that_are_not_in_memory_cannot_be_resized():
    split = FileSplit((), torch.zeros(0, dtype=torch.int64), 8)
    with pytest.raises(UserError, match=r"data\.image_size: the masks of these data cannot be resized"):
        resize_targets(split, MASKS, replace(IMAGE, height=4))
