"""The n-grams of a text of one order: which words follow each context, and how often."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

MISSING = -1  # the number of an n-gram that the text has not, and of a token where there is none


class NGramTable(nn.Module):
    """Sorted keys instead of a dense array, which for 10,000 words and three of them would have 10¹² numbers.

    An n-gram's key is `context · vocabulary + word`, where the context's number is its place in the table one order
    below (the empty context is 0): so no key gets larger than n-grams · vocabulary, however long they are, and those
    that follow one context lie next to each other.

    Args:
        vocabulary: how many words there are.

    Attributes:
        keys: int64 (n-grams,), ascending.
        counts: int64 (n-grams,), what smoothing goes by.
        discounts: float64 (3,), subtracted from counts of 1, of 2, and of 3 or more.
    """

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.register_buffer("keys", torch.empty(0, dtype=torch.int64))
        self.register_buffer("counts", torch.empty(0, dtype=torch.int64))
        self.register_buffer("discounts", torch.zeros(3, dtype=torch.float64))

    def find(self, contexts: Tensor, words: Tensor) -> Tensor:
        """The numbers of n-grams, MISSING for those that the text has not; all of one shape."""
        if not len(self.keys):
            return torch.full_like(words, MISSING)
        keys = contexts * self.vocabulary + words
        places = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
        there = (contexts != MISSING) & (words != MISSING) & (self.keys[places] == keys)
        return torch.where(there, places, MISSING)

    def followers(self, contexts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The words that follow each of some contexts (rows,), one after the other: their rows, the words and their
        counts, each (entries,)."""
        known = torch.where(contexts == MISSING, 0, contexts) * self.vocabulary
        first, last = (torch.searchsorted(self.keys, bound) for bound in (known, known + self.vocabulary))
        sizes = torch.where(contexts == MISSING, 0, last - first)
        rows = torch.repeat_interleave(sizes)
        starts = first - (sizes.cumsum(0) - sizes)  # of a row, less the entries before it
        entries = torch.arange(len(rows), device=rows.device) + starts[rows]
        return rows, self.keys[entries] % self.vocabulary, self.counts[entries]

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *others: Any) -> None:
        # How many n-grams there are is known with the text alone.
        for name in ("keys", "counts"):
            if (saved := state_dict.get(prefix + name)) is not None:
                setattr(self, name, getattr(self, name).new_empty(saved.shape))
        super()._load_from_state_dict(state_dict, prefix, *others)


def count(stream: Tensor, tables: nn.ModuleList, continuations: bool) -> None:
    """Fill the tables of the orders 1, 2, … with the n-grams of a text, each counted once at every place.

    Args:
        stream: int64 (tokens,).
        continuations: below the highest order, count the different words that come before an n-gram instead of its
            occurrences (Kneser and Ney, 1995).
    """
    grams = torch.zeros_like(stream)  # the number of the n-gram that starts at each place
    below = None
    for order, table in enumerate(tables, 1):
        places = max(0, len(stream) - order + 1)
        keys = grams[:places] * table.vocabulary + stream[order - 1 : order - 1 + places]
        table.keys, numbers, table.counts = keys.unique(return_inverse=True, return_counts=True)
        if continuations and below is not None:
            endings = numbers.new_empty(len(table.keys))
            endings[numbers] = grams[1 : places + 1]  # each n-gram without its first word
            below.counts = torch.bincount(endings, minlength=len(below.keys))
        grams, below = numbers, table
