"""What is learnt from the sentences of a training, and what becomes of others by it."""

import json

import pytest

from dl_runner.build.readings import difference, reading_of
from dl_runner.data.batch import blank
from dl_runner.data.fitted.text_pair import PairFit, text_pair
from dl_runner.data.pairs import SentencePairs
from dl_runner.data.tokenizers import char, word
from dl_runner.data.vocabulary import BOS, EOS, PAD, SPECIAL
from dl_runner.errors import UserError
from dl_runner.spec import Tokens

TRAIN = SentencePairs(["Go on .", "Go !"], ["Va .", "Va , va donc !"])


def fitted(length=None, **settings):
    return PairFit(word(**settings), length, word(lowercase=True)).fit(TRAIN)


def test_both_vocabularies_begin_with_the_special_tokens():
    found = fitted()
    assert SPECIAL == ("<unk>", "<pad>", "<bos>", "<eos>") and (PAD, BOS, EOS) == (1, 2, 3)
    assert found.source.tokens == (*SPECIAL, "Go", "!", ".", "on")
    assert found.target.tokens == (*SPECIAL, "va", "!", ",", ".", "donc")
    assert fitted(min_frequency=2).source.tokens == (*SPECIAL, "Go")


def test_the_spec_has_room_for_longer_sentences_unless_they_are_cut():
    spec = fitted().spec
    assert spec.inputs["source"] == Tokens(8, 6, PAD) and spec.targets == spec.inputs["target"] == Tokens(9, 9, PAD)
    assert spec.task == "translation" and fitted(length=5).spec.targets.length == 5
    assert blank(spec, 2).inputs["source"].shape == (2, 6)


def test_longer_sentences_are_cut_and_told_or_refused():
    later = SentencePairs(["Go", "Go Go Go Go Go Go"], ["va va va va", "va"])
    split = fitted(length=4).apply(later)
    assert split.source.tolist() == [[4, EOS, PAD, PAD], [4, 4, 4, 4]]
    assert split.target.tolist() == [[4, 4, 4, 4], [4, EOS, PAD, PAD]]
    assert split.note == "2 of 2 pairs are cut to data.length=4 tokens"
    assert fitted(length=7).apply(later).note == ""
    with pytest.raises(UserError, match=r"a sentence has 7 tokens, .* longest that fits has 6; set data\.length"):
        fitted().apply(later)
    with pytest.raises(ValueError, match="7 tokens"):
        fitted().encode_source("Go Go Go Go Go Go")


def test_a_sentence_is_encoded_as_it_is_read_and_decoded_as_it_is_written():
    found = fitted()
    assert found.encode_source("Go now !") == [4, 0, 5, EOS] and found.source.encode("Go now !") == [4, 0, 5]
    assert found.target.decode([BOS, 4, 6, 4, 0, 5, EOS, PAD]) == "va, va <unk>!"
    assert found.source.unknown("Go now <pad> <unk>") == ["now", "<pad>"]
    assert found.target.words([BOS, 4, EOS]) == ["<bos>", "va", "<eos>"]


def test_a_special_token_in_a_text_is_an_unknown_word():
    train = SentencePairs(["<eos> a <eos> <pad>"], ["<bos> b"])
    found = PairFit(word(), None).fit(train)
    assert found.source.tokens == (*SPECIAL, "a") and found.encode_source("<eos> a <pad>") == [0, 4, 0, EOS]
    assert found.apply(train).target.tolist() == [[0, 4, EOS]]


@pytest.mark.parametrize("length", [None, 5])
def test_what_was_saved_is_the_same(length):
    found = PairFit(char(min_frequency=2), length, word(lowercase=True)).fit(TRAIN)
    again = text_pair(json.loads(json.dumps(found.state_dict())))
    assert again == found and again.spec == found.spec


def test_vocabularies_that_differ_are_told_by_their_side():
    ours, theirs = (reading_of(one) for one in (fitted(), fitted(min_frequency=2)))
    assert difference(ours, reading_of(fitted(length=4))) == ""
    assert difference(theirs, ours).startswith("source: the tokenizer's settings: ")
    target = reading_of(PairFit(word(), None, word(lowercase=True)).fit(SentencePairs(TRAIN.sources, ["x", "x"])))
    assert difference(target, ours) == "target: token 4 of 5 there is 'x', of 9 here 'va'"
    assert "source: the tokenizer" in difference({}, ours) and difference(ours, {})


@pytest.mark.parametrize("least, remedy", [(1, "more text"), (3, "a smaller one")])
def test_a_vocabulary_of_no_word_is_refused(least, remedy):
    with pytest.raises(UserError, match=rf"min_frequency={least}: no token of the 1 source sentences .*{remedy}"):
        PairFit(word(min_frequency=least), None).fit(SentencePairs([" "], ["a"]))
