"""A model's classes for a user's own pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from rich import box
from rich.table import Table
from rich.text import Text
from torch import Tensor

from dl_runner.errors import UserError
from dl_runner.spec import DataSpec

if TYPE_CHECKING:
    from PIL.Image import Image

MODES = {1: "L", 3: "RGB"}  # PIL's names for grey and colour


def load_image(path: Path, spec: DataSpec) -> Tensor:
    """A picture file as one example of the data: uint8, (channels, height, width).

    Turned as its EXIF tag says; transparent parts made white, as viewers show them; made grey or RGB; the largest
    centred part of the data's proportions (a square for square data) resized with antialiasing.

    Raises:
        UserError: the file is missing or no readable picture, or the data are no grey or RGB images.
    """
    from PIL import Image, ImageOps

    if not spec.is_image or spec.channels not in MODES:
        raise UserError(f"{path}: the model takes inputs of shape {spec.input_shape}, not grey or RGB pictures")
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)
            image.load()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    # A damaged file makes PIL's decoders raise any of these.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: not a picture that can be read ({error})") from None
    _, height, width = spec.input_shape
    image = _centre(_opaque(image).convert(MODES[spec.channels]), width / height)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image))  # (height, width) or (height, width, 3)
    return pixels.reshape(height, width, spec.channels).permute(2, 0, 1).contiguous()


def _opaque(image: "Image") -> "Image":
    """`image` with 8 bits per channel, on white where it is transparent."""
    from PIL import Image

    if image.mode.startswith("I"):  # 16-bit grey, which PIL would clip and not scale
        return Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image


def _centre(image: "Image", proportions: float) -> "Image":
    """The largest centred part with `proportions` = width / height."""
    width = min(image.width, max(1, round(image.height * proportions)))
    height = min(image.height, max(1, round(image.width / proportions)))
    left, upper = round((image.width - width) / 2), round((image.height - height) / 2)
    return image.crop((left, upper, left + width, upper + height))


def top(logits: Tensor, classes: Sequence[str], k: int = 3) -> list[list[tuple[str, float]]]:
    """For each row of `logits` (n, classes), the `k` most probable classes with their probabilities, best first.

    Raises:
        ValueError: the logits' width is not the number of classes.
    """
    if logits.ndim != 2 or logits.shape[1] != len(classes):
        raise ValueError(f"logits of {tuple(logits.shape)} for {len(classes)} classes")
    probabilities, indices = logits.float().softmax(dim=1).topk(min(k, len(classes)), dim=1)
    return [
        [(classes[index], probability) for index, probability in zip(row, values, strict=True)]
        for row, values in zip(indices.tolist(), probabilities.tolist(), strict=True)
    ]


def render(paths: Sequence[Path], tops: Sequence[Sequence[tuple[str, float]]]) -> Table:
    """A row per picture with its most probable classes, for a terminal."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("picture", overflow="fold")
    for place in range(1, max(map(len, tops), default=0) + 1):
        table.add_column(f"{place}.", no_wrap=True)
    for path, row in zip(paths, tops, strict=True):
        cells = (
            Text(f"{name} {probability:.1%}", "bold" if i == 0 else "") for i, (name, probability) in enumerate(row)
        )
        table.add_row(Text(str(path)), *cells)
    return table
