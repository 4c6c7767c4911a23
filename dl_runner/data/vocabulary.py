"""The tokens that a text is made of, numbered. Imports no torch."""

from collections import Counter
from collections.abc import Iterable, Sequence

UNKNOWN = "<unk>"  # token 0: whatever is not in the vocabulary
# Sentences that a translator reads and writes also have what fills up the shorter ones of a batch, and what says where
# a sentence begins and ends. They have these numbers.
SPECIAL = (UNKNOWN, "<pad>", "<bos>", "<eos>")
PAD, BOS, EOS = 1, 2, 3


def vocabulary(tokens: Iterable[str], min_frequency: int = 1, special: Sequence[str] = (UNKNOWN,)) -> tuple[str, ...]:
    """The special tokens, then the different tokens: the most frequent first, equally frequent ones by their
    characters.

    Args:
        min_frequency: rarer tokens are left out.
        special: what no text has as a token of its own, `UNKNOWN` first.
    """
    counts = Counter(tokens)
    found = [token for token, count in counts.items() if count >= min_frequency and token not in special]
    return (*special, *sorted(found, key=lambda token: (-counts[token], token)))
