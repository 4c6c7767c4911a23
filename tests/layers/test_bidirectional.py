"""Both directions on padded sequences are torch's on packed ones."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dl_runner.layers.bidirectional import Bidirectional, lengths_of, turned

INPUTS, HIDDEN = 3, 4


def twin(model: Bidirectional, kind: type, layers: int) -> nn.RNNBase:
    """torch's layer with the same weights."""
    theirs = kind(INPUTS, HIDDEN, layers, bidirectional=True).double()
    weights = {}
    for side, suffix in ((model.forwards, ""), (model.backwards, "_reverse")):
        for place, one in enumerate(side):
            weights |= {f"{name[:-1]}{place}{suffix}": value for name, value in one.state_dict().items()}
    theirs.load_state_dict(weights)
    return theirs


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
@pytest.mark.parametrize("layers", [1, 2])
def test_it_is_torchs_on_packed_sequences(kind, layers):
    torch.manual_seed(0)
    model = Bidirectional(kind, INPUTS, HIDDEN, layers).double()
    theirs, lengths = twin(model, kind, layers), torch.tensor([6, 1, 4])
    x = torch.randn(6, 3, INPUTS, dtype=torch.float64)
    real = torch.arange(6)[:, None] < lengths
    expected, _ = pad_packed_sequence(theirs(pack_padded_sequence(x, lengths, enforce_sorted=False))[0])
    ours = model(x, lengths)
    torch.testing.assert_close(ours[real], expected[real])
    gradients = [
        torch.autograd.grad(y[real].sin().sum(), one.parameters()) for y, one in ((ours, model), (expected, theirs))
    ]
    total = [sum(one.square().sum() for one in each) for each in gradients]  # the orders of the parameters differ
    torch.testing.assert_close(*total)


def test_a_sequence_is_turned_around_within_its_length():
    tokens = torch.tensor([[5, 6, 7, 0], [8, 0, 9, 0], [0, 0, 0, 0]])
    lengths = lengths_of(tokens, 0)
    assert lengths.tolist() == [3, 3, 0] and lengths_of(tokens, None).tolist() == [4, 4, 4]
    around = turned(4, lengths)
    assert tokens.gather(1, around.t()).tolist() == [[7, 6, 5, 0], [9, 0, 8, 0], [0, 0, 0, 0]]
