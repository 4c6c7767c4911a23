"""The deterministic operations against torchvision, one image and one amount at a time."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as reference

from dl_runner.data import image_ops

SIZES = st.tuples(st.integers(2, 6), st.sampled_from([1, 3]), st.integers(5, 30), st.integers(5, 30))
BILINEAR = InterpolationMode.BILINEAR
TOLERANCE = {"rtol": 0, "atol": 2e-5}  # 0..1; a byte's step is 4e-3


def same(ours: torch.Tensor, theirs: list[torch.Tensor]) -> None:
    torch.testing.assert_close(ours, torch.stack(theirs), **TOLERANCE)
    assert ours.min() >= 0 and ours.max() <= 1


def random_images(size: tuple[int, int, int, int], seed: int) -> tuple[torch.Tensor, torch.Generator]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(size, generator=generator), generator


def random_boxes(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """(n, 4): top, left, height, width of a box within each image."""
    rows, columns = images.shape[-2:]
    share = torch.rand(2, 2, len(images), generator=generator)
    sides = torch.tensor([rows, columns])[:, None]
    lengths = (share[0] * sides).long() + 1
    return torch.cat([(share[1] * (sides - lengths + 1)).long(), lengths]).T


@settings(max_examples=12, deadline=None)
@given(size=SIZES, seed=st.integers(0, 999))
def test_resized_crop(size, seed):
    images, generator = random_images(size, seed)
    boxes = random_boxes(images, generator)
    theirs = [
        reference.resized_crop(image, *box.tolist(), size=list(size[2:]), interpolation=BILINEAR, antialias=True)
        for image, box in zip(images, boxes, strict=True)
    ]
    same(image_ops.resized_crop(images, *boxes.T), theirs)


@settings(max_examples=12, deadline=None)
@given(size=SIZES, seed=st.integers(0, 999))
def test_warp(size, seed):
    images, generator = random_images(size, seed)
    degrees, down, right = ((torch.rand(3, len(images), generator=generator) - 0.5) * 20).unbind()
    degrees, scale = degrees * 6, torch.rand(len(images), generator=generator) + 0.5
    theirs = [
        reference.affine(images[i], *amounts, shear=[0.0, 0.0], interpolation=BILINEAR)
        for i, amounts in enumerate(
            (degrees[i].item(), [right[i].item(), down[i].item()], scale[i].item()) for i in range(len(images))
        )
    ]
    # A rounding error may fall on either side of the image's edge, where the reference jumps to black as we do.
    ours = image_ops.warp(images, degrees, scale, down, right)
    differs = (ours - torch.stack(theirs)).abs() > 1e-4
    assert differs.float().mean() < 0.001
    assert ours.min() >= 0 and ours.max() <= 1 + 1e-6


def test_warp_turns_clockwise():
    corner = torch.zeros(1, 1, 5, 5)
    corner[..., 0, 0] = 1
    turned = image_ops.warp(corner, torch.tensor([90.0]), torch.ones(1), torch.zeros(1), torch.zeros(1))
    torch.testing.assert_close(turned, corner.flip(-1), rtol=0, atol=1e-5)


@settings(max_examples=8, deadline=None)
@given(size=SIZES, seed=st.integers(0, 999))
def test_erase(size, seed):
    images, generator = random_images(size, seed)
    boxes = random_boxes(images, generator)
    pairs = zip(images, boxes, strict=True)
    theirs = [reference.erase(image, *box.tolist(), v=torch.tensor(0.25)) for image, box in pairs]
    assert torch.equal(image_ops.erase(images, *boxes.T, 0.25), torch.stack(theirs))


ADJUSTMENTS = {
    "brightness": (image_ops.adjust_brightness, reference.adjust_brightness, 0.0, 2.0),
    "contrast": (image_ops.adjust_contrast, reference.adjust_contrast, 0.0, 2.0),
    "saturation": (image_ops.adjust_saturation, reference.adjust_saturation, 0.0, 2.0),
    "hue": (image_ops.adjust_hue, reference.adjust_hue, -0.5, 0.5),
    "blur": (
        lambda images, sigma: image_ops.blur(images, sigma, 5),
        lambda image, sigma: reference.gaussian_blur(image, [5, 5], [sigma, sigma]),
        *(0.1, 3.0),
    ),
}


@pytest.mark.parametrize("name", ADJUSTMENTS)
@settings(max_examples=10, deadline=None)
@given(size=SIZES, seed=st.integers(0, 999))
def test_changes_of_values(name, size, seed):
    ours, theirs, low, high = ADJUSTMENTS[name]
    images, generator = random_images(size, seed)
    images[0] = images[0, :, :1, :1]  # one colour; with three channels one of them is grey
    images[1] = images[1, :1]
    before = images.clone()
    amounts = torch.rand(len(images), generator=generator) * (high - low) + low
    same(ours(images, amounts), [theirs(image, amount.item()) for image, amount in zip(images, amounts, strict=True)])
    assert torch.equal(images, before)


def test_hue_of_pure_colours_goes_round_the_circle():
    red, green, blue = torch.eye(3).view(3, 1, 3, 1, 1)
    third = torch.tensor([1 / 3])
    for start, end in ((red, green), (green, blue), (blue, red)):
        torch.testing.assert_close(image_ops.adjust_hue(start, third), end, **TOLERANCE)
        torch.testing.assert_close(image_ops.adjust_hue(end, -third), start, **TOLERANCE)
