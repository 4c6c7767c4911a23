"""One image file to one tensor; the only place that decodes training images."""

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dl_runner.errors import UserError


def decode(path: Path, size: int) -> Tensor:
    """The picture in RGB, upright, its shorter side resized to `size` (bilinear), the centre square cut out.

    Args:
        path: a file that Pillow can read.
        size: side of the square in pixels, >= 1.

    Returns:
        uint8 (3, size, size).

    Raises:
        UserError: the file is missing, damaged or not an image.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings(), Image.open(path) as file:
            # Pillow warns of a large picture and refuses an absurd one; the refusal is enough.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = ImageOps.exif_transpose(file).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: not a readable image ({_line(error)}); repair or remove the file") from error
    width, height = picture.size
    short = min(width, height)
    width, height = int(size * width / short), int(size * height / short)
    left, top = round((width - size) / 2), round((height - size) / 2)
    picture = picture.resize((width, height), Image.Resampling.BILINEAR).crop((left, top, left + size, top + size))
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)  # (height, width, 3) to (3, height, width)


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
