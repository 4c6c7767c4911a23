"""Tokenizers: what goes in comes out."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.data.fitted.text import FittedText, text
from dl_runner.data.tokenizers import char, word
from dl_runner.data.vocabulary import SPECIAL, UNKNOWN

WORDS = word()


@settings(deadline=None)
@given(st.text())
def test_characters_come_back_exactly(given_text):
    tokenizer = char().fit(given_text)
    assert tokenizer.decode(tokenizer.encode(given_text)) == given_text
    assert tokenizer.unknown(given_text) == []


@pytest.mark.parametrize("given_text", ["", "🙂", "a🙂👩‍👩‍👧 é", "\n\n", "<unk>"])
def test_characters_of_every_kind(given_text):
    tokenizer = char().fit(given_text)
    assert tokenizer.decode(tokenizer.encode(given_text)) == given_text


@settings(deadline=None)
@given(st.one_of(st.text(), st.text(alphabet="ab-'<>_.,( )\n’")))
def test_words_put_together_are_cut_the_same_way_again(given_text):
    tokens = WORDS.split(given_text)
    assert WORDS.split(WORDS.join(tokens)) == tokens


@settings(deadline=None)
@given(st.text())
def test_words_lose_nothing_but_spaces(given_text):
    kept = "".join(WORDS.split(given_text))
    assert kept == "".join(one for one in given_text if one == "\n" or not one.isspace())


def test_words_are_put_together_readably():
    sentence = "Don't stop (not now), well-known sir: it's 3.5 o'clock!\nYes?"
    assert WORDS.split("it's <unk>, sir.") == ["it's", "<unk>", ",", "sir", "."]
    assert WORDS.join(WORDS.split(sentence)).replace("3. 5", "3.5") == sentence
    assert word(lowercase=True).split("The THE") == ["the", "the"]


def test_what_is_unknown_or_rare_is_token_0():
    tokenizer = char(min_frequency=2).fit("aabbbc")
    assert tokenizer.tokens == (UNKNOWN, "b", "a")
    assert tokenizer.encode("abcx") == [2, 1, 0, 0] and tokenizer.decode([1, 0]) == "b<unk>"
    assert tokenizer.unknown("xaxc") == ["x", "c"]
    assert word().fit("<unk> a <unk>").tokens == (UNKNOWN, "a")


@pytest.mark.parametrize("tokenizer", [char(min_frequency=2), word(lowercase=True)])
def test_a_saved_tokenizer_is_the_same(tokenizer):
    fitted = FittedText(tokenizer.fit("To be, or not to be 🙂"), 7)
    again = text(json.loads(json.dumps(fitted.state_dict())))
    assert again == fitted and again.spec == fitted.spec
    assert (fitted.spec.inputs.vocabulary, fitted.spec.inputs.length) == (len(fitted.tokenizer), 7)


@settings(deadline=None)
@given(st.text(alphabet="ab-'<>ΣΑ_.,( )\n’🙂"), st.integers(1, 5))
@pytest.mark.parametrize("tokenizer", [char(), word(), word(lowercase=True)])
def test_a_text_is_cut_in_stretches_as_it_is_at_once(tokenizer, given_text, stretch):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dl_runner.data.tokenizer.STRETCH", stretch)
        stretches = list(tokenizer.stretches(given_text))
        assert "".join(stretches) == given_text
        assert list(tokenizer.tokens_of(given_text, "")) == tokenizer.split(given_text)


def test_what_looks_special_is_a_word_like_others_where_a_vocabulary_has_no_special_tokens():
    tokenizer = word().fit("<eos> a <eos>")
    assert tokenizer.tokens == (UNKNOWN, "<eos>", "a") and tokenizer.decode(tokenizer.encode("a <eos>")) == "a <eos>"
    assert tokenizer.unknown("<eos>") == []


@pytest.mark.parametrize("unfitted", [char(), word(), word(min_frequency=2)])
def test_sentences_are_counted_and_encoded_as_one_by_one(unfitted):
    sentences = ["a b", "", "b <pad> c", "b"]
    fitted = unfitted.fit_sentences(sentences)
    assert fitted.tokens[:4] == SPECIAL and fitted.encode_sentences(sentences) == [fitted.encode(s) for s in sentences]
    assert set(fitted.tokens[4:]) == set(unfitted.fit("\n".join(sentences)).tokens) - {*SPECIAL, "\n"}
