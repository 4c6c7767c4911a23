"""The residual block, the stems, and the shape of the network they make."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision.models.resnet import BasicBlock

from dl_runner.layers.residual import Residual, residual_network, residual_stem

quick = settings(max_examples=15, deadline=None)


@quick
@given(
    inputs=st.integers(1, 5),
    outputs=st.integers(1, 5),
    stride=st.integers(1, 3),
    height=st.integers(1, 12),
    width=st.integers(1, 12),
)
def test_a_block_divides_each_side_by_its_stride_rounded_up(inputs, outputs, stride, height, width):
    block = Residual(inputs, outputs, stride).eval()
    expected = (2, outputs, -(-height // stride), -(-width // stride))
    assert block(torch.randn(2, inputs, height, width)).shape == expected
    assert isinstance(block.projection, nn.Identity) == (stride == 1 and inputs == outputs)


@pytest.mark.parametrize(("inputs", "outputs", "stride"), [(4, 4, 1), (4, 6, 1), (4, 4, 2), (4, 8, 2)])
def test_where_the_residual_function_is_zero_the_block_is_its_shortcut(inputs, outputs, stride):
    block = Residual(inputs, outputs, stride)
    nn.init.zeros_(block.norm2.weight)
    x = torch.randn(3, inputs, 6, 6)
    assert torch.equal(block(x), block.projection(x).relu())


@pytest.mark.parametrize("mode", [True, False])
def test_a_block_with_identity_equals_torchvisions(mode):
    ours, theirs = Residual(4, 4).train(mode), BasicBlock(4, 4).train(mode)
    for convolution in (ours.conv1, ours.conv2):
        nn.init.zeros_(convolution.bias)
    for own, other in ((ours.conv1, theirs.conv1), (ours.conv2, theirs.conv2)):
        other.weight.data.copy_(own.weight)
    x = torch.randn(3, 4, 5, 5)
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.norm2.running_mean, theirs.bn2.running_mean)


@pytest.mark.parametrize(("kind", "size"), [("imagenet", 8), ("small", 32)])
def test_a_stem_keeps_a_quarter_or_the_whole_of_each_side(kind, size):
    assert residual_stem(kind, channels=3, width=5)(torch.randn(2, 3, 32, 32)).shape == (2, 5, size, size)


@quick
@given(depths=st.lists(st.integers(1, 2), min_size=1, max_size=2), outputs=st.integers(1, 5))
def test_each_stage_after_the_first_halves_the_sides_and_doubles_the_channels(depths, outputs):
    stem, *stages, head = residual_network("small", depths, 1, outputs).eval()
    x = stem(torch.randn(1, 1, 8, 8))
    assert [len(stage) for stage in stages] == depths
    for i, stage in enumerate(stages):
        x = stage(x)
        assert x.shape == (1, 64 * 2**i, 8 // 2**i, 8 // 2**i)
    assert head(x).shape == (1, outputs)
