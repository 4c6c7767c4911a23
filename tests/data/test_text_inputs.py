import io
import sys
from types import SimpleNamespace

import pytest

from dl_runner.data.text_inputs import texts_asked_for
from dl_runner.errors import UserError


def give(monkeypatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))


def test_texts_files_and_the_standard_input_in_their_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.txt").write_bytes("go .\r\nça va ?\n".encode())
    (tmp_path / "plain").write_text("one")
    give(monkeypatch, b"from a pipe\nand more")
    found = texts_asked_for(["first", "two.txt", "-", "plain", "no such file", "go to a.txt"])
    assert found == ["first", "go .", "ça va ?", "from a pipe", "and more", "one", "no such file", "go to a.txt"]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", r"a\.txt: is empty"),
        (b"a\n\nb\n", r"a\.txt, line 2: is empty"),
        (b"a\n  \n", r"a\.txt, line 2: is empty"),
        (b"a\xff", r"a\.txt: is no UTF-8 text: byte 0xff at position 1, in line 1"),
    ],
)
def test_files_without_texts_are_refused(content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(UserError, match=message):
        texts_asked_for(["a.txt"])
    give(monkeypatch, content)
    with pytest.raises(UserError, match=message.replace(r"a\.txt", "standard input")):
        texts_asked_for(["-"])


def test_the_name_of_a_file_that_is_not_there_is_no_text():
    with pytest.raises(UserError, match=r"^nofile\.txt: cannot be read \(No such file"):
        texts_asked_for(["nofile.txt"])
    assert texts_asked_for(["a" * 5000, "a\0b"]) == ["a" * 5000, "a\0b"]
