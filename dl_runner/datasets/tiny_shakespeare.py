"""Tiny Shakespeare: 1,115,394 characters of his plays, as they are. Karpathy, char-rnn, 2015."""

from pathlib import Path

from dl_runner.config.types import Fraction, PositiveInt
from dl_runner.data.corpus import corpus, read_text
from dl_runner.data.dataset import Data
from dl_runner.data.download import Remote, obtain
from dl_runner.data.tokenizer import Tokenizer
from dl_runner.data.windows import Sampling

FOLDER = "tiny_shakespeare"
FILE = Remote(
    "input.txt",
    "6fb458f1232090904fb40fe944165e91",
    ("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/",),
)


def tiny_shakespeare(
    root: Path,
    *,
    tokenizer: Tokenizer | None = None,
    download: bool = True,
    characters: PositiveInt | None = None,
    test: Fraction = 0.0,
    steps: PositiveInt = 64,
    sampling: Sampling = "random",
) -> Data:
    """The text of root/tiny_shakespeare/input.txt.

    The usual tenth at its end is held out by data.validation=0.1; there is no test split, as in nanoGPT. Arguments as
    for `dl_runner.data.corpus.corpus`.

    Raises:
        UserError: the file is missing, or no text.
    """
    path = root / FOLDER / FILE.name
    obtain([] if path.is_file() else [FILE], path.parent, root, download=download)
    return corpus(read_text(path), tokenizer, characters=characters, test=test, steps=steps, sampling=sampling)
