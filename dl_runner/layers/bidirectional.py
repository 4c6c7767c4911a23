"""A recurrent network that reads a sequence from both ends (Schuster and Paliwal, 1997), whatever it is padded with.

→hₜ = cell(xₜ, →hₜ₋₁)    ←hₜ = cell'(xₜ, ←hₜ₊₁)    yₜ = →hₜ ‖ ←hₜ

Padding lies behind the real tokens. Read forwards, no real token comes after it, so it needs no care. To read
backwards, each sequence is turned around within its own length, which puts the padding behind the real tokens again.
That gives what a packed sequence gives in no more time, and needs no length on the host.
"""

import torch
from torch import Tensor, nn


class Bidirectional(nn.Module):
    """Layers of both directions; each layer reads the outputs of both directions of the one below.

    Args:
        kind: nn.RNN, nn.GRU or nn.LSTM.
        dropout: between the layers.
    """

    def __init__(self, kind: type[nn.RNNBase], inputs: int, hidden: int, layers: int, dropout: float = 0.0) -> None:
        super().__init__()
        sizes = [inputs, *[2 * hidden] * (layers - 1)]
        self.forwards, self.backwards = (nn.ModuleList(kind(size, hidden) for size in sizes) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """x (length, batch, inputs), lengths (batch,) → (length, batch, 2 · hidden); what is behind a sequence's length
        means nothing."""
        around = turned(len(x), lengths)
        for place, (ahead, back) in enumerate(zip(self.forwards, self.backwards, strict=True)):
            x = self.dropout(x) if place else x
            x = torch.cat([ahead(x)[0], at_places(back(at_places(x, around))[0], around)], -1)
        return x


def turned(length: int, lengths: Tensor) -> Tensor:
    """Where each place's token is when a sequence is turned around: int64 (length, batch); its own inverse."""
    places = torch.arange(length, device=lengths.device).unsqueeze(1)
    return torch.where(places < lengths, lengths - 1 - places, places)


def at_places(x: Tensor, places: Tensor) -> Tensor:
    """x (length, batch, size) in the order of `turned`."""
    length, batch, _ = x.shape
    rows = (places * batch + torch.arange(batch, device=x.device)).flatten()
    return x.flatten(0, 1).index_select(0, rows).unflatten(0, (length, batch))  # faster than gather


def lengths_of(tokens: Tensor, pad: int | None) -> Tensor:
    """The places of each sequence up to its last token that is no padding: (batch, length) → int64 (batch,)."""
    if pad is None:
        return tokens.new_full((len(tokens),), tokens.shape[1])
    places = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
    return (places * (tokens != pad)).amax(1)
