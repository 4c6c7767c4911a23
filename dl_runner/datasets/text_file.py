"""A text of one's own, from any UTF-8 file."""

from pathlib import Path

from dl_runner.config.types import Fraction, PositiveInt
from dl_runner.data.corpus import corpus, read_text
from dl_runner.data.dataset import Data
from dl_runner.data.tokenizer import Tokenizer
from dl_runner.data.windows import Sampling
from dl_runner.errors import UserError


def text_file(
    *,
    path: Path,
    tokenizer: Tokenizer | None = None,
    characters: PositiveInt | None = None,
    test: Fraction = 0.1,
    steps: PositiveInt = 64,
    sampling: Sampling = "random",
) -> Data:
    """The text as it is, but for a byte order mark and carriage returns at ends of lines.

    Args:
        path: the file.

    Other arguments as for `dl_runner.data.corpus.corpus`.

    Raises:
        UserError: the file is missing, empty or no UTF-8 text.
    """
    if path.is_dir():
        raise UserError(f"data.path={path}: is a folder; name one text file")
    text = read_text(path)
    if not text.strip():
        raise UserError(f"data.path={path}: is empty; name a file with a text in it")
    return corpus(text, tokenizer, characters=characters, test=test, steps=steps, sampling=sampling)
