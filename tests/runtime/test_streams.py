"""Standard output of any encoding takes any text."""

import io
import sys

import pytest

from dl_runner.runtime.streams import NEAREST, take_any_text

TEXT = "3×28 → λ=½ café 図 caf\udce9 ┤█"


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("ascii", r"3x28 -> lambda=1/2 caf\xe9 \u56f3 caf\xe9 |#"),
        ("latin-1", r"3×28 -> lambda=½ café \u56f3 caf\xe9 |#"),
        ("utf-8", r"3×28 → λ=½ café 図 caf\xe9 ┤█"),
    ],
)
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_what_an_encoding_lacks_is_written_in_ascii(monkeypatch, name, encoding, written):
    content = io.BytesIO()
    monkeypatch.setattr(sys, name, io.TextIOWrapper(content, encoding=encoding))
    take_any_text()
    print(TEXT, file=getattr(sys, name), flush=True)
    assert content.getvalue().decode(encoding) == written + "\n"


def test_the_nearest_texts_are_ascii():
    assert all(text.isascii() and not lacking.isascii() for lacking, text in NEAREST.items())


def test_a_closed_stream_swallows_everything(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    take_any_text()
    print(TEXT, flush=True)
    assert not sys.stdout.isatty()
    sys.stdout.close()
