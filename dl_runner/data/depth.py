"""Pictures of more than 8 bits a channel, made 8 bits by one scale for the whole data set.

A file says how many bits its numbers have and not how many are used: 12 bits of a sensor often lie in 16. So the value
that is white belongs to the data set.
"""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dl_runner.data.picture_files import open_picture
from dl_runner.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

FULL = 65535  # white in a file of 16 bits that uses them all
_DEEP = re.compile(r"\bL;16|;16[BLN]")  # not RGB;16 and BGR;16, which are 5, 6 and 5 bits
ALWAYS_8_BITS = {".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".webp"}


def channel_bits(file: "Image") -> int:
    """Bits of a channel in the file, 8, 16 or 32; to be asked before the pixels are read."""
    if file.mode in ("I", "F"):
        return 32
    # Of colours Pillow keeps the upper 8 bits, and only the raw mode of the file's parts tells.
    colours = file.mode != "CMYK" and any(_DEEP.search(str(part[3])) for part in getattr(file, "tile", ()))
    deep = file.mode.startswith("I") or colours
    return 16 if deep else 8


def largest_value(picture: "Image") -> float:
    """The largest value of a picture of more than 8 bits, whose pixels are read; of colours, to 8 bits exactly."""
    values = np.asarray(picture)
    if values.dtype == np.uint8:
        colours = [band for band in picture.getbands() if band != "A"]
        return float(values.reshape(*values.shape[:2], -1)[..., : len(colours)].max()) * (FULL / 255)
    return float(values.max())


def fitting_white(top: float) -> int:
    """The white that values up to `top` suggest: 1 of fractions, else the largest number of as many bits."""
    return 2 ** max(1, math.ceil(top).bit_length()) - 1


def white_of(paths: Iterable[Path]) -> int | None:
    """The white of some pictures, None if all have 8 bits; what cannot be read is left to whoever decodes it."""
    top = None
    for path in paths:
        if path.suffix.lower() in ALWAYS_8_BITS or _is_png_of_8_bits(path):
            continue
        try:
            with open_picture(path) as file:
                if channel_bits(file) > 8:
                    file.load()
                    value = largest_value(file)
                    top = max(top or 0.0, value if math.isfinite(value) else 0.0)
        except Exception:
            continue
    return None if top is None else fitting_white(top)


def _is_png_of_8_bits(path: Path) -> bool:
    """Told by the 25th byte, ten times quicker than by Pillow, for the most usual file that may have more."""
    try:
        with path.open("rb", buffering=0) as file:
            start = file.read(25)
    except OSError:
        return False
    return start.startswith(b"\x89PNG") and start[24:] != b"\x10"


def to_8_bits(picture: "Image", bits: int, white: float | None, path: Path) -> "Image":
    """A picture of more than 8 bits, 0 … `white`, as one of 8.

    Args:
        bits: of a channel in its file.
        white: of the data set; None where all others have 8 bits.
        path: its file, for the message.

    Raises:
        UserError: `white` is missing, or the picture has values beside 0 … `white`.
    """
    from PIL import Image

    values = np.asarray(picture)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise UserError(f"{path}: has values that are not finite; repair or remove the file")
    low, top = float(values.min()), largest_value(picture)
    if low < 0:
        raise UserError(f"{path}: has values down to {low:g}, and black is 0; rescale the file to values from 0")
    fitting = f"data.white={fitting_white(top)} (in `dlrun predict`, --white {fitting_white(top)}) would fit it"
    if white is None:
        raise UserError(
            f"{path}: has {bits} bits a channel and values up to {top:,g}, and nothing says which value is white; "
            f"{fitting}, or make it 8 bits"
        )
    if top > white:
        raise UserError(f"{path}: has values up to {top:,g}, and white is {white:,g}; {fitting}")
    if values.dtype == np.uint8:
        return _colours(picture, white, path)
    scaled = np.rint(values.astype(np.float32) * np.float32(255 / white)).astype(np.uint8)
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        scaled[values == clear] = 255
    return Image.fromarray(scaled)


def _colours(picture: "Image", white: float, path: Path) -> "Image":
    """Colours, of which Pillow has kept the upper 8 of 16 bits."""
    if white < FULL // 2:
        raise UserError(
            f"{path}: colours of 16 bits with white at {white:g}, of which Pillow reads the upper 8 bits alone; "
            "convert the pictures to 8 bits"
        )
    factor = FULL / white
    scale = [min(255, round(value * factor)) for value in range(256)]
    bands = picture.getbands()
    return picture.point([step for band in bands for step in (range(256) if band == "A" else scale)])
