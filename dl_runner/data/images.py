"""One picture file to one tensor: the only place that decodes, for training and for predictions alike."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dl_runner.data.depth import channel_bits, to_8_bits
from dl_runner.data.picture_files import open_picture
from dl_runner.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

MODES = {1: "L", 3: "RGB"}  # Pillow's names for grey and colour
LARGE = 2**25  # pixels above which a process decodes one picture at a time
MOST_RESIZED = 2**24  # pixels that a picture may have once it covers the wanted size; of more the rest is not computed
MOST_LENGTH = 3  # of a whole picture, in shorter sides; of a longer one the ends are cut off
NO_MEMORY = "no memory is left for its pixels"

_alone = threading.Lock()


class UnreadablePicture(UserError):
    """A file whose pixels cannot be had: damaged, no picture, or absurdly large."""


def decode(
    path: Path, size: tuple[int, int], channels: int = 3, white: float | None = None, resize: int | None = None
) -> Tensor:
    """The picture upright, resized until it just covers `size` (bilinear, antialiased), the centre cut out.

    Transparent parts become white, as viewers show them. Of several frames it is the first.

    Args:
        path: a file in one of `picture_files.formats()`.
        size: (height, width) in pixels, >= 1.
        channels: 1 for grey or 3 for RGB.
        white: the value that is white in pictures of more than 8 bits a channel.
        resize: what the shorter side is resized to instead, in pixels, at least as long as those of `size`.

    Returns:
        uint8 (channels, height, width).

    Raises:
        UnreadablePicture: the file is missing, damaged, not an image, or one of more than 178 million pixels.
        UserError: it has more than 8 bits, and `white` is missing or does not fit.
    """
    with load(path) as (picture, bits):
        return to_pixels(picture, bits, path, size, channels, white, resize)


def to_pixels(
    picture: "Image",
    bits: int,
    path: Path,
    size: tuple[int, int],
    channels: int = 3,
    white: float | None = None,
    resize: int | None = None,
) -> Tensor:
    """The second half of `decode`: what becomes of a picture that is loaded."""
    picture = _in_mode(picture, bits, MODES[channels], white, path)
    return _tensor(_cut(picture, (resize, resize) if resize else size, size), channels)


def decode_whole(path: Path, shorter: int, channels: int = 3, white: float | None = None) -> Tensor:
    """The picture upright, its shorter side resized to `shorter`; uint8 (channels, height, width).

    A side of more than three times that length loses its ends.

    Raises:
        UnreadablePicture, UserError: as for `decode`.
    """
    with load(path) as (picture, bits):
        picture = _in_mode(picture, bits, MODES[channels], white, path)
        return _tensor(_cut(picture, (shorter, shorter), (MOST_LENGTH * shorter,) * 2), channels)


def _tensor(picture: "Image", channels: int) -> Tensor:
    pixels = torch.from_numpy(np.array(picture))  # (height, width) or (height, width, 3)
    return pixels.reshape(picture.height, picture.width, channels).permute(2, 0, 1).contiguous()


@contextlib.contextmanager
def load(path: Path) -> Iterator[tuple["Image", int]]:
    """A picture as its file has it, but upright, and the bits of a channel in the file.

    Within it the picture, if it is large, is the only large one of this process, so that several threads together take
    no more memory than one.

    Raises:
        UnreadablePicture: the file is missing, damaged, not an image, or one of more than 178 million pixels.
    """
    from PIL import Image, UnidentifiedImageError

    with contextlib.ExitStack() as turn:
        try:
            with open_picture(path) as file:
                if file.width * file.height > LARGE:
                    turn.enter_context(_alone)
                bits = channel_bits(file)
                picture = _upright(file)
        except FileNotFoundError:
            raise UnreadablePicture(f"{path}: no such file") from None
        # The decoders of forty formats raise anything when they meet a damaged file.
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            if isinstance(error, UnidentifiedImageError):
                reason = "in no format that Pillow reads"
            elif isinstance(error, MemoryError):
                reason = NO_MEMORY
            elif isinstance(error, Image.DecompressionBombError):
                reason = f"too large, {reason.partition(',')[0]}"
            raise UnreadablePicture(f"{path}: not a readable image ({reason}); repair or remove the file") from None
        yield picture, bits


def _upright(file: "Image") -> "Image":
    """The pixels, turned as the file's metadata say; metadata that cannot be read say nothing."""
    from PIL import Image

    orientation = None
    if file.format == "TIFF":  # it would turn itself while loading, and stumble over its metadata
        orientation, file.getexif = _orientation(file), Image.Exif
    file.load()
    turn = Image.Transpose
    turns = (None, turn.FLIP_LEFT_RIGHT, turn.ROTATE_180, turn.FLIP_TOP_BOTTOM)
    turns += (turn.TRANSPOSE, turn.ROTATE_270, turn.TRANSVERSE, turn.ROTATE_90)
    orientation = orientation or _orientation(file)
    wanted = turns[orientation - 1] if orientation in range(1, 9) else None
    return file if wanted is None else file.transpose(wanted)


def _orientation(file: "Image") -> int | None:
    from PIL import ExifTags

    try:
        value = file.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # whatever is in there
        return None
    return value if isinstance(value, int) else None


def _in_mode(picture: "Image", bits: int, mode: str, white: float | None, path: Path) -> "Image":
    """`picture` in grey or colour with 8 bits a channel, on white where it is transparent."""
    from PIL import Image

    if bits > 8:
        picture = to_8_bits(picture, bits, white, path)
    try:
        if picture.has_transparency_data:
            picture = picture.convert("RGBA")
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
        return picture if picture.mode == mode else picture.convert(mode)
    except (ValueError, OSError):
        raise UnreadablePicture(
            f"{path}: its colours are {picture.mode}, which has no way to {mode}; convert the file"
        ) from None


def _cut(picture: "Image", cover: tuple[int, int], most: tuple[int, int]) -> "Image":
    """`picture` resized until it just covers a height and width, and of that the centre, at most as large as `most`."""
    from PIL.Image import Resampling

    height, width = cover
    scale = max(width / picture.width, height / picture.height)
    covering = max(width, int(picture.width * scale)), max(height, int(picture.height * scale))
    height, width = min(most[0], covering[1]), min(most[1], covering[0])
    left, top = round((covering[0] - width) / 2), round((covering[1] - height) / 2)
    if covering[0] * covering[1] <= MOST_RESIZED:
        return picture.resize(covering, Resampling.BILINEAR).crop((left, top, left + width, top + height))
    # The same but for rounding, of the part that is wanted alone: a line of 30,000 pixels would become millions.
    across, down = picture.width / covering[0], picture.height / covering[1]
    right, bottom = min((left + width) * across, picture.width), min((top + height) * down, picture.height)
    return picture.resize((width, height), Resampling.BILINEAR, box=(left * across, top * down, right, bottom))
