"""RNN, GRU and LSTM against torch's: outputs, states, and gradients of inputs, states and parameters, in float64."""

import copy
from itertools import product

import pytest
import torch
from torch import Tensor, nn

from dl_runner.errors import UserError
from dl_runner.layers.scratch.swap import TWINS, from_scratch

LENGTH, BATCH, INPUTS, HIDDEN = 5, 3, 4, 6
KINDS = [nn.RNN, nn.GRU, nn.LSTM]


def flat(outputs: tuple) -> list[Tensor]:
    y, state = outputs
    return [y, *(state if isinstance(state, tuple) else (state,))]


def compare(layer: nn.RNNBase, with_state: bool) -> None:
    """Both are given the same; any smooth function of all that they return makes the gradients."""
    ours = from_scratch(copy.deepcopy(layer))
    assert type(ours) is TWINS[type(layer)]
    draw = torch.Generator().manual_seed(1)
    first, second = (BATCH, LENGTH) if layer.batch_first else (LENGTH, BATCH)
    size = (layer.num_layers * (1 + layer.bidirectional), BATCH, HIDDEN)
    shapes = [(first, second, INPUTS), *([size] * (2 if isinstance(layer, nn.LSTM) else 1) if with_state else [])]
    given = [torch.randn(shape, generator=draw, dtype=torch.float64) for shape in shapes]
    found = []
    for one in (ours, layer):
        x, *state = leaves = [value.clone().requires_grad_() for value in given]
        torch.manual_seed(0)  # of dropout
        outputs = flat(one(x, *([tuple(state) if len(state) > 1 else state[0]] if state else [])))
        sum((value * (i + 1) + value.sin()).cos().sum() for i, value in enumerate(outputs)).backward()
        found.append([*outputs, *(value.grad for value in (*leaves, *one.parameters()))])
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layers, bidirectional, with_state", list(product([1, 3], [False, True], [False, True])))
def test_it_is_torchs_layer(kind, layers, bidirectional, with_state):
    torch.manual_seed(0)
    compare(kind(INPUTS, HIDDEN, layers, bidirectional=bidirectional, dtype=torch.float64), with_state)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "settings", [{"bias": False}, {"batch_first": True}, {"num_layers": 3, "dropout": 0.5}], ids=str
)
def test_its_settings_are_torchs(kind, settings):
    torch.manual_seed(0)
    compare(kind(INPUTS, HIDDEN, bidirectional=True, dtype=torch.float64, **settings), False)


def test_the_plain_one_may_have_another_nonlinearity():
    torch.manual_seed(0)
    compare(nn.RNN(INPUTS, HIDDEN, 2, nonlinearity="relu", dtype=torch.float64), True)


def test_dropout_is_between_the_layers_in_training_alone():
    layer = from_scratch(nn.GRU(INPUTS, HIDDEN, 2, dropout=0.5))
    x = torch.randn(LENGTH, BATCH, INPUTS)
    assert not torch.equal(layer(x)[0], layer(x)[0])
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])


def test_what_it_does_not_know_is_refused():
    with pytest.raises(UserError, match=r"model is LSTM.*has no projection; use layers=torch"):
        from_scratch(nn.LSTM(INPUTS, HIDDEN, proj_size=2))
    packed = nn.utils.rnn.pack_sequence([torch.randn(3, INPUTS), torch.randn(2, INPUTS)])
    for x in (packed, torch.randn(LENGTH, INPUTS)):
        with pytest.raises(ValueError, match="nothing packed"):
            from_scratch(nn.GRU(INPUTS, HIDDEN))(x)
