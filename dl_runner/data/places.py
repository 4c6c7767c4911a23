"""Targets that say where something is in a picture, masks and boxes: resized and moved together with the pictures."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from dl_runner.data.batch import Tensors
from dl_runner.data.splits import Split, TensorSplit
from dl_runner.data.transforms import Pictures, Transform
from dl_runner.errors import UserError
from dl_runner.spec import Boxes, DataSpec, Fields, Image, Kind, Pixels


def places_something(targets: Kind) -> bool:
    """Whether targets of this kind have to move with their pictures.

    Raises:
        UserError: they are several fields, one of which has to, which nothing here can do.
    """
    if isinstance(targets, Fields) and any(places_something(field) for _, field in targets.fields):
        raise UserError("augment: cannot move masks or boxes that are one target of several; set augment=none")
    return isinstance(targets, Pixels | Boxes)


def move(
    images: Tensor, targets: Tensors, kind: Pixels | Boxes, transform: Transform, generator: torch.Generator | None
) -> tuple[Tensor, Tensors]:
    """Images in 0..1 and their targets, transformed alike.

    A pixel that comes from outside gets the label that is no target; a box that has left its picture becomes one of
    zeros of class -1.
    """
    if isinstance(kind, Pixels):
        moved = transform(Pictures(images, masks=targets, ignore=kind.ignore), generator)
        return moved.images, moved.masks
    moved = transform(Pictures(images, boxes=targets["boxes"]), generator)
    left = (moved.boxes[..., 2:] > moved.boxes[..., :2]).all(-1)
    return moved.images, {"boxes": moved.boxes, "classes": torch.where(left, targets["classes"], -1)}


def sized(spec: DataSpec, side: int) -> DataSpec:
    """The spec of pictures, and of their masks, resized to squares of `side` pixels.

    Raises:
        UserError: masks or boxes among several fields of targets, which nothing resizes.
    """
    targets = spec.targets
    if isinstance(targets, Fields) and any(isinstance(kind, Pixels | Boxes) for _, kind in targets.fields):
        raise UserError(f"data.image_size={side}: cannot resize masks or boxes among several targets; set it to null")
    if isinstance(targets, Pixels):
        targets = replace(targets, height=side, width=side)
    return replace(spec, inputs=replace(spec.inputs, height=side, width=side), targets=targets)


def resize_targets(split: Split, spec: DataSpec, to: Image) -> Split:
    """A split whose masks or boxes fit its pictures once these are resized to another size.

    It is done once, before the training, so that the numbers of labelled pixels stay known. Masks take the nearest
    pixel's class.

    Args:
        spec: of the pictures and targets as they are.

    Raises:
        UserError: targets that are not in memory.
    """
    old, kind = spec.inputs, spec.targets
    if not isinstance(kind, Pixels | Boxes) or (old.height, old.width) == (to.height, to.width):
        return split
    if not isinstance(split, TensorSplit):
        raise UserError("data.image_size: the masks of these data cannot be resized; set it to null")
    if isinstance(kind, Pixels):
        masks = F.interpolate(split.targets[:, None], size=(to.height, to.width), mode="nearest-exact")[:, 0]
        return replace(split, targets=masks, counts={**split.counts, "pixels": (masks != kind.ignore).sum((1, 2))})
    scale = torch.tensor([to.width / old.width, to.height / old.height]).repeat(2)
    return replace(split, targets={**split.targets, "boxes": split.targets["boxes"] * scale})
