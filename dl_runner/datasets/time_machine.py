"""The Time Machine (H. G. Wells, 1895) as Dive into Deep Learning cleans it: lower-case letters and single spaces."""

import re
from pathlib import Path

from dl_runner.config.types import Fraction, PositiveInt
from dl_runner.data.corpus import corpus, read_text
from dl_runner.data.dataset import Data
from dl_runner.data.download import Remote, obtain
from dl_runner.data.tokenizer import Tokenizer
from dl_runner.data.windows import Sampling

FOLDER = "time_machine"
FILE = Remote("timemachine.txt", "7353d136ab308ecd0d4f1c5bf0e23122", ("https://d2l-data.s3-accelerate.amazonaws.com/",))


def time_machine(
    root: Path,
    *,
    tokenizer: Tokenizer | None = None,
    download: bool = True,
    characters: PositiveInt | None = None,
    test: Fraction = 0.1,
    steps: PositiveInt = 35,
    sampling: Sampling = "random",
) -> Data:
    """173,428 characters from root/time_machine/timemachine.txt, 27 different ones.

    Arguments as for `dl_runner.data.corpus.corpus`.

    Raises:
        UserError: the file is missing, or no text.
    """
    path = root / FOLDER / FILE.name
    obtain([] if path.is_file() else [FILE], path.parent, root, download=download)
    text = re.sub("[^A-Za-z]+", " ", read_text(path)).lower()
    return corpus(text, tokenizer, characters=characters, test=test, steps=steps, sampling=sampling)
