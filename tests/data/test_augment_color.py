"""Augmentations that change values: what each draws."""

import pytest
import torch

from dl_runner.data import image_ops
from dl_runner.data.augment_color import color_jitter, gaussian_blur, gaussian_noise, salt_and_pepper
from dl_runner.errors import UserError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def alone(**amounts: float):
    return color_jitter(**dict.fromkeys(("brightness", "contrast", "saturation", "hue"), 0.0) | amounts)


def test_brightness_factors_are_even_in_their_range():
    factors = alone(brightness=0.5)(torch.full((2000, 1, 2, 2), 0.5), generator())[:, 0, 0, 0] / 0.5
    shares = torch.histc(factors, 5, 0.5, 1.5) / 2000
    assert shares.sub(0.2).abs().max() < 0.036  # four standard deviations
    assert shares.sum().item() == pytest.approx(1)


def test_a_factor_is_never_negative():
    factors = alone(brightness=3.0)(torch.full((500, 1, 1, 1), 0.2), generator()).flatten() / 0.2
    assert factors.min() >= 0 and factors.max() > 3.9


def test_half_a_circle_either_way_gives_any_hue():
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(900, -1, -1, -1)
    largest = alone(hue=0.5)(red, generator()).flatten(1).argmax(1)
    assert (largest.bincount(minlength=3) / 900).sub(1 / 3).abs().max() < 0.065
    little = alone(hue=0.1)(red, generator()).flatten(1)
    assert (little.argmax(1) == 0).all() and little[:, 1].gt(0.5).any() and little[:, 2].gt(0.5).any()


def test_the_order_is_brightness_contrast_saturation_hue():
    images, drawn = torch.rand(6, 3, 5, 5, generator=generator()), generator(3)
    expected = images
    for adjust in (image_ops.adjust_brightness, image_ops.adjust_contrast, image_ops.adjust_saturation):
        expected = adjust(expected, torch.rand(6, generator=drawn) + 0.5)
    expected = image_ops.adjust_hue(expected, torch.rand(6, generator=drawn) - 0.5)
    torch.testing.assert_close(color_jitter()(images, generator(3)), expected)


def test_noise_has_its_deviation_in_every_value_and_none_in_common():
    images = torch.full((50, 3, 20, 20), 0.5)
    noise = gaussian_noise(std=0.05)(images, generator()) - images
    assert noise.mean().item() == pytest.approx(0, abs=1e-3)
    assert noise.std().item() == pytest.approx(0.05, rel=0.02)
    assert torch.corrcoef(noise.transpose(0, 1).flatten(1)).sub(torch.eye(3)).abs().max() < 0.03


def test_salt_and_pepper_take_their_share_of_whole_pixels():
    images = torch.full((50, 3, 40, 40), 0.5)
    changed = salt_and_pepper(share=0.1)(images, generator())
    assert torch.equal(changed.amin(1), changed.amax(1))
    for value in (0.0, 1.0):
        assert (changed == value).float().mean().item() == pytest.approx(0.05, abs=0.004)
    assert (changed == 0.5).float().mean().item() == pytest.approx(0.9, abs=0.006)


def test_each_image_is_blurred_by_another_sigma_from_the_range():
    dot = torch.zeros(400, 1, 21, 21)
    dot[..., 10, 10] = 1
    blurred = gaussian_blur(kernel_size=21, sigma=(1.0, 2.0))(dot, generator())
    places = torch.arange(21) - 10.0
    sigma = (blurred.sum((1, 2)) * places**2).sum(1).sqrt()
    assert 0.99 < sigma.min() < 1.02 and 1.98 < sigma.max() < 2.01
    assert sigma.mean().item() == pytest.approx(1.5, abs=0.06)


def test_a_window_that_is_even_or_larger_than_the_image_is_refused():
    with pytest.raises(UserError, match=r"kernel_size=4.*odd"):
        gaussian_blur(kernel_size=4)
    with pytest.raises(UserError, match=r"kernel_size=5.*2x9 pixels"):
        gaussian_blur(kernel_size=5)(torch.zeros(1, 1, 2, 9), generator())
    assert gaussian_blur(kernel_size=5)(torch.zeros(1, 1, 3, 9), generator()).shape == (1, 1, 3, 9)
