"""Batches: order, resuming, resizing, normalization; from memory and from files alike."""

from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from specs import labelled, numbered

from dl_runner.data.augment import compose, horizontal_flip, random_crop
from dl_runner.data.loader import InMemoryBatches, LoaderBatches, batches, permutation, to_input
from dl_runner.data.splits import FileSplit, Split
from dl_runner.errors import UserError
from dl_runner.spec import DataSpec

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
AUGMENT = compose([horizontal_flip(), random_crop(padding=1)])


def spec_of(*shape: int) -> DataSpec:
    return labelled(shape, 10, mean=MEAN[: shape[0]], std=STD[: shape[0]])


def random_split(n: int, *shape: int) -> Split:
    generator = torch.Generator().manual_seed(0)
    return Split(torch.randint(0, 256, (n, *shape), dtype=torch.uint8, generator=generator), torch.arange(n))


def targets_of(epoch) -> list[int]:
    return torch.cat([targets for _, targets in epoch]).tolist()


def equal(one, other) -> bool:
    pairs = list(zip(one, other, strict=True))
    return bool(pairs) and all(torch.equal(a, b) for left, right in pairs for a, b in zip(left, right, strict=True))


def test_images_kept_normalized_equal_those_normalized_batch_by_batch(monkeypatch):
    split, spec = random_split(9, 3, 4, 4), spec_of(3, 4, 4)
    options = {"batch_size": 4, "device": "cpu", "shuffle": True, "memory_format": "channels_last"}
    kept = batches(split, spec, **options)
    monkeypatch.setattr("dl_runner.data.loader.KEPT_READY", 0)
    made = batches(split, spec, **options)
    assert (kept.inputs.dtype, made.inputs.dtype) == (torch.float32, torch.uint8)
    assert equal(kept.epoch(2), made.epoch(2))
    for images, _ in kept.epoch(2):
        assert images.is_contiguous(memory_format=torch.channels_last)
        images.zero_()
    assert equal(kept.epoch(2), made.epoch(2))


@given(n=st.integers(1, 50), batch_size=st.integers(1, 60), shuffle=st.booleans())
@settings(max_examples=25, deadline=None)
def test_an_epoch_holds_every_example_once(n, batch_size, shuffle):
    stream = batches(random_split(n, 1, 2, 2), spec_of(1, 2, 2), batch_size=batch_size, device="cpu", shuffle=shuffle)
    sizes = [len(targets) for _, targets in stream.epoch()]
    assert len(sizes) == len(stream) and sum(sizes) == n == stream.examples
    assert all(size == batch_size for size in sizes[:-1])
    assert sorted(targets_of(stream.epoch())) == list(range(n))


def test_the_order_is_that_of_the_split_or_a_permutation_by_seed_and_epoch():
    split, spec = random_split(40, 1, 2, 2), spec_of(1, 2, 2)
    assert targets_of(batches(split, spec, batch_size=7, device="cpu").epoch(3)) == list(range(40))
    shuffled = batches(split, spec, batch_size=7, device="cpu", shuffle=True, seed=5)
    assert targets_of(shuffled.epoch(3)) == permutation(40, 5, 3).tolist()


def test_permutation_is_pure_and_mixes_seed_and_epoch():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    orders = {(seed, epoch): tuple(permutation(20, seed, epoch).tolist()) for seed in (0, 1, 2**32) for epoch in (0, 1)}
    assert len(set(orders.values())) == len(orders)
    assert orders[1, 0] == tuple(permutation(20, 1, 0).tolist())
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("transform", [None, AUGMENT], ids=["plain", "augmented"])
@pytest.mark.parametrize("start", [0, 1, 4, 5])
def test_an_epoch_entered_in_the_middle_goes_on_identically(transform, start):
    split, spec = random_split(33, 3, 6, 6), spec_of(3, 6, 6)
    options = {"batch_size": 7, "device": "cpu", "shuffle": True, "seed": 2, "transform": transform}
    whole = list(batches(split, spec, **options).epoch(1))
    rest = list(batches(split, spec, **options).epoch(1, start))
    assert len(rest) == 5 - start
    assert start == 5 or equal(rest, whole[start:])


def test_augmentation_changes_with_epoch_batch_and_seed_and_leaves_the_data_alone():
    split = Split(random_split(1, 3, 8, 8).inputs.repeat(8, 1, 1, 1), torch.arange(8))
    before = split.inputs.clone()

    def draw(seed: int, epoch: int) -> list[torch.Tensor]:
        options = {"batch_size": 4, "device": "cpu", "seed": seed, "transform": random_crop(padding=3)}
        return [inputs for inputs, _ in batches(split, spec_of(3, 8, 8), **options).epoch(epoch)]

    drawn = [*draw(0, 0), *draw(0, 1), *draw(1, 0)]
    assert all(not torch.equal(one, other) for index, one in enumerate(drawn) for other in drawn[:index])
    assert torch.equal(split.inputs, before)


@pytest.mark.parametrize("transform", [None, compose([lambda images, _: images])], ids=["folded", "unfolded"])
@pytest.mark.parametrize("channels", [1, 3])
def test_normalization_is_the_direct_formula(channels, transform):
    split, spec = random_split(9, channels, 5, 4), spec_of(channels, 5, 4)
    ((inputs, _),) = batches(split, spec, batch_size=9, device="cpu", transform=transform).epoch()
    mean, std = (torch.tensor(values[:channels]).view(-1, 1, 1) for values in (MEAN, STD))
    torch.testing.assert_close(inputs, (split.inputs.float() / 255 - mean) / std, rtol=1e-5, atol=1e-6)
    assert inputs.dtype == torch.float32


@pytest.mark.parametrize(("old", "new"), [((28, 28), 96), ((8, 8), 28), ((32, 32), 20), ((17, 40), 24)])
def test_resizing_agrees_with_pillow(old, new):
    """Pillow rounds to whole levels after each of its two passes, so results may differ by 1 in 255, no more."""
    images = random_split(4, 1, *old).inputs
    plain = labelled((1, new, new), 10)
    reference = [
        np.asarray(Image.fromarray(image[0].numpy()).resize((new, new), Image.Resampling.BILINEAR)) for image in images
    ]
    difference = to_input(images, plain)[:, 0].numpy() * 255 - np.stack(reference)
    assert np.abs(difference).max() < 1.001
    assert np.abs(difference.mean()) < 0.1


def test_resizing_before_or_after_normalization_is_the_same():
    split, spec = random_split(6, 3, 10, 10), spec_of(3, 15, 15)
    identity = compose([lambda images, _: images])
    ((folded, _),) = batches(split, spec, batch_size=6, device="cpu").epoch()
    ((unfolded, _),) = batches(split, spec, batch_size=6, device="cpu", transform=identity).epoch()
    torch.testing.assert_close(folded, unfolded, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(to_input(split.inputs, spec), folded, rtol=0, atol=0)


@pytest.mark.parametrize("shuffle", [False, True])
def test_vectors_are_normalized_and_never_changed_in_place(shuffle):
    inputs = torch.randn(10, 3)
    split, spec = Split(inputs.clone(), torch.randn(10, 1)), numbered((3,), 1, mean=(0.5,), std=(2.0,))
    stream = batches(split, spec, batch_size=4, device="cpu", shuffle=shuffle)
    for batch, _ in stream.epoch():
        batch.zero_()
    assert torch.equal(split.inputs, inputs)
    order = permutation(10, 0, 0) if shuffle else torch.arange(10)
    got = torch.cat([batch for batch, _ in stream.epoch()])
    torch.testing.assert_close(got, (inputs[order] - 0.5) / 2)


def test_a_transform_for_vectors_is_a_clear_error():
    split = Split(torch.zeros(4, 2), torch.zeros(4, 1))
    with pytest.raises(UserError, match="augment=none"):
        batches(split, numbered((2,), 1), batch_size=2, device="cpu", transform=AUGMENT)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> FileSplit:
    folder = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(0)
    paths = [folder / f"{number}.png" for number in range(23)]
    for path in paths:
        Image.fromarray(generator.integers(0, 256, (12, 14, 3), np.uint8)).save(path)
    return FileSplit(tuple(paths), torch.arange(23), 10)


@pytest.mark.parametrize(("workers", "shuffle"), [(0, False), (0, True), (2, True)])
def test_files_give_the_same_batches_as_memory(files, workers, shuffle):
    spec = spec_of(3, 12, 12)
    options = {"batch_size": 5, "device": "cpu", "shuffle": shuffle, "seed": 3, "transform": AUGMENT}
    in_memory = batches(Split(files.load(range(23)), files.targets), spec, **options)
    loader = batches(files, spec, workers=workers, **options)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    assert equal(loader.epoch(2), in_memory.epoch(2))
    assert equal(loader.epoch(2, start=3), islice(in_memory.epoch(2), 3, None))
    assert list(loader.epoch(2, start=5)) == []
    assert torch.equal(before, torch.get_rng_state())


def test_the_kind_of_split_chooses_the_kind_of_batches(files):
    assert isinstance(batches(files, spec_of(3, 10, 10), batch_size=5, device="cpu"), LoaderBatches)
    assert isinstance(batches(random_split(5, 3, 2, 2), spec_of(3, 2, 2), batch_size=5, device="cpu"), InMemoryBatches)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_file_is_one_line_even_from_a_worker(files, tmp_path, workers):
    bad = tmp_path / "bad.png"
    bad.write_bytes(files.paths[0].read_bytes()[:60])
    split = FileSplit((files.paths[0], bad), torch.tensor([0, 1]), 10)
    with pytest.raises(UserError, match=r"bad\.png: not a readable image") as raised:
        list(batches(split, spec_of(3, 10, 10), batch_size=2, device="cpu", workers=workers).epoch())
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_batches_on_cuda_match_those_on_the_cpu(files):
    options = {"batch_size": 5, "shuffle": True, "seed": 3}
    for split in (files, Split(files.load(range(23)), files.targets)):
        on_cuda, on_cpu = (batches(split, spec_of(3, 16, 16), device=device, **options) for device in ("cuda", "cpu"))
        for (inputs, targets), (inputs_cpu, targets_cpu) in zip(on_cuda.epoch(), on_cpu.epoch(), strict=True):
            assert inputs.is_cuda and torch.equal(targets.cpu(), targets_cpu)
            torch.testing.assert_close(inputs.cpu(), inputs_cpu, rtol=1e-5, atol=1e-5)
