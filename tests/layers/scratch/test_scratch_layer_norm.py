"""Layer normalization from scratch equals torch's, in values and gradients."""

import pytest
import torch
from torch import nn

from dl_runner.layers.scratch.swap import from_scratch


@pytest.mark.parametrize(
    "shape, options",
    [(5, {}), (5, {"bias": False}), (5, {"elementwise_affine": False}), ((3, 5), {}), (5, {"eps": 0.1})],
)
def test_it_is_torchs(shape, options):
    torch.manual_seed(0)
    theirs = nn.LayerNorm(shape, **options).double()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(4, 3, 5, dtype=torch.float64, requires_grad=True)
    found = []
    for layer in (theirs, from_scratch(theirs)):
        y = layer(x * 3 + 7)
        found.append([y, *torch.autograd.grad((y * torch.arange(5)).sin().sum(), [x, *layer.parameters()])])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_equal_numbers_become_zeros_and_half_precision_does_not_overflow():
    layer = from_scratch(nn.LayerNorm(4))
    assert torch.equal(layer(torch.full((2, 4), 3.0)), torch.zeros(2, 4))
    x = torch.tensor([[300.0, -300.0, 300.0, -300.0]]).half()
    assert from_scratch(nn.LayerNorm(4).half())(x).tolist() == [[1, -1, 1, -1]]
