"""A picture and the map of its vertical edges, for a convolution to learn the kernel between them."""

from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor

from dl_runner.config.types import PositiveInt, Within
from dl_runner.data.dataset import Data
from dl_runner.data.splits import TensorSplit
from dl_runner.spec import DataSpec, Image, Numbers

WHITE = 255


def vertical_edges(
    root: Path, *, height: PositiveInt = 6, width: Annotated[int, Within(low=4)] = 8, seed: int = 0
) -> Data:
    """One picture, uint8 (1, 1, height, width), and its edge map row by row, float32 (1, height · (width − 1)).

    A pixel of the map is the pixel at its place minus the right neighbour, in units of 0..1: 1 from white to black,
    −1 from black to white, 0 elsewhere. The picture is white with a black band in the middle half of its width, as in
    Dive into Deep Learning; the test picture is of random black and white pixels, for the kernel that maps one picture
    to its edges does so with every picture.

    Args:
        root: not needed.
        height: in pixels.
        width: likewise.
        seed: of the test picture, >= 0.
    """
    band = torch.full((1, 1, height, width), WHITE, dtype=torch.uint8)
    band[..., width // 4 : width - width // 4] = 0
    noise = torch.randint(2, band.shape, generator=torch.Generator().manual_seed(seed)).to(torch.uint8) * WHITE
    spec = DataSpec(Image(1, height, width), Numbers(height * (width - 1)), "regression")
    return Data(spec, train=_with_edges(band), test=_with_edges(noise))


def _with_edges(pictures: Tensor) -> TensorSplit:
    white = pictures.float() / WHITE
    return TensorSplit(pictures, (white[..., :-1] - white[..., 1:]).flatten(1))
