"""Our own linear layer and the centering one against torch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from dl_runner.init.initializers import constant, xavier_uniform
from dl_runner.layers.affine import Affine
from dl_runner.layers.centered import Centered

quick = settings(max_examples=15, deadline=None)
shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3)


@quick
@given(batch=shapes, inputs=st.integers(1, 6), outputs=st.integers(1, 6))
def test_affine_equals_torchs_linear_layer(batch, inputs, outputs):
    ours, theirs = Affine(inputs, outputs).double(), nn.Linear(inputs, outputs).double()
    nn.init.normal_(ours.bias)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(*batch, inputs, dtype=torch.float64)
    results = []
    for layer in (ours, theirs):
        leaf = x.clone().requires_grad_()
        y = layer(leaf)
        results.append((y, *torch.autograd.grad(y.sin().sum(), [leaf, *layer.parameters()])))
    for own, other in zip(*results, strict=True):
        torch.testing.assert_close(own, other)


def test_affine_starts_with_outputs_of_the_inputs_scale():
    torch.manual_seed(0)
    layer = Affine(400, 300)
    assert layer(torch.randn(200, 400)).std().item() == pytest.approx(1, abs=0.05)
    assert not layer.bias.any()


def test_initializers_reach_affine():
    layer = Affine(30, 20)
    constant(value=0.5)(layer)
    assert (layer.weight == 0.5).all()
    xavier_uniform()(layer)
    assert 0.9 * (6 / 50) ** 0.5 < layer.weight.abs().max() <= (6 / 50) ** 0.5


@quick
@given(batch=shapes, features=st.integers(1, 6))
def test_centered_subtracts_the_mean_of_each_example(batch, features):
    layer, x = Centered(), torch.randn(*batch, features)
    torch.testing.assert_close(layer(x).mean(dim=-1), torch.zeros(batch), atol=1e-6, rtol=0)
    torch.testing.assert_close(layer(x + 3), layer(x), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        layer(x) - F.layer_norm(x, (features,)) * x.std(-1, False, keepdim=True), torch.zeros_like(x), atol=1e-2, rtol=0
    )
    assert not list(layer.parameters())
