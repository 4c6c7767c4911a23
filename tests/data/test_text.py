"""A text as a split: stretches of characters, windows of tokens."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.data.fingerprint import fingerprint
from dl_runner.data.text import IGNORE, TextSplit, TokenStream


def stream(tokens: int, steps: int) -> TokenStream:
    return TokenStream(torch.arange(tokens), steps)


@settings(deadline=None)
@given(st.integers(2, 30), st.integers(1, 12), st.data())
def test_the_targets_of_a_window_are_its_inputs_one_place_later(tokens, steps, data):
    split = stream(tokens, steps)
    starts = torch.tensor(data.draw(st.lists(st.integers(0, tokens - 2), min_size=1, max_size=5)))
    inputs, targets = split.take(starts)
    counts = split.counted(starts)["tokens"]
    for start, given_, wanted, count in zip(starts.tolist(), inputs.tolist(), targets.tolist(), counts, strict=True):
        there = min(steps, tokens - 1 - start)
        assert count == there and len(given_) == len(wanted) == steps
        assert given_[:there] == list(range(start, start + there))
        assert wanted[:there] == list(range(start + 1, start + there + 1))
        assert wanted[there:] == [IGNORE] * (steps - there) and given_[there:] == [0] * (steps - there)


def test_a_range_of_windows_is_taken_like_their_starts():
    split = stream(20, 4)
    for ranged, listed in zip(split.take(slice(3, 9)), split.take(torch.arange(3, 9)), strict=True):
        assert torch.equal(ranged, listed)
    assert torch.equal(split.counted(slice(14, 19))["tokens"], torch.tensor([4, 4, 3, 2, 1]))


def test_a_part_of_a_text_is_a_stretch_of_it():
    split = TextSplit("abcdef")
    assert split.subset(torch.arange(2, 5)).text == "cde" and split.subset(torch.arange(0)).text == ""
    with pytest.raises(ValueError, match="stretch"):
        split.subset(torch.tensor([1, 3]))
    with pytest.raises(NotImplementedError):
        split.take(torch.tensor([0]))


def test_a_fingerprint_knows_the_tokens_and_the_windows():
    prints = {fingerprint(stream(*size))["content"] for size in ((9, 3), (9, 4), (10, 3))}
    assert len(prints) == 3 and fingerprint(stream(9, 3))["content"] in prints
