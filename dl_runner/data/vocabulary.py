"""The tokens that a text is made of, numbered. Imports no torch."""

from collections import Counter
from collections.abc import Iterable

UNKNOWN = "<unk>"  # token 0: whatever is not in the vocabulary


def vocabulary(tokens: Iterable[str], min_frequency: int = 1) -> tuple[str, ...]:
    """`UNKNOWN`, then the different tokens: the most frequent first, equally frequent ones by their characters.

    Args:
        min_frequency: rarer tokens are left out.
    """
    counts = Counter(tokens)
    found = [token for token, count in counts.items() if count >= min_frequency and token != UNKNOWN]
    return (UNKNOWN, *sorted(found, key=lambda token: (-counts[token], token)))
