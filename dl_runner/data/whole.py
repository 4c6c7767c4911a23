"""Photographs of different sizes of which nothing is cut off before a training's random crop has seen them.

A batch of them lies in the upper left corners of a canvas, with their heights and widths beside it. Evaluation cuts
out the centre. So does training, unless its first transform is a `Crop`, which may take any part of a photograph.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dl_runner.data.images import decode_whole
from dl_runner.data.splits import FileSplit, Index, Raw, Split, TensorSplit
from dl_runner.data.transforms import Composed, Crop, Transform
from dl_runner.runtime.progress import in_threads

PIXELS, SIZES = "pixels", "sizes"  # of a batch: uint8 (n, channels, height, width), int64 (n, 2) heights and widths


@dataclass(frozen=True, eq=False)
class WholeFiles(FileSplit):
    """Photographs that stay in their files until a batch needs them; `resize` is the shorter side that they get."""

    resize: int = 256

    def take(self, index: Index) -> Raw:
        """{"pixels", "sizes"}, and labels.

        Raises:
            UserError: a file is missing or not an image.
        """
        places = range(len(self))[index] if isinstance(index, slice) else index.tolist()
        return on_canvas([self.image(place) for place in places]), self.targets[index]

    def loaded(self) -> Split:
        if not self.preload:
            return self
        images = in_threads(self.image, range(len(self)), "decoding pictures")
        return TensorSplit(on_canvas(images), self.targets, files=self.paths)

    def decode(self, path: Path) -> Tensor:
        return decode_whole(path, self.resize, white=self.white)


def on_canvas(images: Sequence[Tensor]) -> dict[str, Tensor]:
    """Photographs, uint8 (3, height, width) each, on the smallest canvas that holds any of them."""
    sizes = torch.tensor([image.shape[1:] for image in images], dtype=torch.int64).reshape(-1, 2)
    height, width = sizes.amax(0).tolist() if len(images) else (0, 0)
    pixels = torch.zeros(len(images), 3, height, width, dtype=torch.uint8)
    for place, image in enumerate(images):
        pixels[place, :, : image.shape[1], : image.shape[2]] = image
    return {PIXELS: pixels, SIZES: sizes}


def centres(pixels: Tensor, sizes: Tensor, height: int, width: int) -> Tensor:
    """The centre of each photograph, (n, channels, height, width), as `images.decode` cuts it out."""
    room = sizes - torch.tensor([height, width], device=sizes.device)  # >= 0, as the shorter side is at least as long
    top, left = (room.double() / 2).round().long().unbind(1)
    every = pixels.unfold(2, height, 1).unfold(3, width, 1)  # all windows as a view; the chosen are copied
    return every[torch.arange(len(pixels), device=pixels.device), :, top, left]


def first_crop(transform: Transform | None) -> tuple[Crop | None, Transform | None]:
    """A transform's crop of whole photographs, if it begins with one, and the rest of it."""
    parts = transform.parts if isinstance(transform, Composed) else (transform,) if transform else ()
    if not parts or not isinstance(parts[0], Crop):
        return None, transform
    return parts[0], Composed(parts[1:]) if parts[1:] else None
