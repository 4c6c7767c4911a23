"""Attention from scratch equals torch's, in values and gradients."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dl_runner.layers.attention import DotProductAttention, SelfAttention, causal_mask
from dl_runner.layers.scratch.attention import attention_weights, masked_softmax
from dl_runner.layers.scratch.swap import from_scratch


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return drawn.requires_grad_()


def with_gradients(result: torch.Tensor, *leaves: torch.Tensor) -> list[torch.Tensor]:
    return [result, *torch.autograd.grad((result * result.detach().sin()).sum(), leaves)]


MASKS = {
    "none": None,
    "causal": causal_mask(5, 7),
    "some": torch.rand(2, 1, 5, 7, generator=torch.Generator().manual_seed(3)) > 0.4,
    "row without": torch.arange(5)[:, None].expand(5, 7) != 2,
}


@pytest.mark.parametrize("mask", MASKS)
def test_attention_is_torchs(mask):
    q, k, v = draw(2, 3, 5, 4), draw(2, 3, 7, 4, seed=1), draw(2, 3, 7, 6, seed=2)
    ours = from_scratch(DotProductAttention())(q, k, v, MASKS[mask])
    theirs = F.scaled_dot_product_attention(q, k, v, MASKS[mask])
    for one, other in zip(with_gradients(ours, q, k, v), with_gradients(theirs, q, k, v), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_several_heads_are_torchs_with_copied_weights(causal, bias):
    torch.manual_seed(0)
    ours = from_scratch(SelfAttention(12, 3, bias=bias, causal=causal).double())
    theirs = nn.MultiheadAttention(12, 3, bias=bias, batch_first=True).double()
    names = {"project.weight": "in_proj_weight", "join.weight": "out_proj.weight"}
    names |= {"project.bias": "in_proj_bias", "join.bias": "out_proj.bias"} if bias else {}
    own = dict(ours.named_parameters())
    theirs.load_state_dict({names[name]: value.detach() for name, value in own.items()})
    copies, x = dict(theirs.named_parameters()), draw(2, 6, 12)
    mask = ~causal_mask(6, 6) if causal else None  # True hides here
    expected = theirs(x, x, x, attn_mask=mask, need_weights=False)[0]
    found = with_gradients(ours(x)[0], x, *own.values())
    for one, other in zip(found, with_gradients(expected, x, *(copies[names[name]] for name in own)), strict=True):
        torch.testing.assert_close(one, other)


def test_weights_are_those_that_torch_returns():
    q, k = draw(2, 5, 4), draw(2, 7, 4, seed=1)
    identity = torch.eye(7, dtype=torch.float64).expand(2, 7, 7)
    mask = causal_mask(5, 7)
    torch.testing.assert_close(attention_weights(q, k, mask), F.scaled_dot_product_attention(q, k, identity, mask))


def test_a_masked_softmax_sums_to_one_or_is_zero():
    mask = torch.tensor([[True, False, True], [False, False, False], [True, True, True]])
    logits = torch.tensor([[900.0, 1e30, 901.0], [1.0, 2.0, 3.0], [-3e38, -3e38, -3.4e38]])
    weights = masked_softmax(logits, mask)
    assert weights.sum(1).tolist() == pytest.approx([1, 0, 1]) and not weights[~mask].any()
    torch.testing.assert_close(weights[0, [0, 2]], logits[0, [0, 2]].softmax(0))
    torch.testing.assert_close(masked_softmax(logits), logits.softmax(1))


def test_the_same_weights_are_dropped():
    q = draw(2, 3, 5, 4)
    results = []
    for layer in (DotProductAttention(0.4), from_scratch(DotProductAttention(0.4))):
        torch.manual_seed(1)
        results.append(layer(q, q, q))
    torch.testing.assert_close(*results)
