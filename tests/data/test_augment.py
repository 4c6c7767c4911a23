"""Augmentations: per image, from the generator alone, and what they claim to do."""

import pytest
import torch
from torch.nn import functional as F

from dl_runner.data.augment import compose, horizontal_flip, random_crop


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


@pytest.mark.parametrize(("p", "expected"), [(0.0, IMAGES), (1.0, IMAGES.flip(-1))])
def test_flip_at_the_ends_of_its_range(p, expected):
    assert torch.equal(horizontal_flip(p=p)(IMAGES, generator()), expected)


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


@pytest.mark.parametrize("transform", [horizontal_flip(), random_crop(), compose([random_crop(), horizontal_flip()])])
def test_the_generator_is_the_only_randomness_and_the_input_is_kept(transform):
    before = IMAGES.clone()
    once = transform(IMAGES, generator(5))
    torch.manual_seed(99)
    assert torch.equal(once, transform(IMAGES, generator(5)))
    assert not torch.equal(once, transform(IMAGES, generator(6)))
    assert torch.equal(IMAGES, before)


def test_compose_applies_in_order_and_is_none_for_nothing():
    assert compose([]) is None
    doubled_then_one_more = compose([lambda images, _: images * 2, lambda images, _: images + 1])
    assert torch.equal(doubled_then_one_more(torch.ones(1), generator()), torch.tensor([3.0]))
