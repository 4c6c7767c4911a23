"""The contracts of a split, in memory or of files."""

import numpy as np
import pytest
import torch
from PIL import Image

from dl_runner.data.splits import FileSplit, TensorSplit, tensor_digest


@pytest.mark.parametrize(
    ("inputs", "targets", "counts"),
    [
        (torch.zeros(3, 2), torch.zeros(2, 1), {}),
        ({"a": torch.zeros(3, 2), "b": torch.zeros(2, 2)}, torch.zeros(3, 1), {}),
        (torch.zeros(3, 2), torch.zeros(3, 1), {"tokens": torch.ones(2)}),
    ],
)
def test_a_split_refuses_tensors_of_different_lengths(inputs, targets, counts):
    with pytest.raises(ValueError, match="lengths"):
        TensorSplit(inputs, targets, counts)


def test_a_split_of_files_refuses_targets_of_another_length(tmp_path):
    with pytest.raises(ValueError, match="2 files but 3 targets"):
        FileSplit((tmp_path / "a", tmp_path / "b"), torch.zeros(3, dtype=torch.int64), 4)


def test_labels_are_strata_and_other_targets_are_none():
    labels = torch.arange(4) % 2
    assert TensorSplit(torch.zeros(4, 2), labels).strata is labels
    assert TensorSplit(torch.zeros(4, 2), torch.zeros(4, 1)).strata is None
    assert TensorSplit(torch.zeros(4, 2), torch.zeros(4, 3, dtype=torch.int64)).strata is None
    assert TensorSplit(torch.zeros(4, 2), {"labels": labels}).strata is None


@pytest.mark.parametrize("index", [slice(1, 4), torch.tensor([4, 0, 2])], ids=["range", "indices"])
def test_what_is_taken_is_what_a_subset_holds(index):
    places = torch.arange(5)[index]
    split = TensorSplit(
        {"a": torch.randn(5, 2), "b": torch.arange(5)}, torch.arange(5) % 3, {"tokens": torch.arange(5) + 1}
    )
    inputs, targets = split.take(index)
    subset = split.subset(places)
    assert all(torch.equal(inputs[name], split.inputs[name][places]) for name in ("a", "b"))
    assert all(torch.equal(inputs[name], subset.inputs[name]) for name in ("a", "b"))
    assert targets.tolist() == subset.targets.tolist() == (places % 3).tolist()
    assert split.counted(index)["tokens"].tolist() == subset.counts["tokens"].tolist() == (places + 1).tolist()


@pytest.mark.parametrize("index", [slice(1, 3), torch.tensor([3, 0]), slice(2, 2)], ids=["range", "indices", "none"])
def test_files_are_decoded_when_they_are_taken(index, tmp_path):
    paths = tuple(tmp_path / f"{number}.png" for number in range(4))
    for number, path in enumerate(paths):
        Image.fromarray(np.full((6, 6, 3), 10 * number, np.uint8)).save(path)
    split = FileSplit(paths, torch.arange(4), 6)
    pixels, labels = split.take(index)
    assert pixels.shape == (len(labels), 3, 6, 6) and pixels.dtype == torch.uint8
    assert pixels[:, 0, 0, 0].tolist() == [10 * label for label in labels.tolist()]


def test_a_digest_changes_with_types_shapes_and_content_alone():
    one = torch.arange(12)
    different = [one, one.int(), one.view(3, 4), one.flip(0), one[:0], one[:0].view(0, 3), one.bfloat16(), one > 3]
    assert len({tensor_digest([each]) for each in different}) == len(different)
    columns = torch.arange(24).view(12, 2)
    assert tensor_digest([columns[:, 0]]) == tensor_digest([columns[:, 0].clone()])


def test_a_subset_keeps_the_files_of_its_examples(tmp_path):
    files = tuple(tmp_path / name for name in "abc")
    split = TensorSplit(torch.zeros(3, 1), torch.arange(3), files=files)
    assert split.subset(torch.tensor([2, 0])).files == (files[2], files[0]) and split.to("cpu").files == files
    with pytest.raises(ValueError, match="3 files but 2 examples"):
        TensorSplit(torch.zeros(2, 1), torch.arange(2), files=files)
