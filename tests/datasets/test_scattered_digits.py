"""Scattered digits: masks and boxes of the same pictures, and no digit in two splits."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dl_runner.data.splits import TensorSplit
from dl_runner.datasets import scattered_digits as module
from dl_runner.datasets.digits import digits
from dl_runner.datasets.scattered_digits import IGNORE, WIDE, scattered_digits
from dl_runner.errors import UserError
from dl_runner.spec import Boxes, Pixels

FEW = {"images": 40, "validation_images": 10, "test_images": 20}


def made(**keywords):
    return scattered_digits(Path("nowhere"), **FEW | keywords)


def test_the_pictures_are_a_function_of_the_seed_and_draw_from_no_global_generator():
    state = torch.get_rng_state()
    one, same, other = (made(seed=seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    for split, again in zip(one.splits, same.splits, strict=True):
        assert torch.equal(split.inputs, again.inputs) and torch.equal(split.targets, again.targets)
    assert not torch.equal(one.train.inputs, other.train.inputs)


def test_kinds_shapes_and_counts():
    data = made(canvas=48, digits_per_image=[1, 3])
    assert data.spec.targets == Pixels(("background", *"0123456789"), 48, 48, IGNORE)
    assert (data.spec.task, data.spec.input_shape) == ("segmentation", (1, 48, 48))
    assert [len(split) for split in data.splits] == [40, 10, 20]
    for split in data.splits:
        assert split.targets.shape == (len(split), 48, 48) and split.targets.dtype == torch.uint8
        labelled = [(mask != IGNORE).sum().item() for mask in split.targets]
        assert split.counts["pixels"].tolist() == labelled and min(labelled) < 48 * 48
        assert set(split.targets.unique().tolist()) <= {*range(11), IGNORE}
    pixels = data.train.inputs.double() / 255
    assert data.spec.inputs.mean == pytest.approx((pixels.mean().item(),), abs=1e-4)
    assert data.spec.inputs.std == pytest.approx((pixels.std().item(),), abs=1e-4)


def test_masks_and_boxes_are_of_the_same_pictures():
    masks, boxes = made(), made(targets="boxes")
    assert boxes.spec.targets == Boxes(tuple("0123456789"), 5) and boxes.spec.task == "detection"
    for with_masks, with_boxes in zip(masks.splits, boxes.splits, strict=True):
        assert torch.equal(with_masks.inputs, with_boxes.inputs)
        drawn = with_boxes.targets
        for mask, spans, classes in zip(with_masks.targets, drawn["boxes"], drawn["classes"], strict=True):
            there = classes >= 0
            assert 1 <= there.sum() <= 5 and not spans[~there].any()
            inside = torch.zeros_like(mask, dtype=torch.bool)
            for (x1, y1, x2, y2), label in zip(spans[there].int().tolist(), classes[there].tolist(), strict=True):
                assert 0 <= x1 < x2 <= 64 and 0 <= y1 < y2 <= 64
                assert (mask[y1:y2, x1:x2] == label + 1).any()  # however much of it is covered
                inside[y1:y2, x1:x2] = True
            assert not ((mask > 0) & (mask != IGNORE) & ~inside).any()


def test_a_box_is_the_smallest_around_a_digit_that_stands_alone():
    masks, boxes = (made(digits_per_image=[1, 1], targets=kind).train.targets for kind in ("masks", "boxes"))
    for mask, (box,), (label,) in zip(masks, boxes["boxes"].int().tolist(), boxes["classes"].tolist(), strict=True):
        rows, columns = np.nonzero((mask == label + 1).numpy())
        assert box == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_digits_partly_cover_each_other():
    boxes = made(digits_per_image=[5, 5], targets="boxes").train.targets["boxes"]
    overlap = torch.minimum(boxes[:, :, None, 2:], boxes[:, None, :, 2:]) - torch.maximum(
        boxes[:, :, None, :2], boxes[:, None, :, :2]
    )
    both = (overlap > 0).all(-1) & ~torch.eye(5, dtype=torch.bool)
    assert both.any((1, 2)).float().mean() > 0.5


def test_no_digit_is_in_two_splits(monkeypatch):
    pools = []
    pictures = module._pictures

    def spy(pool, *rest):
        pools.append(pool)
        return pictures(pool, *rest)

    monkeypatch.setattr(module, "_pictures", spy)
    # Every digit is its own number, so that equal drawings of two people are told apart.
    everything = digits(Path("nowhere"), test=0.2, seed=5)
    numbers = iter((torch.arange(len(everything.train)), 10_000 + torch.arange(len(everything.test))))
    train, test = (
        TensorSplit(split.inputs, split.targets, {"number": next(numbers)})
        for split in (everything.train, everything.test)
    )
    monkeypatch.setattr(module, "digits", lambda root, seed: type(everything)(everything.spec, train, test=test))
    made(seed=5)
    sets = [set(pool.counts["number"].tolist()) for pool in pools]
    assert [len(one) > 100 for one in sets] == [True] * 3
    assert sum(map(len, sets)) == len(set().union(*sets)) == 1797


@pytest.mark.parametrize("few", [[3], [4, 2], [1, 2, 3]])
def test_numbers_of_digits_that_are_no_range_are_refused(few):
    with pytest.raises(UserError, match=r"data\.digits_per_image=.*two numbers, the lower first"):
        made(digits_per_image=few)


def test_the_smallest_canvas_has_room_for_one_digit():
    boxes = made(canvas=WIDE, digits_per_image=[2, 4], targets="boxes").train.targets
    assert ((boxes["classes"] >= 0).sum(1) == 1).all()
