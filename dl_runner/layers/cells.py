"""Torch's recurrent layers by name, and their states with the examples in front."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

State = Tensor | tuple[Tensor, ...]  # (layers, batch, hidden), or h and c of an LSTM
CELLS: dict[str, type[nn.RNNBase]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
_STEPS = {nn.RNN: torch.rnn_tanh_cell, nn.GRU: torch.gru_cell, nn.LSTM: torch.lstm_cell}


def rows_of(state: State) -> Tensor:
    """A state as (batch, kinds, layers, hidden)."""
    return torch.stack(state if isinstance(state, tuple) else (state,)).permute(2, 0, 1, 3)


def state_of(rows: Tensor) -> State:
    """Inverse of `rows_of`."""
    kinds = [one.transpose(0, 1).contiguous() for one in rows.unbind(1)]
    return tuple(kinds) if len(kinds) > 1 else kinds[0]


def step(cell: nn.RNNBase, x: Tensor, state: State) -> tuple[Tensor, State]:
    """What the layers make of one token, x (batch, inputs): the last one's output, (batch, hidden), and the state.

    Torch's own layers by the functions of its cells, which cost less than a sequence of one token.
    """
    if type(cell) not in _STEPS:
        output, state = cell(x.unsqueeze(0), state)
        return output[0], state
    function, pair = _STEPS[type(cell)], isinstance(state, tuple)
    after = []
    layers = zip(*(one.unbind(0) for one in state), strict=True) if pair else state.unbind(0)
    for layer, (before, weights) in enumerate(zip(layers, cell.all_weights, strict=True)):
        x = F.dropout(x, cell.dropout, cell.training) if layer and cell.dropout else x
        own = function(x, before, *weights)
        x = own[0] if pair else own
        after.append(own)
    return x, tuple(torch.stack(one) for one in zip(*after, strict=True)) if pair else torch.stack(after)
