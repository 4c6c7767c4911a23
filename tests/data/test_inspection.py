"""Every damaged, duplicate and odd file is found at once."""

import shutil

import numpy as np
import torch
from pictures import deep, picture
from PIL import Image

from dl_runner.data.inspection import inspect
from dl_runner.data.splits import FileSplit


def split(folder, *names, labels=None, white=None):
    paths = tuple(folder / name for name in names)
    return FileSplit(paths, torch.tensor(labels or [0] * len(paths)), 8, white)


def found(splits, classes=("cat", "dog")):
    return [(finding.kind, finding.path.name, finding.text) for finding in inspect(splits, classes)]


def good(folder, n=12):
    return [picture(folder / f"{number:02}.png", width=10 + number).name for number in range(n)]


def test_good_pictures_are_no_findings(tmp_path):
    assert found({"train": split(tmp_path, *good(tmp_path))}) == []


def test_each_damaged_file_is_named_with_its_reason(tmp_path):
    names = good(tmp_path, 3)
    (tmp_path / "a.png").write_text("hello")
    (tmp_path / "b.png").write_bytes((tmp_path / names[0]).read_bytes()[:80])
    kinds = found({"train": split(tmp_path, *names, "a.png", "b.png", "gone.png")})
    assert [kind[:2] for kind in kinds] == [("damaged", "a.png"), ("damaged", "b.png"), ("damaged", "gone.png")]
    assert [kind[2].partition(" (")[0] for kind in kinds] == [*["not a readable image"] * 2, "no such file"]


def test_duplicates_are_found_by_bytes_and_by_pixels_and_the_worst_come_first(tmp_path):
    names = good(tmp_path)
    for name, copy in ((names[0], "same.png"), (names[1], "test.png"), (names[2], "dog.png")):
        shutil.copy(tmp_path / name, tmp_path / copy)
    Image.open(tmp_path / names[3]).save(tmp_path / "other.bmp")  # other bytes, the same pixels
    train = split(tmp_path, *names, "same.png", "other.bmp", "dog.png", labels=[0] * 14 + [1])
    assert found({"train": train, "test": split(tmp_path, "test.png")}) == [
        ("in train and test", "01.png", f"the same bytes as {tmp_path / 'test.png'}"),
        ("in two classes", "02.png", f"the same bytes (cat, dog) as {tmp_path / 'dog.png'}"),
        ("duplicate", "00.png", f"the same bytes as {tmp_path / 'same.png'}"),
        ("duplicate", "03.png", f"the same pixels as {tmp_path / 'other.bmp'}"),
    ]


def test_odd_modes_depths_shapes_sizes_frames_and_blanks(tmp_path):
    names = good(tmp_path)
    picture(tmp_path / "grey.png", 15, 15, "L")
    deep(tmp_path / "deep.png", 65535, np.uint16, 14)
    picture(tmp_path / "long.png", 90, 9)
    picture(tmp_path / "tiny.png", 1, 1)
    frames = [Image.fromarray(np.full((9, 9, 3), level, np.uint8)) for level in (0, 99)]
    frames[0].putpixel((4, 4), (255, 0, 0))
    frames[0].save(tmp_path / "moving.png", save_all=True, append_images=frames[1:])
    Image.new("RGB", (9, 9)).save(tmp_path / "black.png")
    odd = [f"{name}.png" for name in ("grey", "deep", "long", "tiny", "moving", "black")]
    assert found({"train": split(tmp_path, *names, *odd, white=65535)}) == [
        ("odd mode", "grey.png", "L, where most are RGB"),
        ("odd mode", "deep.png", "I;16, where most are RGB"),
        ("odd depth", "deep.png", "16 bits a channel, where others have 8"),
        ("odd shape", "long.png", "90×9, of which 90% are cut off"),
        ("odd size", "tiny.png", "1×1, enlarged 8.0 times"),
        ("blank", "tiny.png", "all its pixels are the same"),
        ("odd frames", "moving.png", "several frames, of which only the first is used"),
        ("blank", "black.png", "all its pixels are the same"),
    ]
