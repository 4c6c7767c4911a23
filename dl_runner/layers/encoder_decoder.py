"""A translator: an encoder reads the source, a decoder writes the target token by token (Sutskever et al., 2014)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn


class EncoderDecoder(nn.Module):
    """What every translator has in common. A model brings `begin` and `go_on`; both also serve its training.

    Some also have `attention(source, target) -> {name: (batch, heads, length, places)}`: the weights, each row of which
    sums to 1, with which the places of a reading with teacher forcing look at the others.
    """

    def begin(self, source: Tensor) -> Any:
        """Read the source, int64 (batch, S).

        Returns:
            A state: a tuple, nested or named, of tensors and None. Dimension 0 of every tensor counts the examples.
        """
        raise NotImplementedError

    def go_on(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read the target's next tokens, int64 (batch, n).

        Returns:
            Logits for the token after each, (batch, n, vocabulary), and the state after them; the old one stays as it
            was, so that it may be gone on from again.
        """
        raise NotImplementedError

    def forward(self, source: Tensor, target: Tensor, forced: Tensor | None = None) -> Tensor:
        """Logits for the token after each of the target's, (batch, T, vocabulary).

        Args:
            source: int64 (batch, S).
            target: int64 (batch, T), from <bos> on.
            forced: bool (T,), on the host. Where it is False, the decoder reads the token that it found most probable
                at the place before, instead of the target's; the first place always reads the target's. None: all
                True, teacher forcing (Williams and Zipser, 1989). A mixture: scheduled sampling (Bengio et al., 2015).

        Raises:
            ValueError: `forced` is not of the target's length.
        """
        state = self.begin(source)
        if forced is None:
            return self.go_on(target, state)[0]
        if len(forced) != target.shape[1]:
            raise ValueError(f"forced has {len(forced)} places, but the target {target.shape[1]}")
        logits: list[Tensor] = []
        for first, end in pairwise(_starts(forced.tolist())):
            tokens = target[:, first:end]
            if first:
                tokens = torch.cat([logits[-1][:, -1:].argmax(-1), tokens[:, 1:]], 1)
            piece, state = self.go_on(tokens, state)
            logits.append(piece)
        return torch.cat(logits, 1)


def _starts(forced: Sequence[bool]) -> list[int]:
    """The places at which what is read at once begins, and the end: all but the first read the decoder's own token."""
    return [0, *(place for place, true in enumerate(forced) if place and not true), len(forced)]


def select_rows(state: Any, rows: Tensor) -> Any:
    """The state of some examples of a batch, in this order; the same one may come several times.

    Args:
        state: of `EncoderDecoder`.
        rows: int64 (n,).
    """
    if state is None:
        return None
    if isinstance(state, Tensor):
        return state.index_select(0, rows)
    parts = [select_rows(one, rows) for one in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
