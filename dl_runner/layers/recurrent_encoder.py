"""Reads sentences: the state of each place, and the one in which each sentence ends, whatever it is padded with."""

import torch
from torch import Tensor, nn

from dl_runner.layers.bidirectional import at_places, turned


class RecurrentEncoder(nn.Module):
    """Recurrent layers, of one direction or both, that also give every layer's state after the last real token.

    Padding lies behind the real tokens. Torch's layers return the states after the padding; those before it are looked
    up among the outputs, which takes less time than a packed sequence and needs no length on the host.

    Args:
        kind: nn.RNN, nn.GRU or nn.LSTM.
        dropout: between the layers.
    """

    def __init__(
        self,
        kind: type[nn.RNNBase],
        inputs: int,
        hidden: int,
        layers: int,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        sizes = [inputs, *[(1 + bidirectional) * hidden] * (layers - 1)]
        self.forwards = nn.ModuleList(kind(size, hidden) for size in sizes)
        self.backwards = nn.ModuleList(kind(size, hidden) for size in sizes) if bidirectional else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The states of the last layer, and the last states of all; those of both directions are side by side.

        Args:
            x: (length, batch, inputs).
            lengths: int64 (batch,), of the real tokens.

        Returns:
            (length, batch, directions · hidden), which means nothing behind a sentence's length, and the last states,
            (batch, kinds, layers, directions · hidden), kinds as in `rows_of`; zeros for a sentence without a token.
        """
        around = None if self.backwards is None else turned(len(x), lengths)
        ends = []
        for place, ahead in enumerate(self.forwards):
            x = self.dropout(x) if place else x
            outputs, last = _read(ahead, x, lengths)
            if self.backwards is not None:
                back, last_back = _read(self.backwards[place], at_places(x, around), lengths)
                outputs = torch.cat([outputs, at_places(back, around)], -1)
                last = torch.cat([last, last_back], -1)
            x = outputs
            ends.append(last)
        return x, torch.stack(ends, 2)


def _read(cell: nn.RNNBase, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """A single layer's outputs (length, batch, hidden), and its last states (batch, kinds, hidden)."""
    if isinstance(cell, nn.LSTM):
        return _read_by_token(cell, x, lengths)
    outputs, _ = cell(x)
    last = outputs[(lengths - 1).clamp(min=0), torch.arange(len(lengths), device=x.device)]
    return outputs, (last * (lengths > 0).unsqueeze(1)).unsqueeze(1)


def _read_by_token(cell: nn.LSTM, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """An LSTM's c is not among its outputs, so a sentence that has ended keeps its state while others are read."""
    outputs = []
    state = (x.new_zeros(1, x.shape[1], cell.hidden_size),) * 2
    for place, token in enumerate(x.split(1)):
        output, after = cell(token, state)
        going = (place < lengths).view(1, -1, 1)
        state = tuple(torch.where(going, new, old) for new, old in zip(after, state, strict=True))
        outputs.append(output)
    return torch.cat(outputs), torch.cat(state).transpose(0, 1)
