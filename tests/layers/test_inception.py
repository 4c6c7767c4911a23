"""Branches side by side."""

import pytest
import torch
from torch import nn

from dl_runner.layers.inception import Parallel, convolution


def test_parallel_concatenates_its_branches_in_their_order():
    x = torch.randn(2, 3, 4, 5)
    y = Parallel(nn.Identity(), nn.ReLU(), nn.Conv2d(3, 1, 1))(x)
    assert y.shape == (2, 7, 4, 5)
    assert torch.equal(y[:, :3], x) and torch.equal(y[:, 3:6], x.relu())


@pytest.mark.parametrize("kernel", [(1,), (3,), (5,), (1, 7), (7, 1), (1, 3), (3, 1)])
def test_a_convolution_keeps_the_size_and_is_never_negative(kernel):
    layer = convolution(2, 4, *kernel)
    y = layer(torch.randn(3, 2, 1, 6))
    assert y.shape == (3, 4, 1, 6) and (y >= 0).all() and y.any()
    assert layer[0].kernel_size == (kernel[0], kernel[-1])
