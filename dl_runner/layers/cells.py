"""Torch's recurrent layers by name, and their states with the examples in front."""

import torch
from torch import Tensor, nn

CELLS: dict[str, type[nn.RNNBase]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def rows_of(state: Tensor | tuple[Tensor, ...]) -> Tensor:
    """A layer's state, (layers, batch, hidden), or h and c of an LSTM, as (batch, kinds, layers, hidden)."""
    return torch.stack(state if isinstance(state, tuple) else (state,)).permute(2, 0, 1, 3)


def state_of(rows: Tensor) -> Tensor | tuple[Tensor, ...]:
    """Inverse of `rows_of`."""
    kinds = [one.transpose(0, 1).contiguous() for one in rows.unbind(1)]
    return tuple(kinds) if len(kinds) > 1 else kinds[0]
