"""The order of a vocabulary."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.data.vocabulary import SPECIAL, UNKNOWN, vocabulary


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcdef🙂")), st.integers(1, 4))
def test_the_vocabulary_is_ordered_by_frequency_then_character(tokens, least):
    found, counts = vocabulary(tokens, least), Counter(tokens)
    assert found[0] == UNKNOWN
    assert set(found[1:]) == {token for token, count in counts.items() if count >= least}
    assert list(found[1:]) == sorted(found[1:], key=lambda token: (-counts[token], token))


def test_the_unknown_token_comes_first_once():
    assert vocabulary(["a", UNKNOWN, UNKNOWN]) == (UNKNOWN, "a")
    assert vocabulary([]) == (UNKNOWN,)


def test_special_tokens_come_first_in_their_order_whatever_the_text_has():
    assert vocabulary(["b", "<eos>", "<eos>", "a", "<pad>"], special=SPECIAL) == (*SPECIAL, "a", "b")
