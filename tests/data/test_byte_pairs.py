"""Byte-pair encoding written out, beside the library's on real text, and on texts of every kind."""

import argparse
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.data.byte_pairs import BYTES, CHARACTERS, encode, learn, merged, pieces, read, written
from dl_runner.data.subwords import bpe, bpe_scratch

# Prose, code, Chinese, emoji of several characters, runs of a letter, whose pairs overlap, and of white space.
MIXED = (
    Path(argparse.__file__).read_text(encoding="utf-8")[:40_000]
    + "天地玄黄 宇宙洪荒 天地 天地玄黄\n" * 9
    + "👩‍👩‍👧 aaaaa aaaaaaa aaa\n\n\n  \t  bbbb 🙂🙂🙂 ½ ² ١٢٣ naïve don't we'll\n" * 7
)


@settings(deadline=None)
@given(st.one_of(st.text(), st.text(alphabet="ab '_1²½\n\t\x1c\u00a0é́🙂天")))
def test_pieces_put_together_are_the_text_and_bytes_come_back(text):
    assert "".join(pieces(text)) == text
    assert read(written(text)).decode() == text


def test_every_byte_has_a_character_that_can_be_seen():
    assert len(set(CHARACTERS.values())) == BYTES and not any(map(str.isspace, CHARACTERS.values()))
    assert written(" the\n") == "ĠtheĊ" and [*CHARACTERS.values()] == sorted(CHARACTERS.values())


def slow(counts, first, merges):
    """What `learn` says, counted anew before each merge."""
    words = {word: [[*CHARACTERS.values()].index(one) + first for one in word] for word in counts}
    found = []
    for token in range(first + BYTES, first + BYTES + merges):
        pairs = Counter()
        for word, tokens in words.items():
            for pair in pairwise(tokens):
                pairs[pair] += counts[word]
        if not pairs:
            break
        pair = min(pairs, key=lambda one: (-pairs[one], one))
        found.append(pair)
        words = {word: merged(tokens, pair, token) for word, tokens in words.items()}
    return found


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=9), st.integers(1, 3), max_size=6))
def test_the_merges_are_those_of_counting_anew(counts):
    assert learn(counts, 4, 12) == slow(counts, 4, 12)


@pytest.mark.parametrize("fit", ["fit", "fit_sentences"])
def test_the_librarys_merges_and_tokens_are_the_same(fit):
    text = MIXED if fit == "fit" else MIXED.splitlines()
    own, library = (getattr(build(size=1200), fit)(text) for build in (bpe_scratch, bpe))
    assert len(own.merges) > 900 and own.merges == library.merges and own.tokens == library.tokens
    assert own.encode(MIXED) == library.encode(MIXED)


def test_the_first_merge_is_done_first():
    ranks = {(0, 1): 0, (1, 2): 1}
    place = {one: number for number, one in enumerate(CHARACTERS.values())}
    a, b, c = (place[one] for one in "abc")
    ranks = {(b, c): 0, (a, b): 1}
    assert encode("abc", ranks, 0) == [a, BYTES] and encode("aab", ranks, 0) == [a, BYTES + 1]
    assert merged([7, 7, 7], (7, 7), 9) == [9, 7]
