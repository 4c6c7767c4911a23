"""What becomes of the examples of a batch: resizing, normalization, what is kept ready."""

import numpy as np
import pytest
import torch
from loaders import equal, loader_of, random_images
from PIL import Image
from specs import labelled, numbered

from dl_runner.data.augment import horizontal_flip
from dl_runner.data.preparation import preparation, to_input
from dl_runner.data.samplers import permutation
from dl_runner.data.splits import TensorSplit
from dl_runner.data.transforms import compose
from dl_runner.errors import UserError
from dl_runner.spec import Classes, Columns, DataSpec, Tokens

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


def spec_of(*shape: int) -> DataSpec:
    return labelled(shape, 10, mean=MEAN[: shape[0]], std=STD[: shape[0]])


def test_images_kept_normalized_equal_those_normalized_batch_by_batch(monkeypatch):
    split, spec = random_images(9, 3, 4, 4), spec_of(3, 4, 4)
    options = {"batch_size": 4, "shuffle": True, "memory_format": "channels_last"}
    kept = loader_of(split, spec, **options)
    plain = preparation(spec, "cpu", memory_format="channels_last")
    assert plain.ahead(split)[0].inputs.dtype == torch.float32
    monkeypatch.setattr("dl_runner.data.preparation.KEPT_READY", 0)
    assert plain.ahead(split)[0] is split
    made = loader_of(split, spec, **options)
    assert equal(kept.epoch(2), made.epoch(2))
    for batch in kept.epoch(2):
        assert batch.inputs.is_contiguous(memory_format=torch.channels_last)
        batch.inputs.zero_()
    assert equal(kept.epoch(2), made.epoch(2))


@pytest.mark.parametrize("transform", [None, compose([lambda images, _: images])], ids=["folded", "unfolded"])
@pytest.mark.parametrize("channels", [1, 3])
def test_normalization_is_the_direct_formula(channels, transform):
    split, spec = random_images(9, channels, 5, 4), spec_of(channels, 5, 4)
    (batch,) = loader_of(split, spec, 9, transform=transform).epoch()
    mean, std = (torch.tensor(values[:channels]).view(-1, 1, 1) for values in (MEAN, STD))
    torch.testing.assert_close(batch.inputs, (split.inputs.float() / 255 - mean) / std, rtol=1e-5, atol=1e-6)
    assert batch.inputs.dtype == torch.float32


@pytest.mark.parametrize(("old", "new"), [((28, 28), 96), ((8, 8), 28), ((32, 32), 20), ((17, 40), 24)])
def test_resizing_agrees_with_pillow(old, new):
    """Pillow rounds to whole levels after each of its two passes, so results may differ by 1 in 255, no more."""
    images = random_images(4, 1, *old).inputs
    plain = labelled((1, new, new), 10)
    reference = [
        np.asarray(Image.fromarray(image[0].numpy()).resize((new, new), Image.Resampling.BILINEAR)) for image in images
    ]
    difference = to_input(images, plain)[:, 0].numpy() * 255 - np.stack(reference)
    assert np.abs(difference).max() < 1.001
    assert np.abs(difference.mean()) < 0.1


def test_resizing_before_or_after_normalization_is_the_same():
    split, spec = random_images(6, 3, 10, 10), spec_of(3, 15, 15)
    identity = compose([lambda images, _: images])
    (folded,) = loader_of(split, spec, 6).epoch()
    (unfolded,) = loader_of(split, spec, 6, transform=identity).epoch()
    torch.testing.assert_close(folded.inputs, unfolded.inputs, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(to_input(split.inputs, spec), folded.inputs, rtol=0, atol=0)


@pytest.mark.parametrize("shuffle", [False, True])
def test_vectors_are_normalized_and_never_changed_in_place(shuffle):
    inputs = torch.randn(10, 3)
    split, spec = TensorSplit(inputs.clone(), torch.randn(10, 1)), numbered((3,), 1, mean=(0.5,), std=(2.0,))
    stream = loader_of(split, spec, 4, shuffle=shuffle)
    for batch in stream.epoch():
        batch.inputs.zero_()
    assert torch.equal(split.inputs, inputs)
    order = permutation(10, 0, 0) if shuffle else torch.arange(10)
    got = torch.cat([batch.inputs for batch in stream.epoch()])
    torch.testing.assert_close(got, (inputs[order] - 0.5) / 2)


def test_a_transform_for_vectors_is_a_clear_error():
    split = TensorSplit(torch.zeros(4, 2), torch.zeros(4, 1))
    with pytest.raises(UserError, match="augment=none"):
        loader_of(split, numbered((2,), 1), 2, transform=horizontal_flip())


def test_rows_of_a_table_have_codes_that_a_model_can_use_whatever_they_are_kept_as():
    spec = DataSpec(Columns(("height",), ("town",), (3,)), Classes(("a", "b")), "classification")
    raw = ({"numeric": torch.rand(2, 1), "categories": torch.tensor([[2], [0]], dtype=torch.uint8)}, torch.zeros(2))
    inputs, targets = preparation(spec, "cpu")(raw)
    assert inputs["numeric"] is raw[0]["numeric"] and targets is raw[1]
    assert inputs["categories"].dtype == torch.int64 and inputs["categories"].tolist() == [[2], [0]]
    with pytest.raises(UserError, match="augment=none"):
        preparation(spec, "cpu", transform=horizontal_flip())


def test_what_is_no_image_and_no_vector_stays_as_it_is():
    spec = DataSpec(Tokens(9, 4), Classes(("a", "b")), "classification")
    raw = (torch.arange(8).view(2, 4), torch.zeros(2, dtype=torch.int64))
    assert preparation(spec, "cpu")(raw) is raw
    with pytest.raises(UserError, match="augment=none"):
        preparation(spec, "cpu", transform=horizontal_flip())
