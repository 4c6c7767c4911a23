"""What every augmentation keeps to, whatever it does: random per image, from the generator alone, in 0..1."""

import inspect
from importlib import import_module

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from loaders import equal as same
from loaders import loader_of
from specs import labelled

from dl_runner.data.splits import TensorSplit
from dl_runner.data.transforms import compose
from dl_runner.registry import MODULES, builder

NAMES = sorted(
    name
    for module in map(import_module, MODULES["augment"])
    for name, value in vars(module).items()
    if inspect.isfunction(value) and value.__module__ == module.__name__ and name[0] != "_"
)
WITH_P = [name for name in NAMES if "p" in inspect.signature(builder("augment", name)).parameters]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=generator(7))


def test_all_augmentations_of_the_notes_are_there():
    wanted = "horizontal_flip vertical_flip random_resized_crop color_jitter rotation translation gaussian_noise"
    assert set(f"{wanted} salt_and_pepper gaussian_blur random_erasing random_crop affine".split()) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=8, deadline=None)
@given(n=st.integers(1, 5), channels=st.sampled_from([1, 3]), height=st.integers(3, 20), width=st.integers(3, 20))
def test_shape_type_and_range_stay(name, n, channels, height, width):
    before = images(n, channels, height, width)
    before[:, :, 0, :2] = torch.tensor([0.0, 1.0])
    kept = before.clone()
    after = builder("augment", name)()(before, generator(height))
    assert after.shape == before.shape and after.dtype == torch.float32
    assert after.isfinite().all() and after.min() >= 0 and after.max() <= 1
    assert torch.equal(before, kept)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [1, 3])
def test_equal_images_of_a_batch_come_out_different(name, channels):
    equal = images(1, channels, 32, 32).expand(40, -1, -1, -1)
    after = builder("augment", name)()(equal, generator())
    different = len(after.flatten(1).unique(dim=0))
    assert different == 2 if name.endswith("flip") else different > 15


@pytest.mark.parametrize("name", NAMES)
def test_the_generator_is_the_only_randomness(name):
    transform, batch = builder("augment", name)(), images(16, 3, 10, 8)
    once = transform(batch, generator(5))
    torch.manual_seed(99)
    state = torch.get_rng_state()
    assert torch.equal(once, transform(batch, generator(5)))
    assert not torch.equal(once, transform(batch, generator(6)))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", WITH_P)
def test_p_is_the_share_of_the_images_that_change(name):
    build, batch = builder("augment", name), images(600, 3, 32, 32)
    assert torch.equal(build(p=0.0)(batch, generator()), batch)
    # A shift by nothing is rare, and a turn so small that it changes no value is rarer.
    changed = [(build(p=p)(batch, generator()) != batch).flatten(1).any(1).float().mean().item() for p in (0.4, 1.0)]
    assert changed == [pytest.approx(0.4, abs=0.08), pytest.approx(1.0, abs=0.05)]


def test_an_epoch_entered_in_the_middle_is_augmented_as_if_it_had_run_from_its_start():
    raw = torch.randint(0, 256, (40, 3, 9, 9), dtype=torch.uint8, generator=generator())
    split, spec = TensorSplit(raw, torch.arange(40)), labelled((3, 9, 9), 40, (), (0.5,) * 3, (0.25,) * 3)
    options = {"batch_size": 7, "shuffle": True, "seed": 3}
    transform = compose([builder("augment", name)() for name in NAMES])
    whole = list(loader_of(split, spec, transform=transform, **options).epoch(2))
    fresh = loader_of(split, spec, transform=transform, **options)
    next(fresh.epoch(0))  # what was drawn before must not matter
    rest = list(fresh.epoch(2, start=3))
    assert len(rest) == len(whole) - 3 == 3
    assert same(rest, whole[3:])
    plain = next(iter(loader_of(split, spec, **options).epoch(2)))
    assert not torch.equal(plain.inputs, whole[0].inputs)
