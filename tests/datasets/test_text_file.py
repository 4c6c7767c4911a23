"""A text of one's own, and what is wrong with it in one line."""

from pathlib import Path

import pytest

from dl_runner.data.fitted.text import TextFit
from dl_runner.data.subwords import bpe
from dl_runner.data.text import TextSplit
from dl_runner.data.tokenizers import char, word
from dl_runner.datasets.text_file import text_file
from dl_runner.errors import UserError


def test_the_text_is_as_it_is_but_for_marks_of_windows(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_bytes("\ufeffone\r\ntwo\rthree é\n".encode())
    data = text_file(path=path, test=0.25)
    assert data.train.text + data.test.text == "one\ntwo\rthree é\n" and len(data.test.text) == 4
    assert text_file(path=path, test=0.0, characters=3).train.text == "one"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "data.path=mine.txt: is empty; name a file with a text in it"),
        (b" \n\t", "data.path=mine.txt: is empty; name a file with a text in it"),
        (
            b"good\nbad \xff\n",
            "mine.txt: is no UTF-8 text: byte 0xff at position 9, in line 2 (invalid start byte); save it as UTF-8",
        ),
        (None, "mine.txt: cannot be read (No such file or directory); check the path and its permissions"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("mine.txt").write_bytes(content)
    with pytest.raises(UserError) as error:
        text_file(path=Path("mine.txt"))
    assert str(error.value) == message


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"is a folder; name one text file$"):
        text_file(path=tmp_path)


@pytest.mark.parametrize(
    ("text", "tokenizer", "message"),
    [
        ("", char(), "data: the training text is empty"),
        (" \n", word(), "data: the training text is empty"),
        ("aaaa", char(), "tokenizer.min_frequency=1: 'a' is the only token that the training text has so often"),
        ("ab ab", word(), "tokenizer.min_frequency=1: 'ab' is the only token"),
        ("abab", char(min_frequency=3), "tokenizer.min_frequency=3: there is no token that the training text has so"),
    ],
)
def test_a_text_without_a_choice_of_tokens_is_refused(text, tokenizer, message):
    with pytest.raises(UserError) as error:
        TextFit(tokenizer, 4).fit(TextSplit(text))
    assert str(error.value).startswith(message)


def test_one_character_is_enough_for_bytes():
    fitted = TextFit(bpe(size=258), 4).fit(TextSplit("aaaa"))
    assert len(fitted.tokenizer) == 258 and fitted.spec.inputs.vocabulary == 258
