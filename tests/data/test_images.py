"""Pictures that a plain conversion would get wrong: transparency, metadata, any proportions, too many pixels."""

import random
import struct
import threading
import tracemalloc
import zlib

import numpy as np
import pytest
import torch
from pictures import picture
from PIL import Image, ImageFile

from dl_runner.data import images
from dl_runner.data.depth import white_of
from dl_runner.data.images import UnreadablePicture, decode, load, to_pixels
from dl_runner.errors import UserError

ORIENTATION, COPYRIGHT = 0x0112, 0x8298
KINDS = {
    **{"bmp": "RGB", "gif": "P", "ico": "RGBA", "jp2": "RGB", "jpg": "RGB", "pcx": "P", "png": "RGBA", "ppm": "RGB"},
    **{"qoi": "RGB", "sgi": "RGB", "tga": "RGB", "tiff": "CMYK", "webp": "RGB", "xbm": "1", "dds": "RGB", "im": "L"},
}


def test_transparent_parts_are_white(tmp_path):
    Image.new("RGBA", (6, 6), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (decode(tmp_path / "clear.png", (6, 6), 1) == 255).all()


@pytest.mark.parametrize("size", [(4, 4), (3, 8), (8, 3), (20, 20)])
@pytest.mark.parametrize("source", [(5, 9), (9, 5), (1, 30), (7, 7)])
def test_any_picture_covers_any_size(source, size, tmp_path):
    Image.new("RGB", source, (10, 200, 30)).save(tmp_path / "plain.png")
    pixels = decode(tmp_path / "plain.png", size)
    assert pixels.shape == (3, *size)
    assert (pixels == torch.tensor([10, 200, 30], dtype=torch.uint8)[:, None, None]).all()


def test_what_is_cut_before_it_is_resized_is_the_same_picture(tmp_path, monkeypatch):
    path = picture(tmp_path / "a.png", 90, 4)
    whole = decode(path, (32, 32))
    monkeypatch.setattr(images, "MOST_RESIZED", 0)
    assert (decode(path, (32, 32)).int() - whole.int()).abs().max() <= 1  # of rounding


def test_a_line_of_pixels_takes_no_more_memory_than_what_is_wanted_of_it(tmp_path, monkeypatch):
    Image.new("RGB", (2, 30_000), "red").save(tmp_path / "line.png")
    sizes = []
    resize = Image.Image.resize

    def watched(self, size, *arguments, **options):
        sizes.append(size[0] * size[1])
        return resize(self, size, *arguments, **options)

    monkeypatch.setattr(Image.Image, "resize", watched)
    assert (decode(tmp_path / "line.png", (224, 224)) == torch.tensor([255, 0, 0]).byte()[:, None, None]).all()
    assert max(sizes) <= images.MOST_RESIZED


@pytest.mark.parametrize("kind", ["png", "jpg", "tiff", "webp"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8, 9, 0])
def test_odd_metadata_never_decide_over_pixels(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    pixels = np.zeros((16, 32), np.uint8)
    pixels[:, :16] = 255
    Image.fromarray(pixels).convert("RGB").save(tmp_path / f"plain.{kind}", exif=exif, quality=100)
    turned = torch.from_numpy(np.rot90(pixels, {3: 2, 6: 3, 8: 1}.get(orientation, 0)).copy())
    size = tuple(turned.shape)
    for path in (tmp_path / f"plain.{kind}", _with_odd_tags(tmp_path / f"odd.{kind}", pixels, exif)):
        assert (decode(path, size, 1)[0].int() - turned.int()).abs().max() <= 8  # JPEG


def _with_odd_tags(path, pixels, exif):
    """The same picture, with tags whose content is of another type than Pillow writes again."""
    page = Image.fromarray(pixels).convert("RGB")
    tags = [(0x0112, 3, 1, struct.pack("<HH", exif[ORIENTATION], 0)), (0x9000, 3, 1, struct.pack("<HH", 7, 0))]
    tags += [(0x8769, 4, 1, struct.pack("<I", 8)), (0x8825, 2, 3, b"abc\0")]  # sections where there are none
    tags += [(0x0100, 2, 3, b"abc\0"), (0x0128, 2, 3, b"abc\0")]  # texts where a number belongs
    block = b"II*\0" + struct.pack("<IH", 8, len(tags))
    block += b"".join(struct.pack("<HHI", tag, kind, count) + value for tag, kind, count, value in sorted(tags))
    if path.suffix == ".tiff":
        page.save(path, tiffinfo={ORIENTATION: exif[ORIENTATION], 0x8769: 8, COPYRIGHT: "é"})
    else:
        page.save(path, exif=b"Exif\0\0" + block + bytes(4), quality=100)
    return path


def test_metadata_that_cannot_be_read_say_nothing(tmp_path, monkeypatch):
    path = picture(tmp_path / "a.jpg", 8, 8)
    expected = decode(path, (8, 8))
    for error in (SyntaxError("odd"), struct.error("odd"), KeyError(3), TypeError("odd"), ZeroDivisionError()):

        def broken(self, error=error):
            raise error

        monkeypatch.setattr(Image.Image, "getexif", broken)
        monkeypatch.setattr(Image.Image, "_reload_exif", broken, raising=False)
        assert torch.equal(decode(path, (8, 8)), expected)


def bomb(path):
    """A PNG file of 300 bytes that says that it has 400 million pixels."""
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)


def program(path):
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/tmp/x) (w) file\n")


def nothing(path):
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (bomb, r"too large, Image size \(400000000 pixels\) exceeds limit"),
        (program, r"in no format that Pillow reads"),
        (nothing, r"in no format that Pillow reads"),
        (lambda path: path.mkdir(), r"not a readable image \(\[Errno 21\]"),
    ],
)
def test_what_is_no_picture_is_refused_by_name_without_memory(tmp_path, make, message):
    path = tmp_path / "odd.png"
    make(path)
    tracemalloc.start()
    with pytest.raises(UnreadablePicture, match=rf"odd\.png: .*{message}") as raised:
        decode(path, (4, 4))
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()
    assert "\n" not in str(raised.value)
    with pytest.raises(UnreadablePicture, match=r"gone\.png: no such file"):
        decode(tmp_path / "gone.png", (4, 4))


def test_whatever_a_decoder_raises_is_one_line(tmp_path, monkeypatch):
    path = picture(tmp_path / "a.png")

    def broken(self):
        raise IndexError("bad\nindex")

    monkeypatch.setattr(ImageFile.ImageFile, "load", broken)
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", broken, raising=False)
    with pytest.raises(UnreadablePicture, match=r"a\.png: not a readable image \(bad index\); repair or remove"):
        decode(path, (4, 4))


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_wrong_with_a_file_it_is_decoded_or_refused_in_one_line(tmp_path, kind):
    chance = random.Random(kind)
    good = picture(tmp_path / f"good.{kind}", 40, 30, KINDS[kind]).read_bytes()
    assert decode(tmp_path / f"good.{kind}", (8, 8)).shape == (3, 8, 8)
    for number in range(60):
        changed = bytearray(good[: chance.choice((len(good), len(good), 20, len(good) // 2))])
        for _ in range(chance.randrange(8)):
            changed[chance.randrange(min(len(changed), 200))] = chance.randrange(256)
        path = tmp_path / f"{number}.{kind}"
        path.write_bytes(changed)
        try:
            assert decode(path, (8, 8), white=white_of([path])).shape == (3, 8, 8)
        except UserError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)


def test_colours_without_a_way_to_rgb_are_refused(tmp_path):
    with pytest.raises(UnreadablePicture, match=r"odd\.tiff: its colours are La, which has no way to RGB"):
        to_pixels(Image.new("La", (4, 4)), 8, tmp_path / "odd.tiff", (4, 4))


def test_threads_hold_one_large_picture_at_a_time(tmp_path, monkeypatch):
    path = picture(tmp_path / "a.png")
    monkeypatch.setattr(images, "LARGE", 1)
    entered = threading.Event()

    def second():
        with load(path):
            entered.set()

    with load(path):
        thread = threading.Thread(target=second)
        thread.start()
        assert images._alone.locked() and not entered.is_set()
    thread.join()
    assert entered.is_set() and not images._alone.locked()
