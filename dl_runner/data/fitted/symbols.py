"""Sequences of a few known characters: nothing to learn, but `dlrun predict` reads texts as the training data were."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from dl_runner.data.splits import Split
from dl_runner.errors import UserError

PAD = 0  # the token behind the end of a shorter sequence; the others are numbered from 1


@dataclass(frozen=True)
class Symbols:
    """One-character tokens.

    Args:
        characters: token number i + 1 is characters[i].
        labels: names of the labels of places; () where there are none.
    """

    characters: str
    labels: tuple[str, ...] = ()

    spec = None  # the data's own

    def fit(self, train: Split) -> "Symbols":
        return self

    def apply(self, split: Split) -> Split:
        return split

    def tokens(self, texts: Sequence[str]) -> Tensor:
        """Texts of these characters alone: int64 (texts, longest), padded."""
        longest = max(map(len, texts))
        rows = [[self.characters.index(one) + 1 for one in text] + [PAD] * (longest - len(text)) for text in texts]
        return torch.tensor(rows, dtype=torch.int64)

    def read_texts(self, texts: Sequence[str]) -> Tensor:
        """A user's texts, as `tokens`.

        Raises:
            UserError: one is empty, or has another character.
        """
        for text in texts:
            if not text:
                raise UserError("predict: a text is empty")
            for character in text:
                if character not in self.characters:
                    raise UserError(f"predict={text!r}: has {character!r}, and the model knows {self.characters} only")
        return self.tokens(texts)

    def state_dict(self) -> dict[str, Any]:
        return {"name": "symbols", **asdict(self)}


def symbols(state: Mapping[str, Any]) -> Symbols:
    """Inverse of `Symbols.state_dict`."""
    return Symbols(state["characters"], tuple(state["labels"]))
