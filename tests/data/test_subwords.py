"""Tokenizers of parts of words."""

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.data.subwords import bpe, bpe_scratch, wordpiece
from dl_runner.data.tokenizer import restored
from dl_runner.data.vocabulary import SPECIAL, UNKNOWN
from dl_runner.errors import UserError

LINE = "The time traveller (for so it will be convenient to speak of him) was expounding a recondite matter."
TEXT = f"{LINE}\n" * 3

KINDS = {"bpe": bpe(size=300), "bpe_scratch": bpe_scratch(size=300), "wordpiece": wordpiece(size=80)}
PAIRS = {name: KINDS[name].fit(TEXT) for name in ("bpe", "bpe_scratch")}
SENTENCES = {name: kind.fit_sentences(TEXT.splitlines()) for name, kind in KINDS.items()}
STRANGE = ["", "🙂", "👩‍👩‍👧 天地\u3000玄黄", "\x00\x01\r\n\t  \n\n a", "<unk> <eos><pad>", "don't  we'll", "\ufeffé́"]


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("text", STRANGE)
def test_byte_pairs_give_back_any_text(name, text):
    for fitted in (PAIRS[name], SENTENCES[name]):
        assert fitted.decode(fitted.encode(text)) == text and fitted.unknown(text) == []
        assert fitted.encode_sentences([text, text]) == [fitted.encode(text)] * 2


@settings(deadline=None)
@given(st.text())
def test_byte_pairs_give_back_any_text_that_hypothesis_finds(text):
    tokens = PAIRS["bpe"].encode(text)
    assert PAIRS["bpe"].decode(tokens) == text and PAIRS["bpe_scratch"].encode(text) == tokens


@pytest.mark.parametrize("name", KINDS)
def test_what_looks_like_a_special_token_is_none(name):
    fitted = SENTENCES[name]
    assert fitted.tokens[:4] == SPECIAL
    assert not {1, 2, 3} & set(fitted.encode("<pad> <bos> <eos> time"))
    assert fitted.decode([2, *fitted.encode("the time"), 3, 1]) == "the time"


def test_half_a_character_is_decoded_to_its_replacement():
    fitted = PAIRS["bpe"]
    half = fitted.encode("天")[:-1]
    assert fitted.decode(half) == "�" and [fitted.label(one) for one in half] == ["�"] * 2
    assert fitted.label(fitted.encode(" time")[0]).startswith("␣") and fitted.label(0) == UNKNOWN


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("fit", ["fit", "fit_sentences"])
def test_a_saved_tokenizer_is_the_same(name, fit):
    fitted = getattr(KINDS[name], fit)(TEXT if fit == "fit" else TEXT.splitlines())
    again = restored(json.loads(json.dumps(fitted.state_dict())))
    assert again == fitted and again.encode(TEXT) == fitted.encode(TEXT)


def test_word_pieces_go_on_with_two_marks_and_words_come_back():
    fitted = KINDS["wordpiece"].fit(TEXT)
    tokens = [fitted.tokens[one] for one in fitted.encode(LINE)]
    assert "##" in "".join(tokens) and fitted.tokens[0] == UNKNOWN
    assert fitted.decode(fitted.encode(LINE)) == LINE
    assert fitted.unknown("time 天 q time 天") == ["天", "q"] and 0 in fitted.encode("天")
    assert wordpiece(lowercase=True).fit(TEXT).encode("TIME") == wordpiece(lowercase=True).fit(TEXT).encode("time")


def test_word_pieces_are_the_same_in_every_process():
    code = "from dl_runner.data.subwords import wordpiece; print(wordpiece(size=80).fit(input() * 3).tokens)"
    found = {
        subprocess.run([sys.executable, "-c", code], input=LINE, capture_output=True, text=True, check=True).stdout
        for _ in range(3)
    }
    assert len(found) == 1


@pytest.mark.parametrize("build", [bpe, bpe_scratch])
def test_a_vocabulary_has_room_for_all_bytes(build):
    with pytest.raises(UserError, match=r"^tokenizer.size=259: 260 tokens are there before the first merge, 256 bytes"):
        build(size=259).fit_sentences(["a"])
    assert build(size=257).fit("abab").merges == ()


def test_without_the_library_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(UserError, match=r"pip install 'dl_runner\[subwords\]', or use tokenizer=bpe_scratch$"):
        bpe().fit(TEXT)
    assert bpe_scratch(size=300).fit(TEXT) == PAIRS["bpe_scratch"]


def test_the_environment_stays_as_it_was(monkeypatch):
    import os

    for before in (None, "true"):
        monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
        if before:
            monkeypatch.setenv("TOKENIZERS_PARALLELISM", before)
        bpe(size=300).fit("a new text")
        assert os.environ.get("TOKENIZERS_PARALLELISM") == before
