"""The encoder against torch's layers on packed sequences, and a single token against a sequence of one."""

import copy
from itertools import product

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dl_runner.layers.cells import CELLS, rows_of, state_of, step
from dl_runner.layers.recurrent_encoder import RecurrentEncoder

LENGTHS = torch.tensor([3, 6, 1, 4])


def inputs() -> torch.Tensor:
    return torch.randn(6, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize(("name", "layers", "bidirectional"), list(product(CELLS, [1, 2], [False, True])))
def test_it_reads_as_torchs_layers_read_packed_sequences(name, layers, bidirectional):
    torch.manual_seed(0)
    ours = RecurrentEncoder(CELLS[name], 5, 6, layers, bidirectional=bidirectional).double()
    theirs = CELLS[name](5, 6, layers, bidirectional=bidirectional).double()
    for layer in range(layers):
        for ending, cells in (("", ours.forwards), ("_reverse", ours.backwards)):
            for key, value in cells[layer].named_parameters() if cells else ():
                theirs.get_parameter(key.replace("l0", f"l{layer}{ending}")).data.copy_(value.data)
    outputs, last = ours(inputs(), LENGTHS)
    packed, state = theirs(pack_padded_sequence(inputs(), LENGTHS, enforce_sorted=False))
    expected, _ = pad_packed_sequence(packed)
    real = (torch.arange(6)[:, None] < LENGTHS)[:, :, None]
    torch.testing.assert_close(outputs * real, expected)
    # Torch has layers · directions in one dimension, here the directions are side by side.
    rows = rows_of(state).unflatten(2, (layers, -1)).flatten(3)
    torch.testing.assert_close(last, rows)
    found = [
        dict(zip(keys, torch.autograd.grad((one * real).sin().sum() + end.cos().sum(), parameters), strict=True))
        for one, end, keys, parameters in (
            (outputs, last, *zip(*ours.named_parameters(), strict=True)),
            (expected, rows, *zip(*theirs.named_parameters(), strict=True)),
        )
    ]
    for key, value in found[0].items():
        side, layer, kind = key.split(".")
        ending = "_reverse" if side == "backwards" else ""
        torch.testing.assert_close(value, found[1][kind.replace("l0", f"l{layer}{ending}")])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_padding_of_any_size_leaves_the_last_state_as_it_was(dtype):
    """Exactly: an LSTM's gates are closed to it, not almost."""
    for kind in CELLS.values():
        torch.manual_seed(0)
        encoder, x = RecurrentEncoder(kind, 5, 6, 2).to(dtype), inputs().to(dtype)
        _, last = encoder(x, LENGTHS)
        behind = torch.arange(6)[:, None] >= LENGTHS
        _, other = encoder(torch.where(behind.unsqueeze(-1), 50 * x, x), LENGTHS)
        assert torch.equal(other, last)


def test_what_has_no_token_ends_in_zeros():
    for kind in CELLS.values():
        encoder = RecurrentEncoder(kind, 5, 6, 2, bidirectional=True).double()
        _, last = encoder(inputs(), torch.tensor([3, 0, 6, 0]))
        assert not last[[1, 3]].any() and last[[0, 2]].all()


@pytest.mark.parametrize(("name", "layers"), list(product(CELLS, [1, 3])))
def test_a_step_is_a_sequence_of_one_token(name, layers):
    torch.manual_seed(0)
    cell, x = CELLS[name](5, 6, layers).double(), inputs()[0]
    state = state_of(torch.randn(4, 1 + (name == "lstm"), layers, 6, dtype=torch.float64))
    output, after = step(cell, x, state)
    expected, last = cell(x[None], state)
    torch.testing.assert_close(output, expected[0])
    torch.testing.assert_close(rows_of(after), rows_of(last))


def test_a_step_drops_between_its_layers_in_training_only():
    cell, x = nn.GRU(5, 50, 2, dropout=0.5).double(), inputs()[0]
    state = torch.zeros(2, 4, 50, dtype=torch.float64)
    assert not torch.equal(step(cell, x, state)[0], step(cell, x, state)[0])
    first = step(cell, x, state)[1][0]
    torch.testing.assert_close(first, cell(x[None], state)[1][0])
    fixed = copy.deepcopy(cell).eval()
    assert torch.equal(step(fixed, x, state)[0], step(fixed, x, state)[0])
