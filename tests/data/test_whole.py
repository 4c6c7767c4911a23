"""Photographs of different sizes: the whole of them for a random crop, their centres for everything else."""

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from dl_runner.data.augment import horizontal_flip, random_resized_crop
from dl_runner.data.dataset import Cuts, Data, cut
from dl_runner.data.images import decode, decode_whole
from dl_runner.data.preparation import Normalized, preparation
from dl_runner.data.transforms import Crop, compose
from dl_runner.data.whole import WholeFiles, centres, on_canvas
from dl_runner.errors import UserError
from dl_runner.spec import Classes, DataSpec, Image
from dl_runner.tasks.predicting import load_image

SHAPES = ((40, 60), (60, 40), (50, 50), (41, 33))  # width, height
SIDE, SHORTER = 16, 20
SPEC = DataSpec(Image(3, SIDE, SIDE, (0.4,) * 3, (0.2,) * 3, resize=SHORTER), Classes(("a", "b")), "classification")


@pytest.fixture
def files(tmp_path):
    drawn, paths = np.random.default_rng(0), []
    for place, (width, height) in enumerate(SHAPES):
        pixels = drawn.integers(0, 256, (height, width, 3), np.uint8)
        paths.append(tmp_path / f"{place}.png")
        Picture.fromarray(pixels).save(paths[-1])
    return WholeFiles(tuple(paths), torch.tensor([0, 1, 0, 1]), SIDE, preload=True, resize=SHORTER)


def in_memory(files):
    return files.loaded()


def generator():
    return torch.Generator().manual_seed(0)


def test_the_shorter_side_is_resized_and_nothing_cut_off(files):
    for path, (width, height) in zip(files.paths, SHAPES, strict=True):
        whole = decode_whole(path, SHORTER)
        assert min(whole.shape[1:]) == SHORTER
        assert whole.shape[2] / whole.shape[1] == pytest.approx(width / height, abs=0.06)


def test_of_a_panorama_the_middle_is_kept(tmp_path):
    Picture.new("RGB", (600, 30)).save(tmp_path / "wide.png")
    assert decode_whole(tmp_path / "wide.png", 10).shape == (3, 10, 30)


@pytest.mark.parametrize(("width", "height"), SHAPES)
def test_evaluation_resizes_and_cuts_the_centre_as_torchvision_does(tmp_path, width, height):
    from torchvision.transforms import CenterCrop, Compose, InterpolationMode, PILToTensor, Resize

    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    Picture.fromarray(pixels).save(tmp_path / "a.png")
    reference = Compose([Resize(SHORTER, InterpolationMode.BILINEAR), CenterCrop(SIDE), PILToTensor()])
    expected = reference(Picture.open(tmp_path / "a.png"))
    assert torch.equal(decode(tmp_path / "a.png", (SIDE, SIDE), resize=SHORTER), expected)
    canvas = on_canvas([decode_whole(tmp_path / "a.png", SHORTER), torch.zeros(3, 70, 70, dtype=torch.uint8)])
    assert torch.equal(centres(canvas["pixels"], canvas["sizes"], SIDE, SIDE)[0], expected)
    assert torch.equal(load_image(tmp_path / "a.png", SPEC), expected)  # and so do predictions


def test_files_and_memory_give_the_same(files):
    held, index = in_memory(files), torch.tensor([2, 0])
    (one, labels), (other, _) = files.take(index), held.take(index)
    assert labels.tolist() == [0, 0] and torch.equal(one["sizes"], other["sizes"])
    height, width = one["pixels"].shape[-2:]
    assert torch.equal(one["pixels"], other["pixels"][..., :height, :width])
    assert not other["pixels"][..., height:, :].any()
    for transform in (None, compose([random_resized_crop(), horizontal_flip()])):
        prepared = [Normalized(SPEC.inputs, "cpu", transform).inputs(raw, generator()) for raw in (one, other)]
        torch.testing.assert_close(*prepared, atol=1e-5, rtol=0)


def test_what_is_not_cropped_is_the_normalized_centre(files):
    held = in_memory(files)
    images, _ = preparation(SPEC, "cpu")(held.take(slice(0, 4)))
    expected = torch.stack([decode(path, (SIDE, SIDE), resize=SHORTER) for path in files.paths])
    torch.testing.assert_close(images, (expected / 255 - 0.4) / 0.2)
    flipped, _ = preparation(SPEC, "cpu", compose([horizontal_flip(p=1.0)]))(held.take(slice(0, 4)), generator())
    torch.testing.assert_close(flipped, images.flip(-1))


def test_a_random_crop_sees_what_the_centre_leaves_out(tmp_path):
    # White ends, black middle: only a crop of the whole picture can meet white.
    picture = torch.zeros(3, SHORTER, 3 * SHORTER, dtype=torch.uint8)
    picture[..., :SHORTER] = picture[..., 2 * SHORTER :] = 255
    raw = on_canvas([picture] * 64)
    crops = Normalized(Image(3, SIDE, SIDE), "cpu", compose([random_resized_crop(scale=(0.1, 0.2))]))
    brightness = crops.inputs(raw, generator()).mean((1, 2, 3))
    assert (brightness > 0.9).sum() > 20 and (brightness < 0.1).sum() > 5
    later = Normalized(Image(3, SIDE, SIDE), "cpu", compose([horizontal_flip(), random_resized_crop()]))
    assert not later.inputs(raw, generator()).any()  # by then the centre is all there is


def test_boxes_lie_within_each_photograph_whatever_its_size():
    sizes = torch.tensor([[20, 60], [60, 20], [33, 35], [1, 9]]).repeat(200, 1)
    for crop in (random_resized_crop(), random_resized_crop(scale=(0.9, 1.0), ratio=(2.0, 3.0))):
        assert isinstance(crop, Crop)
        top, left, height, width = crop.boxes(sizes, generator())
        assert (height >= 1).all() and (width >= 1).all() and (top >= 0).all() and (left >= 0).all()
        assert (top + height <= sizes[:, 0]).all() and (left + width <= sizes[:, 1]).all()


def test_a_photograph_of_the_canvas_size_is_cropped_as_an_image_of_it_is():
    images = torch.rand(5, 3, 24, 24, generator=generator())
    crop = random_resized_crop()
    whole = crop.whole(images, torch.full((5, 2), 24), (24, 24), generator())
    assert torch.equal(whole, crop(images, generator()))


def test_a_shorter_side_below_the_image_is_refused(files):
    small = DataSpec(Image(3, SIDE, SIDE, resize=10), SPEC.targets, "classification")
    with pytest.raises(UserError, match=r"data.resize=10: .* set it to 16 or more"):
        cut(Data(small, in_memory(files)), Cuts())
