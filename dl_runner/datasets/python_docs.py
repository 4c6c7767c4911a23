"""Python's own documentation of the language, which comes with every Python: nothing to download."""

import re
from pathlib import Path

from dl_runner.config.types import Fraction, PositiveInt
from dl_runner.data.corpus import corpus
from dl_runner.data.dataset import Data
from dl_runner.data.tokenizer import Tokenizer
from dl_runner.data.windows import Sampling
from dl_runner.errors import UserError

_PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})
_UNDERLINE = re.compile(r"^([*=\-^~\"'])\1{2,}$", re.MULTILINE)
_SPACE = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\n{3,}")


def python_docs(
    root: Path,
    *,
    tokenizer: Tokenizer | None = None,
    characters: PositiveInt | None = None,
    test: Fraction = 0.1,
    steps: PositiveInt = 64,
    sampling: Sampling = "random",
) -> Data:
    """The topics of `help()` in the order of their names: English sentences with Python among them, about 440,000
    characters of nearly 100 kinds; which ones depends on the version of Python.

    Headings lose their underlines, lines their indentation, and quotation marks and dashes their curves. Arguments as
    for `dl_runner.data.corpus.corpus`.

    Args:
        root: not needed.

    Raises:
        UserError: this Python came without them.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise UserError(
            "data=python_docs: this Python came without pydoc_data; use another one, or data=time_machine"
        ) from None
    text = cleaned("\n\n".join(topics[name] for name in sorted(topics)))
    return corpus(text, tokenizer, characters=characters, test=test, steps=steps, sampling=sampling)


def cleaned(text: str) -> str:
    """The text without what is there for the eye alone."""
    lines = (_SPACE.sub(" ", line).strip() for line in _UNDERLINE.sub("", text.translate(_PLAIN)).split("\n"))
    return _LINES.sub("\n\n", "\n".join(lines)).strip() + "\n"
