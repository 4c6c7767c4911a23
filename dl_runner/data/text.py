"""A text as a split: its characters before it is fitted, a stream of token numbers after."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from dl_runner.data.splits import Index, Raw, Split, tensor_digest

IGNORE = -100  # a place without a target


@dataclass(frozen=True, eq=False)
class TextSplit(Split):
    """A text that no tokenizer has cut yet; an example is a character."""

    text: str
    ordered = True

    def __len__(self) -> int:
        return len(self.text)

    def subset(self, indices: Tensor) -> "TextSplit":
        """A stretch of the text.

        Raises:
            ValueError: the indices have gaps (the mistake of whoever cuts an ordered split).
        """
        if not len(indices):
            return TextSplit("")
        low, high = int(indices[0]), int(indices[-1]) + 1
        if high - low != len(indices):
            raise ValueError("a part of a text is a stretch of it")
        return TextSplit(self.text[low:high])

    def take(self, index: Index) -> Raw:
        """Not for a text: what a model reads are the windows of a `TokenStream`."""
        raise NotImplementedError("a text has to be cut into tokens first")

    def digest(self) -> bytes:
        return self.text.encode()


@dataclass(frozen=True, eq=False)
class TokenStream(Split):
    """The tokens of a text. An example is a window, named by the token that it starts with.

    The inputs are `steps` tokens, the targets those that come one place later. A window that reaches beyond the end has
    targets `IGNORE` there, which do not count.

    Args:
        tokens: int64 (n,).
        steps: tokens of a window, >= 1.
    """

    tokens: Tensor
    steps: int
    ordered = True

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def _windows(self) -> tuple[Tensor, Tensor]:
        """Views (n − 1, steps) of the inputs and the targets of every start."""
        inputs = F.pad(self.tokens[:-1], (0, self.steps - 1)).unfold(0, self.steps, 1)
        return inputs, F.pad(self.tokens[1:], (0, self.steps - 1), value=IGNORE).unfold(0, self.steps, 1)

    def subset(self, indices: Tensor) -> "TokenStream":
        return TokenStream(self.tokens[indices], self.steps)

    def take(self, index: Index) -> Raw:
        """The windows that start at `index`, in [0, n − 1): inputs and targets, int64 (windows, steps)."""
        inputs, targets = self._windows
        if isinstance(index, slice):
            return inputs[index].contiguous(), targets[index].contiguous()
        return inputs.index_select(0, index), targets.index_select(0, index)

    def counted(self, index: Index) -> Mapping[str, Tensor]:
        starts = torch.arange(len(self))[index] if isinstance(index, slice) else index
        return {"tokens": (len(self) - 1 - starts).clamp(max=self.steps)}

    def to(self, device: torch.device | str) -> "TokenStream":
        return TokenStream(self.tokens.to(device), self.steps)

    def digest(self) -> bytes:
        return tensor_digest([self.tokens]) + str(self.steps).encode()
