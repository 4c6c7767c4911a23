"""The picture of vertical edges and its map, against the notes' and against a convolution with the true kernel."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from dl_runner.datasets.vertical_edges import vertical_edges


@pytest.mark.parametrize(("height", "width", "columns"), [(6, 8, [2, 3, 4, 5]), (1, 4, [1, 2]), (3, 5, [1, 2, 3])])
def test_a_white_picture_with_a_black_band(height, width, columns):
    data = vertical_edges(Path(), height=height, width=width)
    assert data.train.inputs.shape == data.test.inputs.shape == (1, 1, height, width)
    for row in data.train.inputs[0, 0].tolist():
        assert row == [0 if column in columns else 255 for column in range(width)]


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_map_is_the_picture_convolved_with_1_minus_1(split):
    data = vertical_edges(Path(), seed=3)
    found = getattr(data, split)
    expected = F.conv2d(found.inputs.float() / 255, torch.tensor([[[[1.0, -1.0]]]]))
    assert torch.equal(found.targets, expected.flatten(1)) and data.spec.outputs == found.targets.shape[1] == 42


def test_the_test_picture_has_both_kinds_of_edges_and_depends_on_the_seed():
    one, other = (vertical_edges(Path(), seed=seed).test for seed in (0, 1))
    assert set(one.targets.unique().tolist()) == {-1, 0, 1} and not torch.equal(one.inputs, other.inputs)
