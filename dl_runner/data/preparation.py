"""From examples as a split holds them to what a model reads, on the device, a batch at a time."""

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from dl_runner.data.batch import Tensors
from dl_runner.data.places import move, places_something
from dl_runner.data.splits import Raw, Split, TensorSplit
from dl_runner.data.transforms import Transform
from dl_runner.data.whole import PIXELS, SIZES, centres, first_crop
from dl_runner.errors import UserError
from dl_runner.runtime.device import MEMORY_FORMATS, MemoryFormat
from dl_runner.spec import Columns, DataSpec, Image, Kind, Vector

KEPT_READY = 2**28  # bytes of floats that are kept instead of being made from bytes again in each epoch


class Preparation(Protocol):
    """What is done to the examples of each batch.

    Attributes:
        random: whether it draws from the generator that it is given.
    """

    random: bool

    def __call__(self, raw: Raw, generator: torch.Generator | None = None) -> Raw:
        """Inputs and targets as the model and the task take them; `raw` itself is not changed."""

    def ahead(self, split: Split) -> "tuple[Split, Preparation]":
        """The split with what can be done to it once instead of in every epoch, and what is left to do."""


class Unchanged:
    """For examples that a model reads as their split holds them, such as tokens."""

    random = False

    def __call__(self, raw: Raw, generator: torch.Generator | None = None) -> Raw:
        return raw

    def ahead(self, split: Split) -> tuple[Split, Preparation]:
        return split, self


class Coded(Unchanged):
    """Rows of a table, whose codes of categories are kept in the smallest type and read as int64."""

    def __call__(self, raw: Raw, generator: torch.Generator | None = None) -> Raw:
        inputs, targets = raw
        return {**inputs, "categories": inputs["categories"].long()}, targets


class Normalized:
    """Images and vectors: resized, transformed, normalized; float32.

    Args:
        inputs: the kind that comes out.
        device: where the examples are.
        transform: random changes of images in 0..1, between resizing and normalization.
        memory_format: of the images that come out.
        targets: their kind; a transform moves masks and boxes with the images.

    Raises:
        UserError: a transform for vectors, or for places among several targets.
    """

    def __init__(
        self,
        inputs: Image | Vector,
        device: torch.device | str,
        transform: Transform | None = None,
        memory_format: MemoryFormat = "contiguous",
        targets: Kind | None = None,
    ) -> None:
        self._is_image = isinstance(inputs, Image)
        if transform is not None and not self._is_image:
            raise UserError("augment: works on images, and the data set holds vectors; set augment=none")
        shape = (-1, 1, 1) if self._is_image else (-1,)
        mean, std = (torch.tensor(values, device=device).view(shape) for values in (inputs.mean, inputs.std))
        self._shape, self._transform = inputs.shape, transform
        self._memory_format = MEMORY_FORMATS[memory_format]
        self._scale, self._shift = 1 / std, -mean / std
        self._scale_of_bytes = self._scale / 255
        self._crop, self._rest = first_crop(transform)  # for whole photographs
        self.random = transform is not None
        self._moved = targets if transform is not None and places_something(targets) else None

    def __call__(self, raw: Raw, generator: torch.Generator | None = None) -> Raw:
        """Images uint8 (n, channels, height, width), whole photographs as `data.whole` has them, or vectors float32
        (n, features), with any targets; masks and boxes are of the size that comes out."""
        if self._moved is None:
            return self.inputs(raw[0], generator), raw[1]
        images, targets = move(self._unit(raw[0]), raw[1], self._moved, self._transform, generator)
        return self._normalized(images), targets

    def inputs(self, raw: Tensors, generator: torch.Generator | None = None) -> Tensor:
        """The inputs alone."""
        if isinstance(raw, dict):
            return self._whole(raw[PIXELS], raw[SIZES], generator)
        if not self._is_image:
            return (raw * self._scale).add_(self._shift)
        if self._transform is None:
            # Resizing takes weighted means, so it may follow the normalization, which is cheaper on small images.
            images = self._resize(raw.float().mul_(self._scale_of_bytes).add_(self._shift))
            return images.contiguous(memory_format=self._memory_format)
        return self._normalized(self._transform(self._unit(raw), generator))

    def _whole(self, pixels: Tensor, sizes: Tensor, generator: torch.Generator | None) -> Tensor:
        """Images of photographs on a canvas."""
        size = self._shape[1:]
        if self._crop is None:
            images = centres(pixels, sizes, *size).float().div_(255)
        else:
            images = self._crop.whole(pixels.float().div_(255), sizes, size, generator)
        return self._normalized(self._rest(images, generator) if self._rest else images)

    def _unit(self, raw: Tensor) -> Tensor:
        """Images of bytes, resized, in 0..1."""
        return self._resize(raw.float().div_(255))

    def _normalized(self, images: Tensor) -> Tensor:
        return (images * self._scale).add_(self._shift).contiguous(memory_format=self._memory_format)

    def _resize(self, images: Tensor) -> Tensor:
        size = self._shape[1:]
        if images.shape[-2:] == size:
            return images
        # Antialiasing makes a difference, and costs time, only where a side shrinks.
        shrinks = any(new < old for new, old in zip(size, images.shape[-2:], strict=True))
        return F.interpolate(images, size=size, mode="bilinear", antialias=shrinks)

    def ahead(self, split: Split) -> tuple[Split, Preparation]:
        """Few examples in memory that need nothing but normalization are kept normalized. Whoever takes them gets
        copies, so that no model can change them."""
        plain = isinstance(split, TensorSplit) and isinstance(split.inputs, Tensor)
        fits = plain and not self.random and split.inputs.shape[1:] == self._shape
        if not fits or 4 * split.inputs.numel() > KEPT_READY:
            return split, self
        return TensorSplit(self.inputs(split.inputs), split.targets, split.counts), _Laid(self._memory_format)


class _Laid(Unchanged):
    """Images that are ready but for their memory format, which a gather does not always keep."""

    def __init__(self, memory_format: torch.memory_format) -> None:
        self._memory_format = memory_format

    def __call__(self, raw: Raw, generator: torch.Generator | None = None) -> Raw:
        return raw[0].contiguous(memory_format=self._memory_format), raw[1]


def preparation(
    spec: DataSpec,
    device: torch.device | str,
    transform: Transform | None = None,
    memory_format: MemoryFormat = "contiguous",
) -> Preparation:
    """What the spec's inputs need.

    Raises:
        UserError: a transform for what is no image.
    """
    if isinstance(spec.inputs, Image | Vector):
        return Normalized(spec.inputs, device, transform, memory_format, spec.targets)
    if transform is not None:
        raise UserError(f"augment: works on images, and the data are {type(spec.inputs).__name__}; set augment=none")
    return Coded() if isinstance(spec.inputs, Columns) else Unchanged()


def to_input(images: Tensor, spec: DataSpec) -> Tensor:
    """Images uint8 (n, channels, height, width) as a model's input: resized and normalized float32, same device."""
    return Normalized(spec.inputs, images.device).inputs(images)
