"""Reads sentences: the state of each place, and the one in which each sentence ends, whatever it is padded with."""

import torch
from torch import Tensor, nn

from dl_runner.layers.bidirectional import at_places, turned

CLOSED = 3e4  # added to what a sigmoid reads: it is 0 or 1 then, in half precision too


class RecurrentEncoder(nn.Module):
    """Recurrent layers, of one direction or both, that also give every layer's state after the last real token.

    Padding lies behind the real tokens. Torch's layers return the states after the padding; those before it are looked
    up among the outputs or, as an LSTM's c is not there, kept to the end. A packed sequence takes longer and needs the
    lengths on the host.

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
        return _read_and_hold(cell, x, lengths) if type(cell) is nn.LSTM else _read_by_token(cell, x, lengths)
    outputs, _ = cell(x)
    return outputs, _at_ends(outputs, lengths).unsqueeze(1)


def _at_ends(outputs: Tensor, lengths: Tensor) -> Tensor:
    """The output at each sentence's last real token, (batch, hidden); zeros for one without a token."""
    last = outputs[(lengths - 1).clamp(min=0), torch.arange(len(lengths), device=outputs.device)]
    return last * (lengths > 0).unsqueeze(1)


def _read_and_hold(cell: nn.LSTM, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """An LSTM's c is not among its outputs, but behind a sentence it can be made to stay: by one more input, 1 where
    there is padding, whose weights close the input gates and open the forget gates, c ← 1 · c + 0."""
    weights, *others = cell.all_weights[0]
    hold = weights.new_zeros(4, cell.hidden_size, 1)  # of the gates i, f, g, o
    hold[0], hold[1] = -CLOSED, CLOSED
    behind = torch.arange(len(x), device=x.device).unsqueeze(1) >= lengths
    state = (x.new_zeros(1, x.shape[1], cell.hidden_size),) * 2
    outputs, _, c = torch.lstm(
        torch.cat([x, behind.unsqueeze(-1).to(x.dtype)], -1),
        state,
        [torch.cat([weights, hold.flatten(0, 1)], 1), *others],
        cell.bias,
        1,  # layers
        0.0,  # dropout
        cell.training,
        False,  # both directions
        False,  # the batch first
    )
    return outputs, torch.stack([_at_ends(outputs, lengths), c[0]], 1)


def _read_by_token(cell: nn.LSTM, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """For layers that are not torch's own: a sentence that has ended keeps its state while others are read."""
    outputs = []
    state = (x.new_zeros(1, x.shape[1], cell.hidden_size),) * 2
    for place, token in enumerate(x.split(1)):
        output, after = cell(token, state)
        going = (place < lengths).view(1, -1, 1)
        state = tuple(torch.where(going, new, old) for new, old in zip(after, state, strict=True))
        outputs.append(output)
    return torch.cat(outputs), torch.cat(state).transpose(0, 1)
