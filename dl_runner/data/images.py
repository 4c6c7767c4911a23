"""One picture file to one tensor: the only place that decodes, for training and for predictions alike."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dl_runner.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

MODES = {1: "L", 3: "RGB"}  # Pillow's names for grey and colour


MOST_LENGTH = 3  # of a whole picture, in shorter sides; of a longer one the ends are cut off


def decode(path: Path, size: tuple[int, int], channels: int = 3, resize: int | None = None) -> Tensor:
    """The picture upright, resized until it just covers `size` (bilinear, antialiased), the centre cut out.

    Transparent parts become white, as viewers show them; 16-bit grey is scaled to 8 bits.

    Args:
        path: a file that Pillow can read.
        size: (height, width) in pixels, >= 1.
        channels: 1 for grey or 3 for RGB.
        resize: what the shorter side is resized to instead, in pixels, at least as long as those of `size`.

    Returns:
        uint8 (channels, height, width).

    Raises:
        UserError: the file is missing, damaged or not an image.
    """
    picture = _opened(path, MODES[channels])
    return _tensor(_resized(picture, *size, resize, keep=size), channels)


def decode_whole(path: Path, shorter: int, channels: int = 3) -> Tensor:
    """The picture upright, its shorter side resized to `shorter`; uint8 (channels, height, width).

    A side of more than three times that length loses its ends.

    Raises:
        UserError: as for `decode`.
    """
    picture = _opened(path, MODES[channels])
    most = MOST_LENGTH * shorter
    return _tensor(_resized(picture, shorter, shorter, None, keep=(most, most)), channels)


def _opened(path: Path, mode: str) -> "Image":
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings(), Image.open(path) as file:
            # Pillow warns of a large picture and refuses an absurd one; the refusal is enough.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return _opaque(ImageOps.exif_transpose(file)).convert(mode)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    # A damaged file makes Pillow's decoders raise any of these.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path}: not a readable image ({reason}); repair or remove the file") from None


def _resized(picture: "Image", height: int, width: int, shorter: int | None, keep: tuple[int, int]) -> "Image":
    """The picture resized until it covers `height` and `width`, or until its shorter side is `shorter`; of that the
    centre, at most as large as `keep`."""
    from PIL.Image import Resampling

    height, width = (shorter, shorter) if shorter else (height, width)
    scale = max(width / picture.width, height / picture.height)
    covering = max(width, int(picture.width * scale)), max(height, int(picture.height * scale))
    height, width = min(keep[0], covering[1]), min(keep[1], covering[0])
    left, top = round((covering[0] - width) / 2), round((covering[1] - height) / 2)
    return picture.resize(covering, Resampling.BILINEAR).crop((left, top, left + width, top + height))


def _tensor(picture: "Image", channels: int) -> Tensor:
    pixels = torch.from_numpy(np.array(picture))  # (height, width) or (height, width, 3)
    return pixels.reshape(picture.height, picture.width, channels).permute(2, 0, 1).contiguous()


def _opaque(picture: "Image") -> "Image":
    """`picture` with 8 bits per channel, on white where it is transparent."""
    from PIL import Image

    if picture.mode.startswith("I"):  # 16-bit grey, which Pillow would clip and not scale
        return Image.fromarray((np.asarray(picture).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return picture
