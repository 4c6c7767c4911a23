from pathlib import Path

import numpy as np
import pytest
import torch
from dl_runner.report.predictions import load_image, render, top
from PIL import Image
from rich.console import Console
from specs import labelled
from torchvision.transforms import v2

from dl_runner import DataSpec
from dl_runner.errors import UserError


def spec(channels: int, height: int, width: int) -> DataSpec:
    return labelled((channels, height, width), 2, ("a", "b"))


def saved(path: Path, pixels: np.ndarray, **options) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("size", [(40, 40), (60, 40), (40, 62), (20, 20), (8, 8)])
def test_crop_and_resize_agree_with_torchvision(tmp_path, size):
    path = saved(tmp_path / "a.png", noise(*size, 3))
    expected = v2.Compose([v2.Resize(20, antialias=True), v2.CenterCrop(20), v2.PILToTensor()])
    image = load_image(path, spec(3, 20, 20))
    assert image.dtype == torch.uint8 and image.shape == (3, 20, 20) and image.is_contiguous()
    torch.testing.assert_close(image, expected(Image.open(path)))


def test_data_that_are_not_square_keep_their_proportions(tmp_path):
    pixels = noise(40, 40)
    image = load_image(saved(tmp_path / "a.png", pixels), spec(1, 20, 40))
    np.testing.assert_array_equal(image[0].numpy(), pixels[10:30])


def test_grey_and_colour_follow_the_data(tmp_path):
    grey, colour = noise(8, 8), noise(8, 8, 3)
    assert torch.equal(
        load_image(saved(tmp_path / "g.png", grey), spec(3, 8, 8)), torch.from_numpy(grey).expand(3, 8, 8)
    )
    image = load_image(saved(tmp_path / "c.png", colour), spec(1, 8, 8))
    luma = colour @ np.array([0.299, 0.587, 0.114])  # ITU-R 601-2
    assert np.abs(image[0].numpy() - luma).max() <= 1


def test_the_exif_orientation_is_honoured(tmp_path):
    pixels = noise(8, 8, 3)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90° to the left when stored
    image = load_image(saved(tmp_path / "a.png", pixels, exif=exif), spec(3, 8, 8))
    np.testing.assert_array_equal(image.permute(1, 2, 0).numpy(), np.rot90(pixels, -1))


def test_transparent_parts_are_white(tmp_path):
    pixels = np.zeros((8, 8, 4), dtype=np.uint8)
    pixels[:4, :, 3] = 255  # the upper half is opaque black
    path = saved(tmp_path / "a.png", pixels)
    image = load_image(path, spec(1, 8, 8))
    assert (image[0, :4] == 0).all() and (image[0, 4:] == 255).all()
    Image.new("P", (8, 8)).save(tmp_path / "palette.png", transparency=0)
    assert (load_image(tmp_path / "palette.png", spec(3, 8, 8)) == 255).all()


def test_sixteen_bit_grey_is_scaled(tmp_path):
    pixels = (noise(8, 8).astype(np.uint16) << 8) + 17
    image = load_image(saved(tmp_path / "a.png", pixels), spec(1, 8, 8))
    np.testing.assert_array_equal(image[0].numpy(), pixels >> 8)


def broken(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.png"
    if kind == "text":
        path.write_text("not a picture")
    elif kind == "truncated":
        saved(path, noise(64, 64, 3))
        path.write_bytes(path.read_bytes()[:3000])
    elif kind == "header":
        saved(path, noise(64, 64, 3))
        path.write_bytes(path.read_bytes()[:20])
    elif kind == "folder":
        path.mkdir()
    return path


@pytest.mark.parametrize("kind", ["missing", "text", "truncated", "header", "folder"])
def test_what_is_no_picture_is_named(tmp_path, kind):
    with pytest.raises(UserError, match=kind) as caught:
        load_image(broken(tmp_path, kind), spec(3, 8, 8))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(6,), (2, 8, 8)])
def test_data_without_pictures_are_refused(tmp_path, shape):
    path = saved(tmp_path / "a.png", noise(8, 8))
    with pytest.raises(UserError, match="shape"):
        load_image(path, labelled(shape, 2))


def test_the_most_probable_classes_come_first():
    logits = torch.tensor([[0.0, 2.0, 1.0, -5.0], [9.0, 0.0, 0.0, 8.0]])
    first, second = top(logits, ["a", "b", "c", "d"])
    probabilities = logits.softmax(1)
    assert [name for name, _ in first] == ["b", "c", "a"] and [name for name, _ in second[:2]] == ["a", "d"]
    assert first[0][1] == pytest.approx(probabilities[0, 1].item())


def test_fewer_classes_than_asked_for_are_all_there():
    [row] = top(torch.zeros(1, 2, dtype=torch.bfloat16), ["a", "b"])
    assert sorted(row) == [("a", 0.5), ("b", 0.5)]


def test_logits_of_other_classes_are_refused():
    with pytest.raises(ValueError, match="3 classes"):
        top(torch.zeros(1, 2), ["a", "b", "c"])


def test_the_table_shows_file_classes_and_probabilities(capsys):
    table = render([Path("a[1].png")], [[("ankle boot", 0.9712), ("sneaker", 0.02)]])
    Console(width=80).print(table)
    [line] = [line for line in capsys.readouterr().out.splitlines() if "a[1].png" in line]
    assert "ankle boot 97.1%" in line and "sneaker 2.0%" in line
