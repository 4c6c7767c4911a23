"""Augmentations that move pixels: what each draws and refuses."""

import pytest
import torch
from torch.nn import functional as F

from dl_runner.data.augment import (
    affine,
    horizontal_flip,
    random_crop,
    random_erasing,
    random_resized_crop,
    rotation,
    translation,
    vertical_flip,
)
from dl_runner.errors import UserError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


IMAGES = torch.rand(64, 3, 6, 8, generator=generator())


def test_flip_mirrors_about_a_share_p_of_the_images():
    images = torch.rand(2000, 1, 2, 3, generator=generator())
    flipped = horizontal_flip(p=0.3)(images, generator())
    mirrored = (flipped == images.flip(-1)).flatten(1).all(1)
    unchanged = (flipped == images).flatten(1).all(1)
    assert torch.equal(mirrored, ~unchanged)
    assert mirrored.float().mean().item() == pytest.approx(0.3, abs=0.04)  # four standard deviations


@pytest.mark.parametrize(("flip", "side"), [(horizontal_flip, -1), (vertical_flip, -2)])
def test_flip_at_the_ends_of_its_range(flip, side):
    assert torch.equal(flip(p=0.0)(IMAGES, generator()), IMAGES)
    assert torch.equal(flip(p=1.0)(IMAGES, generator()), IMAGES.flip(side))


def test_crop_cuts_windows_of_the_padded_image_all_of_them_in_time():
    padding = 2
    images = IMAGES[:1].repeat(600, 1, 1, 1)
    crops = random_crop(padding=padding)(images, generator())
    padded = F.pad(IMAGES[0], [padding] * 4)
    windows = {
        (top, left): padded[:, top : top + 6, left : left + 8]
        for top in range(2 * padding + 1)
        for left in range(2 * padding + 1)
    }
    found = [next(place for place, window in windows.items() if torch.equal(window, crop)) for crop in crops]
    assert set(found) == set(windows)
    assert crops.shape == images.shape


def places(images: torch.Tensor, size: int) -> torch.Tensor:
    """Row and column, (n, 2), that images of a gradient show in their middle."""
    middle = images[..., size // 2, size // 2]
    return middle[:, :2] * size - 0.5


def gradient(n: int, size: int) -> torch.Tensor:
    """Images whose first channel tells the row of a pixel and whose second tells its column."""
    steps = (torch.arange(size) + 0.5) / size
    one = torch.stack([steps[:, None].expand(size, size), steps.expand(size, size), torch.ones(size, size)])
    return one.expand(n, -1, -1, -1).contiguous()


def test_translation_moves_by_all_whole_pixels_up_to_its_share():
    size, n = 20, 2000
    moved = places(translation(fraction=0.15)(gradient(n, size), generator()), size).round() - size // 2
    for axis in range(2):
        values, counts = moved[:, axis].unique(return_counts=True)
        assert values.tolist() == [-3, -2, -1, 0, 1, 2, 3]
        assert counts.min() > n / 7 * 0.75
    assert abs(torch.corrcoef(moved.T)[0, 1]) < 0.1


def angles(images: torch.Tensor) -> torch.Tensor:
    """Degrees, clockwise, by which gradients were turned: from the direction in which the row number grows."""
    middle = images.shape[-1] // 2
    patch = images[:, 0, middle - 2 : middle + 3, middle - 2 : middle + 3]
    down = (patch[:, -1] - patch[:, 0]).mean(1)
    right = (patch[:, :, -1] - patch[:, :, 0]).mean(1)
    return torch.rad2deg(torch.atan2(-right, down))


def test_rotation_draws_evenly_from_its_range():
    turned = angles(rotation(degrees=30)(gradient(2000, 21), generator()))
    assert turned.abs().max() <= 30.01
    shares = torch.histc(turned, 6, -30, 30) / 2000
    assert shares.sub(1 / 6).abs().max() < 0.035  # four standard deviations


def test_affine_without_rotation_and_zoom_moves_as_torchvision_does_by_whole_pixels():
    images = affine(degrees=0.0, translate=0.15, scale=(1.0, 1.0))(gradient(500, 20), generator())
    moved = places(images, 20) - 10
    torch.testing.assert_close(moved, moved.round(), rtol=0, atol=1e-4)
    assert moved.round().unique().tolist() == [-3, -2, -1, 0, 1, 2, 3]


def test_affine_zooms_within_its_range():
    images = affine(degrees=0.0, translate=0.0, scale=(0.5, 2.0))(gradient(1000, 21), generator())
    zoom = 2 / (21 * (images[:, 0, 11, 10] - images[:, 0, 9, 10]))
    assert 0.499 < zoom.min() < 0.52 and 1.95 < zoom.max() < 2.001


def crop_sizes(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Height and width, (n,), of the boxes that gradients were cropped to, from the slope in the middle."""
    size = images.shape[-1]
    low, high = size // 2 - 1, size // 2 + 1
    height = (images[:, 0, high, low] - images[:, 0, low, low]) * size / 2 * size
    width = (images[:, 1, low, high] - images[:, 1, low, low]) * size / 2 * size
    return height, width


def test_resized_crops_have_areas_and_ratios_from_their_ranges():
    size, n = 64, 3000
    height, width = crop_sizes(random_resized_crop(scale=(0.1, 0.4), ratio=(0.5, 2.0))(gradient(n, size), generator()))
    torch.testing.assert_close(height, height.round(), rtol=0, atol=0.01)
    share, ratio = height * width / size**2, width / height
    # Sides are whole pixels, so the ends of the ranges are met within a pixel in twenty.
    assert 0.09 < share.min() < 0.11 and 0.39 < share.max() < 0.42
    assert 0.46 < ratio.min() < 0.53 and 1.9 < ratio.max() < 2.15
    assert share.mean().item() == pytest.approx(0.25, abs=0.01)
    assert ratio.log().mean().item() == pytest.approx(0, abs=0.03)
    assert ratio.log().std().item() == pytest.approx(0.4, abs=0.02)  # of the uniform one on [log 0.5, log 2]


@pytest.mark.parametrize(
    ("shape", "ratio", "expected"),
    [((12, 12), (1.0, 1.0), (12, 12)), ((12, 20), (1.0, 1.0), (12, 12)), ((12, 20), (0.1, 0.1), (12, 1))],
)
def test_a_resized_crop_that_never_fits_is_the_largest_central_box(shape, ratio, expected):
    rows, columns = shape
    images = gradient(5, 20)[..., :rows, :columns].contiguous()
    height, width = expected
    top, left = (rows - height) // 2, (columns - width) // 2
    box = images[..., top : top + height, left : left + width]
    wanted = F.interpolate(box, size=shape, mode="bilinear")
    ours = random_resized_crop(scale=(1.0, 1.0), ratio=ratio)(images, generator())
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-5)


def test_erasing_fills_one_box_of_its_size_in_about_a_share_p_of_the_images():
    n, size = 2000, 32
    erased = random_erasing(scale=(0.1, 0.2), ratio=(0.5, 2.0), value=0.0, p=0.3)(
        torch.ones(n, 3, size, size), generator()
    )
    gone = (erased == 0).all(1)
    assert torch.equal(gone, (erased == 0).any(1))
    chosen = gone.flatten(1).any(1)
    assert chosen.float().mean().item() == pytest.approx(0.3, abs=0.04)
    gone = gone[chosen]
    height, width = gone.any(2).sum(1), gone.any(1).sum(1)
    assert torch.equal(gone.flatten(1).sum(1), height * width)  # the box is full
    share = height * width / size**2
    assert share.min() > 0.09 and share.max() < 0.22
    assert gone.float().mean(0).min() > 0  # any pixel may be met


@pytest.mark.parametrize(
    ("builder", "settings", "words"),
    [
        (random_resized_crop, {"scale": (0.5, 2.0)}, r"augment.scale=\[0.5, 2.0\].*neither above 1"),
        (random_resized_crop, {"ratio": (2.0, 0.5)}, r"augment.ratio=\[2.0, 0.5\].*the lower first"),
        (random_erasing, {"scale": (0.5,)}, "augment.scale.*two numbers"),
        (affine, {"scale": (1.0, 1.1, 1.2)}, "augment.scale.*two numbers"),
    ],
)
def test_a_range_that_is_none_is_refused(builder, settings, words):
    with pytest.raises(UserError, match=words):
        builder(**settings)
