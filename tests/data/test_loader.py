"""Batches: order, resuming, sharing; from memory and from files alike."""

from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from loaders import equal, loader_of, random_images, targets_of
from PIL import Image
from specs import labelled

from dl_runner.data.augment import horizontal_flip, random_crop
from dl_runner.data.samplers import permutation
from dl_runner.data.splits import FileSplit, TensorSplit
from dl_runner.data.transforms import compose
from dl_runner.errors import UserError
from dl_runner.spec import DataSpec

AUGMENT = compose([horizontal_flip(), random_crop(padding=1)])
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


def spec_of(*shape: int) -> DataSpec:
    return labelled(shape, 10, mean=MEAN[: shape[0]], std=STD[: shape[0]])


@given(n=st.integers(1, 50), batch_size=st.integers(1, 60), shuffle=st.booleans())
@settings(max_examples=25, deadline=None)
def test_an_epoch_holds_every_example_once(n, batch_size, shuffle):
    stream = loader_of(random_images(n, 1, 2, 2), spec_of(1, 2, 2), batch_size, shuffle=shuffle)
    sizes = [len(batch) for batch in stream.epoch()]
    assert len(sizes) == len(stream) and sum(sizes) == n == stream.examples
    assert all(size == batch_size for size in sizes[:-1])
    assert sorted(targets_of(stream.epoch())) == list(range(n))


def test_the_order_is_that_of_the_split_or_a_permutation_by_seed_and_epoch():
    split, spec = random_images(40, 1, 2, 2), spec_of(1, 2, 2)
    assert targets_of(loader_of(split, spec, 7).epoch(3)) == list(range(40))
    shuffled = loader_of(split, spec, 7, shuffle=True, seed=5)
    assert targets_of(shuffled.epoch(3)) == permutation(40, 5, 3).tolist()


@pytest.mark.parametrize("transform", [None, AUGMENT], ids=["plain", "augmented"])
@pytest.mark.parametrize("start", [0, 1, 4, 5])
def test_an_epoch_entered_in_the_middle_goes_on_identically(transform, start):
    split, spec = random_images(33, 3, 6, 6), spec_of(3, 6, 6)
    options = {"batch_size": 7, "shuffle": True, "seed": 2, "transform": transform}
    whole = list(loader_of(split, spec, **options).epoch(1))
    rest = list(loader_of(split, spec, **options).epoch(1, start))
    assert len(rest) == 5 - start
    assert start == 5 or equal(rest, whole[start:])


def test_augmentation_changes_with_epoch_batch_and_seed_and_leaves_the_data_alone():
    split = TensorSplit(random_images(1, 3, 8, 8).inputs.repeat(8, 1, 1, 1), torch.arange(8))
    before = split.inputs.clone()

    def draw(seed: int, epoch: int) -> list[torch.Tensor]:
        options = {"batch_size": 4, "seed": seed, "transform": random_crop(padding=3)}
        return [batch.inputs for batch in loader_of(split, spec_of(3, 8, 8), **options).epoch(epoch)]

    drawn = [*draw(0, 0), *draw(0, 1), *draw(1, 0)]
    assert all(not torch.equal(one, other) for index, one in enumerate(drawn) for other in drawn[:index])
    assert torch.equal(split.inputs, before)


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
    options = {"batch_size": 5, "shuffle": shuffle, "seed": 3, "transform": AUGMENT}
    in_memory = loader_of(TensorSplit(files.load(range(23)), files.targets), spec, **options)
    loader = loader_of(files, spec, workers=workers, **options)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    assert equal(loader.epoch(2), in_memory.epoch(2))
    assert equal(loader.epoch(2, start=3), islice(in_memory.epoch(2), 3, None))
    assert list(loader.epoch(2, start=5)) == []
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_file_is_one_line_even_from_a_worker(files, tmp_path, workers):
    bad = tmp_path / "bad.png"
    bad.write_bytes(files.paths[0].read_bytes()[:60])
    split = FileSplit((files.paths[0], bad), torch.tensor([0, 1]), 10)
    with pytest.raises(UserError, match=r"bad\.png: not a readable image") as raised:
        list(loader_of(split, spec_of(3, 10, 10), 2, workers=workers).epoch())
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "shuffled"])
@pytest.mark.parametrize("size", [2, 3, 5])
def test_the_processes_share_every_batch_between_them(files, size, shuffle):
    spec, tokens = spec_of(3, 10, 10), torch.arange(23) % 4
    in_memory = TensorSplit(files.load(range(23)), files.targets, {"tokens": tokens})
    options = {"batch_size": 7, "shuffle": shuffle, "seed": 3}
    whole = list(loader_of(in_memory, spec, **options).epoch(1))
    for split in (in_memory, files):
        shares = [list(loader_of(split, spec, share=(rank, size), **options).epoch(1)) for rank in range(size)]
        for batch, *parts in zip(whole, *shares, strict=True):
            assert max(map(len, parts)) - min(map(len, parts)) <= 1
            there = [part for part in parts if len(part)]
            assert torch.equal(torch.cat([part.inputs for part in there]), batch.inputs)
            assert torch.cat([part.targets for part in there]).tolist() == batch.targets.tolist()
            assert all(part.whole["examples"] == len(batch) for part in parts)
            if split is in_memory:
                assert batch.counts["tokens"] == int(tokens[batch.targets].sum())
                assert sum(part.counts["tokens"] for part in parts) == batch.counts["tokens"]
                assert all(part.whole == batch.counts for part in parts)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_batches_on_cuda_match_those_on_the_cpu(files):
    options = {"batch_size": 5, "shuffle": True, "seed": 3}
    for split in (files, TensorSplit(files.load(range(23)), files.targets)):
        on_cuda, on_cpu = (loader_of(split, spec_of(3, 16, 16), device=device, **options) for device in ("cuda", "cpu"))
        for there, here in zip(on_cuda.epoch(), on_cpu.epoch(), strict=True):
            assert there.inputs.is_cuda and torch.equal(there.targets.cpu(), here.targets)
            torch.testing.assert_close(there.inputs.cpu(), here.inputs, rtol=1e-5, atol=1e-5)
