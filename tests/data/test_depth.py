"""More than 8 bits a channel: one white for all pictures of a data set, and never a dark guess."""

import struct
import zlib

import numpy as np
import pytest
import torch
from pictures import deep, picture
from PIL import Image

from dl_runner.data.depth import channel_bits, fitting_white, white_of
from dl_runner.data.images import decode
from dl_runner.data.picture_files import open_picture
from dl_runner.errors import UserError


def png(path, depth, colour_type, row):
    """A PNG file of one row, which Pillow has no way to write."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour_type]
    header = struct.pack(">IIBBBBB", len(row) // channels, 1, depth, colour_type, 0, 0, 0)
    values = b"\0" + np.array(row, ">u2").tobytes()
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(values)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    return path


@pytest.mark.parametrize(
    ("top", "white"),
    [(0, 1), (0.3, 1), (1, 1), (2, 3), (200, 255), (255, 255), (256, 511), (4000, 4095), (40000, 65535)],
)
def test_the_white_that_fits(top, white):
    assert fitting_white(top) == white


@pytest.mark.parametrize(("top", "kind", "suffix"), [(4095, np.uint16, "png"), (4095, np.int32, "tiff")])
def test_twelve_bits_in_sixteen_give_the_picture_that_eight_bits_give(tmp_path, top, kind, suffix):
    path = deep(tmp_path / f"a.{suffix}", top, kind)
    white = white_of([path])
    assert white == 4095
    Image.fromarray(np.linspace(0, 255, 64).reshape(8, 8).round().astype(np.uint8)).save(tmp_path / "b.png")
    difference = decode(path, (8, 8), white=white).int() - decode(tmp_path / "b.png", (8, 8)).int()
    assert difference.abs().max() <= 1  # the ramp is rounded twice


@pytest.mark.parametrize("top", [1.0, 255.0, 1000.0])
def test_floats_are_fractions_or_as_many_bits_as_they_use(tmp_path, top):
    path = deep(tmp_path / "a.tiff", top, np.float32)
    white = white_of([path])
    assert white == {1.0: 1, 255.0: 255, 1000.0: 1023}[top]
    assert decode(path, (8, 8), white=white).max() == round(255 * top / white)


def test_white_is_of_all_pictures_together_and_not_of_each(tmp_path):
    dark, light = deep(tmp_path / "a.png", 300), deep(tmp_path / "b.png", 4000)
    assert white_of([dark, light, picture(tmp_path / "c.png")]) == 4095
    assert decode(dark, (8, 8), white=4095).max() == round(300 * 255 / 4095)
    assert white_of([picture(tmp_path / "c.png"), tmp_path / "missing.png"]) is None


@pytest.mark.parametrize(
    ("colour_type", "row", "expected"),
    [
        (2, [65535, 32768, 0], [255, 128, 0]),
        (6, [65535, 32768, 0, 65535], [255, 128, 0]),
        (4, [32768, 65535], [128, 128, 128]),
        (0, [32768], [128, 128, 128]),
    ],
)
def test_sixteen_bit_colours_that_use_them_all(tmp_path, colour_type, row, expected):
    path = png(tmp_path / "a.png", 16, colour_type, row)
    with open_picture(path) as file:
        assert channel_bits(file) == 16
    assert decode(path, (1, 1), white=65535).flatten().tolist() == expected


def test_a_dark_set_of_sixteen_bit_colours_is_scaled_and_its_alpha_is_not(tmp_path):
    path = png(tmp_path / "a.png", 16, 6, [30000, 15000, 0, 65535])
    white = white_of([path])
    assert white == 32767
    assert decode(path, (1, 1), white=white).flatten().tolist() == [
        round(255 * v / 32767 * 257 / 257) for v in (117 * 257, 58 * 257, 0)
    ]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_eight_bits_and_fewer_need_no_white(tmp_path, mode):
    path = picture(tmp_path / ("a.tif" if mode == "CMYK" else "a.png"), 8, 8, mode)
    assert white_of([path]) is None
    assert decode(path, (8, 8)).max() > 100


def test_packed_colours_of_five_and_six_bits_are_not_deep(tmp_path):
    header = struct.pack("<IIIHHIIIIII", 40, 1, 1, 1, 16, 3, 4, 0, 0, 0, 0)
    masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    offset = 14 + len(header) + len(masks)
    content = struct.pack("<HHI", 0xFFFF, 0, 0)[:4]
    (tmp_path / "a.bmp").write_bytes(b"BM" + struct.pack("<IHHI", offset + 4, 0, 0, offset) + header + masks + content)
    assert decode(tmp_path / "a.bmp", (1, 1)).flatten().tolist() == [255, 255, 255]


def not_finite(path):
    values = np.ones((4, 4), np.float32)
    values[0, 0] = np.nan
    Image.fromarray(values).save(path)
    return path


@pytest.mark.parametrize(
    ("make", "white", "message"),
    [
        (lambda path: deep(path, 4000), None, r"16 bits a channel and values up to 4,000.*data\.white=4095 .*--white"),
        (lambda path: deep(path, 5000), 4095, r"values up to 5,000, and white is 4,095; data\.white=8191"),
        (lambda path: deep(path, -5, np.int32), 255, r"values down to -5, and black is 0"),
        (not_finite, 1, r"not finite"),
    ],
)
def test_what_no_scale_fits_is_refused_by_name(tmp_path, make, white, message):
    path = make(tmp_path / "odd.tiff")
    with pytest.raises(UserError, match=rf"odd\.tiff: .*{message}") as raised:
        decode(path, (4, 4), white=white)
    assert "\n" not in str(raised.value)


def test_twelve_bit_colours_lose_too_much_in_pillow_and_are_refused(tmp_path):
    path = png(tmp_path / "a.png", 16, 2, [4095, 2000, 0])
    assert white_of([path]) == 4095
    with pytest.raises(UserError, match=r"upper 8 bits alone; convert"):
        decode(path, (1, 1), white=4095)


def test_transparent_grey_of_sixteen_bits_is_white(tmp_path):
    values = np.array([[100, 4000]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png", transparency=100)
    assert torch.equal(decode(tmp_path / "a.png", (1, 2), 1, white=4000).flatten(), torch.tensor([255, 255]).byte())
