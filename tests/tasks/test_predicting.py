"""Pictures of a user's own as examples of the data, and a batch's inputs as pictures again."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from specs import labelled
from torch import nn
from torchvision.transforms import v2

from dl_runner import DataSpec
from dl_runner.errors import UserError
from dl_runner.spec import Columns, Tokens, Vector
from dl_runner.tasks.predicting import check_inputs, load_image, load_images, run_on_images, shown_again


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
    path = saved(tmp_path / "a.png", pixels)
    deep = replace(spec(1, 8, 8), inputs=replace(spec(1, 8, 8).inputs, white=65535))  # as the training's pictures were
    expected = np.rint(pixels * (255 / 65535)).astype(np.uint8)
    for image in (load_image(path, deep), load_image(path, spec(1, 8, 8), white=65535)):
        np.testing.assert_array_equal(image[0].numpy(), expected)
    with pytest.raises(UserError, match=r"a\.png: has 16 bits .*--white 65535"):
        load_image(path, spec(1, 8, 8))


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
    with pytest.raises(UserError, match=r"the model takes (vector|image)s, not grey or RGB pictures"):
        load_image(path, labelled(shape, 2))


def test_several_pictures_are_a_batch_that_can_be_inverted(tmp_path):
    grey = [noise(8, 8), 255 - noise(8, 8)]
    paths = [str(saved(tmp_path / f"{number}.png", pixels)) for number, pixels in enumerate(grey)]
    pictures = load_images(paths, spec(1, 8, 8))
    np.testing.assert_array_equal(pictures[:, 0].numpy(), np.stack(grey))
    np.testing.assert_array_equal(load_images(paths, spec(1, 8, 8), invert=True)[:, 0].numpy(), 255 - np.stack(grey))


def test_a_model_gets_pictures_normalized_as_in_its_training_and_they_are_shown_as_they_were():
    data = labelled((3, 4, 4), 2, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))
    pictures = torch.from_numpy(noise(2, 3, 4, 4))
    inputs = run_on_images(nn.Identity(), pictures, data)
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (data.inputs.mean, data.inputs.std))
    torch.testing.assert_close(inputs, (pictures / 255 - mean) / std, rtol=1e-5, atol=1e-6)
    assert torch.equal(shown_again(inputs, data), pictures)


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        (spec(1, 8, 8).inputs, "needs picture files"),
        (Columns(("a",)), "needs table files"),
        (Tokens(5, 4), "needs texts, as in"),
        (Vector(3), "needs inputs of your own"),
    ],
)
def test_without_inputs_it_says_what_it_needs(inputs, told):
    with pytest.raises(UserError, match=f"predict: {told}"):
        check_inputs([], DataSpec(inputs, labelled((3,), 2).targets, "classification"))


def test_a_language_model_needs_texts_to_go_on_with():
    with pytest.raises(UserError, match="predict: needs texts to go on with"):
        check_inputs([], DataSpec(Tokens(5, 4), Tokens(5, 4), "language_model"))
