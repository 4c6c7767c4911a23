"""Attention by torch's kernels: what a mask hides, rows without a key, and sequences read in pieces."""

import pytest
import torch
from torch.nn import functional as F

from dl_runner.layers.attention import DotProductAttention, SelfAttention, causal_mask
from dl_runner.layers.scratch.swap import from_scratch


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(params=["torch", "scratch"])
def layers(request):
    return from_scratch if request.param == "scratch" else lambda model: model


def test_the_queries_are_the_last_of_the_keys():
    assert causal_mask(2, 4).int().tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert causal_mask(3, 3).int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]


@pytest.mark.parametrize("queries", [1, 2, 5])
def test_a_causal_mask_is_the_same_with_and_without_a_mask_of_ones(queries, layers):
    attend = layers(DotProductAttention())
    few, many = draw(2, 3, queries, 4), draw(2, 3, 5, 4, seed=1)
    expected = F.scaled_dot_product_attention(few, many, many, causal_mask(queries, 5))
    torch.testing.assert_close(attend(few, many, many, causal=True), expected)
    ones = torch.ones(2, 1, 1, 5, dtype=torch.bool)
    torch.testing.assert_close(attend(few, many, many, ones, causal=True), expected)


def test_a_query_without_any_key_gets_zeros_and_gradients_that_are_numbers(layers):
    x = draw(1, 1, 3, 4).requires_grad_()
    mask = torch.tensor([[True, True, False], [False, False, False], [True, False, False]])
    result = layers(DotProductAttention())(x, x, x, mask)
    assert torch.equal(result[0, 0, 1], torch.zeros(4)) and torch.equal(result[0, 0, 2], x[0, 0, 0])
    result.sum().backward()
    assert x.grad.isfinite().all() and (x.grad != 0).any()


@pytest.mark.parametrize("causal", [True, False])
def test_padding_never_changes_anything(causal, layers):
    """Places that the mask hides may hold any numbers."""
    torch.manual_seed(0)
    model, x = layers(SelfAttention(8, 2, causal=causal).double()), draw(2, 6, 8)
    real = (torch.arange(6) < torch.tensor([4, 6])[:, None])[:, None, None]  # (batch, 1, 1, keys)
    other = x.clone()
    other[0, 4:] = 1e3
    one, two = model(x, mask=real)[0], model(other, mask=real)[0]
    assert torch.equal(one[0, :4], two[0, :4]) and torch.equal(one[1], two[1])
    torch.testing.assert_close(one[0, :4], model(x[:1, :4])[0][0])


@pytest.mark.parametrize("pieces", [[6], [1] * 6, [3, 3], [2, 1, 3]])
def test_a_sequence_in_pieces_is_the_whole_one(pieces, layers):
    torch.manual_seed(0)
    model, x, memory, found = layers(SelfAttention(8, 2).double()), draw(2, 6, 8), None, []
    for piece in x.split(pieces, dim=1):
        attended, memory = model(piece, memory)
        found.append(attended)
    torch.testing.assert_close(torch.cat(found, 1), model(x)[0])


def test_weights_are_dropped_in_training_only(layers):
    model, x = layers(SelfAttention(8, 2, dropout=0.5)), draw(2, 6, 8).float()
    assert not torch.equal(model(x)[0], model(x)[0])
    model.eval()
    assert torch.equal(model(x)[0], model(x)[0])
