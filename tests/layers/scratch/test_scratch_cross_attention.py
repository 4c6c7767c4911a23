"""Additive scoring and attention to another sequence from scratch equal torch's, in values and gradients."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dl_runner.layers.additive_attention import AdditiveAttention
from dl_runner.layers.attention import CrossAttention
from dl_runner.layers.scratch.additive_attention import additive_scores
from dl_runner.layers.scratch.swap import TWINS, from_scratch

LENGTHS = torch.tensor([7, 3, 1])
REAL = torch.arange(7) < LENGTHS[:, None]  # (batch, places)


def draw(*shape: int, seed: int = 0) -> Tensor:
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return drawn.requires_grad_()


def with_gradients(result: Tensor, *leaves: Tensor) -> list[Tensor]:
    return [result, *torch.autograd.grad((result * result.detach().sin()).sum(), leaves)]


def same(ours: list[Tensor], theirs: list[Tensor]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_additive_scores_are_a_network_of_torchs_layers():
    query, keys, v = draw(3, 4), draw(3, 7, 4, seed=1), draw(4, seed=2)
    theirs = F.linear(torch.tanh(keys + query.unsqueeze(1)), v.unsqueeze(0)).squeeze(-1)
    same(with_gradients(additive_scores(query, keys, v), query, keys, v), with_gradients(theirs, query, keys, v))


@pytest.mark.parametrize("scratch", [False, True])
def test_additive_attention_is_one_softmax_for_each_sentence_without_its_padding(scratch):
    torch.manual_seed(0)
    layer = AdditiveAttention(5, 6, 4).double()
    query, keys, values = draw(3, 5), draw(3, 7, 6, seed=1), draw(3, 7, 2, seed=2)
    rows = []
    for row, length in enumerate(LENGTHS.tolist()):
        one = keys[row, :length]
        hidden = torch.tanh(one @ layer.key.weight.T + layer.key.bias + query[row] @ layer.query.weight.T)
        rows.append((hidden @ layer.score.weight[0]).softmax(0) @ values[row, :length])
    leaves = query, keys, values, *layer.parameters()
    expected = with_gradients(torch.stack(rows), *leaves)
    layer = from_scratch(layer) if scratch else layer
    assert (type(layer) is TWINS[AdditiveAttention]) is scratch
    same(with_gradients(layer(query, layer.project(keys), values, REAL), *leaves), expected)


@pytest.mark.parametrize("scratch", [False, True])
def test_a_query_that_sees_no_key_gets_zeros_and_gradients_that_are_numbers(scratch):
    torch.manual_seed(0)
    layer = AdditiveAttention(5, 6, 4).double()
    layer = from_scratch(layer) if scratch else layer
    query, keys, values = draw(3, 5), draw(3, 7, 6, seed=1), draw(3, 7, 2, seed=2)
    mask = REAL & torch.tensor([[True], [False], [True]])
    result = layer(query, layer.project(keys), values, mask)
    assert not result[1].any() and result[0].all()
    for gradient in with_gradients(result, query, keys, values, *layer.parameters())[1:]:
        assert gradient.isfinite().all() and gradient.any()


@pytest.mark.parametrize("scratch", [False, True])
@pytest.mark.parametrize("bias", [True, False])
def test_several_heads_look_at_another_sequence_as_torchs_do(bias, scratch):
    torch.manual_seed(0)
    ours = CrossAttention(12, 3, bias=bias).double()
    theirs = nn.MultiheadAttention(12, 3, bias=bias, batch_first=True).double()
    own = dict(ours.named_parameters())
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.project.weight]))
        theirs.out_proj.weight.copy_(ours.join.weight)
        if bias:
            theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.project.bias]))
            theirs.out_proj.bias.copy_(ours.join.bias)
    ours = from_scratch(ours) if scratch else ours
    x, other = draw(3, 4, 12), draw(3, 7, 12, seed=1)
    found = with_gradients(ours(x, ours.remember(other), REAL[:, None, None]), x, other, *own.values())
    expected, _ = theirs(x, other, other, key_padding_mask=~REAL, need_weights=False)  # True hides here
    names, parameters = zip(*theirs.named_parameters(), strict=True)
    value, of_x, of_other, *of_parameters = with_gradients(expected, x, other, *parameters)
    gradients, of_torch = dict(zip(names, of_parameters, strict=True)), {}
    for part in ("weight", "bias")[: 1 + bias]:
        of_torch[f"query.{part}"], of_torch[f"project.{part}"] = gradients[f"in_proj_{part}"].split([12, 24])
        of_torch[f"join.{part}"] = gradients[f"out_proj.{part}"]
    same(found, [value, of_x, of_other, *(of_torch[name] for name in own)])
