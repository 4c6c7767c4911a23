"""Byte-pair encoding written out: which pairs of tokens are merged, and what a piece of text becomes by it.

A text is a list of bytes. Again and again the most frequent pair of neighbouring tokens becomes a new token (Gage,
1994; Sennrich, Haddow and Birch, 2016, section 3.2; of bytes: Radford et al., 2019, section 2.2). Merges stay within
pieces, which are about words. Imports no torch.
"""

import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

Pair = tuple[int, int]
BYTES = 256
# An English ending; a space and letters, digits, or other characters; white space, whose last space goes with a word.
_PIECE = re.compile(r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")


def pieces(text: str) -> Iterator[str]:
    """The parts of a text within which tokens lie; put together they are the text."""
    return (found[0] for found in _PIECE.finditer(text))


def _printable() -> dict[int, str]:
    """A character for each byte: its own in Latin-1 if one can see it, else one from 256 on, as in GPT-2."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = (byte for byte in range(BYTES) if byte not in seen)
    return {byte: chr(byte) for byte in seen} | {byte: chr(BYTES + place) for place, byte in enumerate(others)}


# In the order of the characters, which is that of the first 256 tokens.
CHARACTERS = dict(sorted(_printable().items(), key=lambda item: item[1]))
_TABLE = {byte: ord(character) for byte, character in CHARACTERS.items()}
_BACK = {character: byte for byte, character in CHARACTERS.items()}


def written(piece: str) -> str:
    """The bytes of a piece in UTF-8, a character for each."""
    return piece.encode(errors="surrogateescape").decode("latin-1").translate(_TABLE)


def read(characters: str) -> bytes:
    """Inverse of `written`, before its bytes are a text."""
    return bytes(_BACK[one] for one in characters)


def learn(counts: Mapping[str, int], first: int, merges: int, min_frequency: int = 1) -> list[Pair]:
    """The merges that a text calls for, the first one first.

    Args:
        counts: how often each piece comes, as `written`.
        first: number of the first of the 256 tokens of one byte; the first merge makes token first + 256.
        merges: how many at most.
        min_frequency: >= 1, of a pair; rarer ones are not merged.

    Returns:
        Pairs of token numbers. Of equally frequent pairs the one with the smaller numbers comes first.
    """
    number = {character: place for place, character in enumerate(CHARACTERS.values(), first)}
    words = [[number[one] for one in word] for word in counts]
    often, found = list(counts.values()), []
    pairs: Counter[Pair] = Counter()
    places: dict[Pair, set[int]] = defaultdict(set)  # the words that a pair may be in
    for place, word in enumerate(words):
        for pair in pairwise(word):
            pairs[pair] += often[place]
            places[pair].add(place)
    queue = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(queue)
    while queue and len(found) < merges:
        count, pair = heapq.heappop(queue)
        if -count != pairs[pair]:  # it has changed since; its present count is in the queue, too
            continue
        if -count < max(1, min_frequency):
            break
        token = first + BYTES + len(found)
        found.append(pair)
        changed: set[Pair] = set()
        for place in places.pop(pair):
            before = words[place]
            after = merged(before, pair, token)
            if len(after) == len(before):
                continue
            for one in pairwise(before):
                pairs[one] -= often[place]
                changed.add(one)
            for one in pairwise(after):
                pairs[one] += often[place]
                places[one].add(place)
                changed.add(one)
            words[place] = after
        for one in changed:
            heapq.heappush(queue, (-pairs[one], one))
    return found


def merged(tokens: Sequence[int], pair: Pair, token: int) -> list[int]:
    """The tokens with each occurrence of a pair, from the left, replaced by a token."""
    found, place = [], 0
    while place < len(tokens):
        if tuple(tokens[place : place + 2]) == pair:
            found.append(token)
            place += 2
        else:
            found.append(tokens[place])
            place += 1
    return found


def encode(piece: str, ranks: Mapping[Pair, int], first: int) -> list[int]:
    """The tokens of a piece: the merge that was learnt first is done first.

    Args:
        piece: as `written`.
        ranks: the place of each pair among the merges.
        first: as for `learn`.
    """
    tokens = [_NUMBER[one] + first for one in piece]
    while len(tokens) > 1:
        pair = min(pairwise(tokens), key=lambda one: ranks.get(one, len(ranks)))
        if pair not in ranks:
            break
        tokens = merged(tokens, pair, first + BYTES + ranks[pair])
    return tokens


_NUMBER = {character: place for place, character in enumerate(CHARACTERS.values())}


def names(merges: Iterable[Pair], special: Sequence[str]) -> tuple[str, ...]:
    """Each token as the characters of its bytes, the special ones first."""
    found = [*special, *CHARACTERS.values()]
    for left, right in merges:
        found.append(found[left] + found[right])
    return tuple(found)
