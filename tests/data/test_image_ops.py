"""Changes of values against torchvision, one image and one amount at a time."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional as reference

from dl_runner.data import image_ops

SIZES = st.tuples(st.integers(2, 6), st.sampled_from([1, 3]), st.integers(5, 30), st.integers(5, 30))
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
